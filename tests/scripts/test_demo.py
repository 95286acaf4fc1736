# SPDX-License-Identifier: GPL-2.0
"""The demos' reading of perf's output, and whether they see that something is wrong."""

import copy
import unittest

from programs import load

profile = load("profile", "demo")
contention = load("contention", "demo")

STAT = """
 Performance counter stats for 'work':

        24,933,768      instructions:u                   #    1.00  insn per cycle
           4361796      branches:u
     <not counted>      cycles:u                                                (0.00%)
   <not supported>      cache-misses:u

       0.260245200 seconds time elapsed
"""
REPORT = """
     3.05%            76  [.] checksum_keys      -      -
    47.93%          1194  [.] sort_keys          -      -
     0.04%             1  [k] asm_exc_page_fault -      -
"""
RUN = {
    "stat": {"instructions:u": 1000, "branches:u": 100, "cycles:u": 1001},
    "report": {"sort_keys": (60.5, 605), "checksum_keys": (39.5, 395)},
    "books": {"counts": {"instructions:u": 1000, "branches:u": 100, "cycles:u": 1000},
              "shares": {"sort_keys": 59.0, "checksum_keys": 41.0}},
    "topdown": {"1": {"perf": {"tma_retiring": 33.3}, "books": {"tma_retiring": 33.1}}},
}
TOPDOWN = """
 Performance counter stats for 'work':

 %  tma_backend_bound      %  tma_retiring %  tma_bad_speculation %  tma_frontend_bound 
                62.7                 33.3                  0.0                    4.0 

       0.260245200 seconds time elapsed

       0.250000000 seconds user
"""


def windows(*counts):
    """What the guest printed, with these totals; and the last window before AGAIN twice."""
    lines = [f"window {nr} {count} {count // 2}" for nr, count in enumerate(counts)]
    lines.insert(contention.AGAIN, lines[contention.AGAIN - 1])
    return "\n".join(["== guest", *lines, "== end"])


class Profile(unittest.TestCase):
    def test_sections(self):
        parts = profile.sections("noise\n== stat\nfoo\n== report\nbar\nbaz\n== end\n")
        self.assertEqual(parts, {"stat": "foo\n", "report": "bar\nbaz\n", "end": ""})

    def test_stat(self):
        self.assertEqual(profile.parse_stat(STAT),
                         {"instructions:u": 24933768, "branches:u": 4361796, "cycles:u": None,
                          "cache-misses:u": None})

    def test_report(self):
        self.assertEqual(profile.parse_report(REPORT),
                         {"checksum_keys": (3.05, 76), "sort_keys": (47.93, 1194)})

    def test_right(self):
        self.assertEqual(list(profile.faults(RUN)), [])

    def test_topdown(self):
        self.assertEqual(profile.parse_topdown(TOPDOWN),
                         {"tma_backend_bound": 62.7, "tma_retiring": 33.3,
                          "tma_bad_speculation": 0.0, "tma_frontend_bound": 4.0})
        self.assertEqual(profile.parse_topdown("perf: no such event\n"), {})

    def test_topdown_of_books(self):
        slots = [1000, 400, 100, 200, 300, 50, 70, 80, 90]
        self.assertEqual(profile.true_topdown(slots, 1),
                         {"tma_retiring": 40, "tma_bad_speculation": 10, "tma_frontend_bound": 20,
                          "tma_backend_bound": 30})
        self.assertEqual(sum(profile.true_topdown(slots, 2).values()), 100)

    def test_wrong_topdown(self):
        for value in (32.0, 34.2, None):
            run = copy.deepcopy(RUN)
            run["topdown"]["1"]["perf"]["tma_retiring"] = value
            self.assertEqual([fault.partition(":")[0] for fault in profile.faults(run)], ["tma_retiring"])

    def test_wrong_count(self):
        for value in (999, 1001, None):
            run = copy.deepcopy(RUN)
            run["stat"]["instructions:u"] = value
            self.assertEqual(len(list(profile.faults(run))), 1)

    def test_wrong_share(self):
        run = copy.deepcopy(RUN)
        run["report"]["sort_keys"] = (61.5, 615)
        self.assertEqual([fault.partition(":")[0] for fault in profile.faults(run)], ["sort_keys"])

    def test_wrong_order(self):
        run = copy.deepcopy(RUN)
        run["books"]["shares"] = {"sort_keys": 49.5, "checksum_keys": 50.5}
        run["report"] = {"sort_keys": (50.5, 505), "checksum_keys": (49.5, 495)}
        self.assertEqual(len(list(profile.faults(run))), 1)

    def test_function_missing(self):
        run = copy.deepcopy(RUN)
        del run["report"]["checksum_keys"]
        self.assertTrue(list(profile.faults(run)))


class Contention(unittest.TestCase):
    def test_readings(self):
        found = contention.readings(windows(*range(0, 1000 * contention.WINDOWS + 1, 1000)))
        self.assertEqual(len(found), contention.WINDOWS + 2)
        self.assertEqual(found[1], (1, {"instructions": 1000, "branches": 500}))

    def test_window_missing(self):
        with self.assertRaises(contention.Failure):
            contention.readings(windows(*range(contention.WINDOWS)))

    def test_wrong_windows(self):
        rows = [{"window": 1, "guest": {"instructions": 5}, "books": {"instructions": 5}},
                {"window": 2, "guest": {"instructions": 4}, "books": {"instructions": 5}}]
        self.assertEqual(contention.wrong_windows({"PINNED": rows}), [("PINNED", 2)])

    def test_stretch_without_window(self):
        with self.assertRaises(contention.Failure):
            list(contention.stretches([], "PINNED"))


if __name__ == "__main__":
    unittest.main()
