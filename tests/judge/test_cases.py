# SPDX-License-Identifier: GPL-2.0
"""Tests of tests/run's configuration, and of cases.cfg and known-failures themselves."""

import importlib.machinery
import importlib.util
import os
import tempfile
import unittest

from judge import checks, judge, known

TESTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def load_runner():
    """tests/run as a module."""
    loader = importlib.machinery.SourceFileLoader("runner", os.path.join(TESTS, "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("runner", loader))
    loader.exec_module(module)
    return module


RUNNER = load_runner()


def cases(text):
    """The cases of a configuration."""
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as handle:
        handle.write(text)
        handle.flush()
        return [case for case, _ in RUNNER.read_cases(handle.name)]


class Configuration(unittest.TestCase):
    """How sections become cases."""

    def test_machines(self):
        found = cases("[a]\nmachine = spr zen4\ncommand = x\ncommand.zen4 = y\n")
        self.assertEqual([case.name for case in found], ["a.spr", "a.zen4"])
        self.assertEqual([case.keys["command"] for case in found], ["x", "y"])

    def test_vary(self):
        found = cases("[a]\nmachine = spr\ncpus = 3\ncommand = x\nvary = cpus 1 2\n seed 0 5\n")
        self.assertEqual([case.name for case in found],
                         ["a.spr.cpus=1.seed=0", "a.spr.cpus=1.seed=5",
                          "a.spr.cpus=2.seed=0", "a.spr.cpus=2.seed=5"])
        self.assertEqual(found[2].lab_run()[3:5], ["-c", "2"])
        self.assertIn("--seed", found[2].lab_run())
        for wrong in ("cpu 1", "cpus"):
            with self.assertRaises(RUNNER.ConfigError):
                cases(f"[a]\nmachine = spr\ncommand = x\nvary = {wrong}\n")

    def test_summary(self):
        outcomes = [RUNNER.Outcome("a.spr.seed=0", 1, [], []),
                    RUNNER.Outcome("a.spr.seed=5", 2, [("rule", "x|y")], []),
                    RUNNER.Outcome("b", 3, [], [], "no reason")]
        with tempfile.NamedTemporaryFile("r", suffix=".md") as handle:
            RUNNER.write_summary(handle.name, outcomes)
            lines = handle.read().splitlines()
            self.assertRegex(lines[0], r"^Commit [0-9a-f]{12}(-dirty)?, [-0-9]{10}: "
                                       r"1 passed, 1 failed, 1 skipped\.$")
            self.assertEqual(lines[4:],
                             ["| a.spr | 1 | 1 | 0 | 3 | .seed=5 rule: x\\|y |",
                              "| b | 0 | 0 | 1 | 3 | no reason |"])

    def test_arguments(self):
        case, = cases("[a]\nmachine = spr\ncpus = 2\nmodules = kvm.a=1\n b.c=2\nfiles = f g:/h\n"
                      "seed = 5\npmi-delay = 7\nclock = 300\ndebug = yes\ncommand = echo hi\n")
        self.assertEqual(case.lab_run(), ["lab/run", "-m", "spr", "-c", "2", "-P", "kvm.a=1 b.c=2",
                                          "-f", "f", "-f", "g:/h", "-t", "120", "--seed", "5",
                                          "--pmi-delay", "7", "--clock", "300", "--debug", "--", "echo hi"])

    def test_bad(self):
        for text in ("[a]\ncommand = x\n", "[a]\nmachine = spr\n",
                     "[a]\nmachine = spr\ncommand = x\nchekc = y\n",
                     "[a]\nmachine = spr\ncommand = x\nskip.zen4 = y\n"):
            with self.assertRaises(RUNNER.ConfigError):
                cases(text)


class OurCases(unittest.TestCase):
    """cases.cfg and known-failures."""

    def test_all(self):
        names = []
        rules = {rule for rule, _ in judge.KERNEL_RULES}
        rules |= {"truncated-trace", "no-trace", "bad-trace", "missing-results"}
        for case, tags in RUNNER.read_cases(os.path.join(TESTS, "cases.cfg")):
            with self.subTest(case.name):
                names.append(case.name)
                expect = case.expect()
                for name, _ in expect.checks:
                    checks.find(name)
                self.assertIn(expect.protocol, ("ktap", "exit"))
                self.assertLessEqual(set(expect.faults), rules)
                self.assertLessEqual(set(tags), {"quick", "long"})
        self.assertEqual(len(names), len(set(names)))
        for entry in known.load(os.path.join(TESTS, "known-failures")):
            self.assertTrue([name for name in names if entry.covers(name, entry.ident)],
                            f"{entry.case} is no case")


if __name__ == "__main__":
    unittest.main()
