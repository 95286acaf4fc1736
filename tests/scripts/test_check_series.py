# SPDX-License-Identifier: GPL-2.0
"""Tests of scripts/check-series: which warnings are new."""

import unittest

from programs import load

check_series = load("check-series")
SPARSE = "../kernel/events/core.c:1426:15: warning: incorrect type in assignment"


class Warnings(unittest.TestCase):
    """new_warnings() and read_ignore()"""

    def test_lines_move(self):
        self.assertEqual(check_series.new_warnings(SPARSE, SPARSE.replace("1426", "1430")), [])

    def test_new_text(self):
        other = "../kernel/x.c:1:2: warning: unused variable 'a' [-Wunused-variable]"
        self.assertEqual(check_series.new_warnings(SPARSE, f"  note\n{SPARSE}\n{other}\n"), [other])

    def test_once_more_in_a_source_file(self):
        again = SPARSE.replace("1426", "1999")
        self.assertEqual(check_series.new_warnings(SPARSE, f"{SPARSE}\n{again}"), [again])

    def test_once_more_in_a_header(self):
        header = "../include/linux/x.h:1:2: warning: odd"
        self.assertEqual(check_series.new_warnings(header, f"{header}\n{header}"), [])

    def test_kernel_doc(self):
        doc = "kernel/x.c:5: warning: Function parameter or struct member 'a' not described in 'f'"
        self.assertEqual(check_series.new_warnings("", doc), [doc])

    def test_kernel_doc_that_was_not_complete(self):
        doc = "kernel/x.h:5: warning: Function parameter or struct member 'a' not described in 's'"
        one_more = doc.replace("'a'", "'b'")
        other = one_more.replace("'s'", "'t'")
        self.assertEqual(check_series.new_warnings(doc, f"{doc}\n{one_more}\n{other}"), [other])

    def test_errors(self):
        self.assertEqual(len(check_series.new_warnings("", "../a.c:1:1: error: unknown type")), 1)

    def test_ignore_needs_a_reason(self):
        self.assertEqual(check_series.read_ignore("# x\n\nA_B why\nC@a/b.h so\n"),
                         (["A_B"], [("C", "a/b.h")]))
        for bad in ("A_B", "a b", "A-B why", "A@b", "A@ why", "@b why"):
            with self.assertRaises(ValueError):
                check_series.read_ignore(bad)

    def test_ignored_in_one_file(self):
        said = [f"CHECK:{kind}: text\n#12: FILE: {file}:34:\n+\tcode (" for kind, file in
                (("A_B", "x/y.h"), ("A_B", "x/z.h"), ("C", "x/y.h"))]
        text = "\n\n".join(said) + "\n\n"
        self.assertEqual(check_series.without_ignored(text, [("A_B", "x/y.h")]), "\n\n".join(said[1:]))
        self.assertEqual(check_series.without_ignored(said[0] + "\n", [("A_B", "x/y.h")]), "")
        self.assertEqual(check_series.without_ignored(text, []), text.strip())
        self.assertEqual(check_series.without_ignored("WARNING:A_B: no file\n", [("A_B", "x/y.h")]),
                         "WARNING:A_B: no file")


if __name__ == "__main__":
    unittest.main()
