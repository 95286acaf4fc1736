# SPDX-License-Identifier: GPL-2.0
"""tests/known-failures: faults that are not ours, each with reason and expiry.

One per line:   CASE:ID   YYYY-MM-DD   REASON
CASE is a shell pattern for the case's name (name.machine), ID one for what
failed in it: the name of a KTAP result, or the name of a rule of the judge.
An entry whose date is past, or that did not fail in a case it names, fails.
"""

import datetime
import fnmatch
from dataclasses import dataclass


@dataclass
class Known:
    """One entry."""
    case: str
    ident: str
    expiry: datetime.date
    reason: str

    def covers(self, case, ident):
        """Does this entry speak of @ident failing in @case?"""
        return fnmatch.fnmatchcase(case, self.case) and fnmatch.fnmatchcase(ident, self.ident)


def parse(text):
    """Entries of a known-failures file; ValueError tells a bad line."""
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = line.split(None, 2)
        if len(words) < 3 or ":" not in words[0]:
            raise ValueError(f"known-failures line {number}: want CASE:ID YYYY-MM-DD REASON")
        case, ident = words[0].split(":", 1)
        entries.append(Known(case, ident, datetime.date.fromisoformat(words[1]), words[2].strip()))
    return entries


def load(path):
    """Entries of a file; none if it is not there."""
    try:
        with open(path, encoding="utf-8") as handle:
            return parse(handle.read())
    except FileNotFoundError:
        return []


def apply(entries, case, failures, today):
    """Split @failures ((ident, text) pairs) of @case.

    Returns (left, known): what still fails, with expired and unexpectedly
    passing entries added, and the texts of what is known.
    """
    left, known, used = [], [], set()
    for ident, text in failures:
        for index, entry in enumerate(entries):
            if entry.covers(case, ident):
                used.add(index)
                if entry.expiry < today:
                    left.append((ident, text))
                    left.append(("known-failure-expired", f"{entry.case}:{entry.ident} "
                                 f"expired {entry.expiry}: {entry.reason}"))
                else:
                    known.append(f"{ident}: {entry.reason} (until {entry.expiry})")
                break
        else:
            left.append((ident, text))
    for index, entry in enumerate(entries):
        if index not in used and fnmatch.fnmatchcase(case, entry.case):
            left.append(("known-failure-passed",
                         f"{entry.case}:{entry.ident} did not fail: remove it"))
    return left, known
