#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Modelled cycles: counts of the lab's books times the costs in bench/costs.ini.

usage: bench/costs.py

Prints what the table makes of the exits that were published for mainline, from the counts
in docs/exits-peer.json, beside the published cycles.

Exit status: 0 if it is within what was published: a figure in whole thousands to the thousand,
another to 10 %; 1 if not; 2 for a file that can't be read.
"""

import configparser
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from common import ACCESSES, ROOT, fail, load_rows  # noqa: E402

COSTS = ("instruction", "exit", "interrupt", *ACCESSES, "listed", "vmread", "vmwrite")
VARIATION = 0.3

# The kinds of work that bench/profiling has recorded, and by how many events.
WORKS, RECORDS = ("compute", "io"), (0, 6, 10)

# machine, without/with a mediated vPMU, counters that were written instead of read at entry,
# cycles, the least and the most that they can have been.
PUBLISHED = (
    ("spr", "mediated", 0, "3k", 2500, 3500),
    ("spr", "mediated", 11, "4k", 3500, 4500),
    ("zen4", "none", 0, "2550", 2295, 2805),
    ("zen4", "mediated", 0, "5.3k", 4770, 5830),
    ("zen4", "mediated", 6, "6.2k", 5580, 6820),
    ("zen4", "mediated", 6, "6100", 5490, 6710),
)


def load():
    """{machine: {cost: cycles}}, and "clock", the instructions a microsecond."""
    path = os.path.join(ROOT, "bench", "costs.ini")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        return {machine: {name: float(parser[machine][name]) for name in (*COSTS, "clock")}
                for machine in parser.sections()}
    except (OSError, ValueError, KeyError, configparser.Error) as error:
        return fail(f"{path}: {error}")


def cycles(counts, costs):
    """Modelled cycles of @counts, as counts_of() makes them or a part of that: what isn't
    there is 0."""
    total = costs["instruction"] * sum(counts.get("insns", {}).values())
    total += costs["exit"] * sum(counts.get("exits", {}).values())
    total += costs["interrupt"] * counts.get("pmis", 0)
    for name in (*ACCESSES, "listed"):
        total += costs[name] * counts.get("accesses", {}).get(name, 0)
    return total + sum(costs[name] * counts.get(name, 0) for name in ("vmread", "vmwrite"))


def counts_of(books):
    """What cycles() wants, of a difference of two books: all modes together. An access that
    trapped is an exit."""
    modes = ("hu", "hk", "gu", "gk", "nu", "nk")
    accesses = {}
    for name in ACCESSES:
        pairs = [books.access(name, mode) for mode in modes]
        accesses[name] = sum(number - trapped for number, trapped in pairs)
    return {"insns": {mode: books.count("insns", mode) for mode in modes},
            "exits": {name: count for name, count in books.exits().items() if count},
            "pmis": books.pmi("delivered"), "accesses": {**accesses, "listed": books.vmx("listed")},
            "vmread": books.vmx("vmread"), "vmwrite": books.vmx("vmwrite")}


def varied(costs):
    """The table as it is, and with each cost lower and higher, one by one and all but the
    instruction's together, in which the others are measured."""
    yield costs
    for factor in (1 - VARIATION, 1 + VARIATION):
        for name in COSTS:
            yield {**costs, name: costs[name] * factor}
        yield {name: cost * factor if name != "instruction" else cost for name, cost in costs.items()}


def index(rows):
    """{(machine, setup, work, events): row} of what bench/profiling has measured."""
    return {(row["machine"], row["setup"], row["work"], row["events"]): row for row in rows}


def overhead(rows, bare, key, costs):
    """What virtualisation adds to the cost of perf record, in parts of what the program takes in
    the guest without that:
      ((guest, recorded) - (guest, not) - (bare, recorded) + (bare, not)) / (guest, not)
    where guest, not is with enable_mediated_pmu=0. @rows, and @bare, which has those of the bare
    machine, as index() makes them; @key of the row in question."""
    machine, _, work, events = key
    plain = cycles(rows[machine, "perf-based", work, 0], costs)
    recorded = cycles(rows[key], costs)
    return (recorded - plain - cycles(bare[machine, "bare", work, events], costs)
            + cycles(bare[machine, "bare", work, 0], costs)) / plain


def extremes(ours, peer, key, table):
    """The least and the most that our overhead is of the peer's, with each cost of @table varied.
    The bare machine is in @ours."""
    ratios = [overhead(ours, ours, key, costs) / overhead(peer, ours, key, costs)
              for costs in varied(table)]
    return min(ratios), max(ratios)


def main():
    """Hold the table against what was published."""
    if len(sys.argv) > 1:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    table = load()
    rows = load_rows(os.path.join(ROOT, "docs", "exits-peer.json"))
    status = 0
    for machine, vpmu, written, published, least, most in PUBLISHED:
        row = next(row for row in rows if row["kind"] == "cpuid" and not row["guest"] and not row["host"]
                   and (row["machine"], row["vpmu"]) == (machine, vpmu))
        costs = table[machine]
        modelled = cycles({**row, "insns": {"hk": row["insns"]}}, costs) / row["trips"]
        modelled += written * (costs["wrmsr"] - costs["rdpmc"])
        fits = least <= modelled < most
        status |= not fits
        print(f"{machine:5} {vpmu:9} {'written' if written else 'read':8} published {published:>5}  "
              f"modelled {modelled:.0f}{'' if fits else '  OUT OF RANGE'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
