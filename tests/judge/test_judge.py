# SPDX-License-Identifier: GPL-2.0
"""Tests of the judge on canned logs: every rule has a log that breaks it.

The name of a log is the rule that it breaks, optionally with more words:
RULE[-MORE].SUFFIX with suffix ktap, console or jsonl.
"""

import datetime
import json
import os
import re
import unittest

from judge import checks, judge, known, ktap, trace

DATA = os.path.join(os.path.dirname(os.path.realpath(__file__)), "testdata")

KTAP_RULES = ("unparsable", "no-plan", "zero-tests", "missing-results", "extra-results",
              "bail-out", "skip-without-reason")
TRACE_RULES = ("truncated-trace", "bad-trace")


def data(name):
    """Text of a canned log."""
    with open(os.path.join(DATA, name), encoding="utf-8") as handle:
        return handle.read()


def logs(rule, suffix):
    """All canned logs of a rule."""
    found = [name for name in sorted(os.listdir(DATA)) if name.endswith("." + suffix)
             and (name == f"{rule}.{suffix}" or name.startswith(rule + "-"))]
    assert found, f"no canned log for {rule}"
    return found


def make_run(**changes):
    """A Run in which nothing is wrong, but for @changes."""
    values = {"status": 0, "output": data("good.ktap"), "console": data("good.console"),
              "trace_text": data("good.jsonl"), "machine": "spr"}
    values.update(changes)
    return judge.Run(**values)


def idents(run, **promises):
    """What the judge finds wrong with a run."""
    return [ident for ident, _ in judge.judge(run, judge.Expect(**promises)).failures]


class Output(unittest.TestCase):
    """KTAP and exit status."""

    def test_good(self):
        run = make_run()
        self.assertEqual(idents(run), [])
        self.assertEqual(run.lab, {"answer": 42, "name": "spr"})
        doc = ktap.parse(run.output)
        self.assertEqual([r.name for r in doc.results], ["one", "two", "three"])
        self.assertEqual(doc.results[1].reason, "no such hardware")
        self.assertEqual(idents(make_run(output=data("kselftest.ktap"))), [])

    def test_each_rule(self):
        for rule in KTAP_RULES:
            for name in logs(rule, "ktap"):
                with self.subTest(name):
                    self.assertIn(rule, idents(make_run(output=data(name))))

    def test_single_fault(self):
        """A canned log breaks its rule only."""
        for name in ("no-plan.ktap", "zero-tests.ktap", "missing-results.ktap",
                     "extra-results.ktap", "extra-results-twice.ktap"):
            with self.subTest(name):
                self.assertEqual(len(idents(make_run(output=data(name)))), 1)

    def test_not_ok(self):
        self.assertEqual(idents(make_run(output=data("not-ok.ktap"))), ["two"])

    def test_empty_output(self):
        self.assertIn("unparsable", idents(make_run(output="")))

    def test_exit_status(self):
        self.assertEqual(idents(make_run(status=1)), ["exit-status"])
        self.assertEqual(idents(make_run(status=1), status=1), [])
        self.assertEqual(idents(make_run(status=0), status=124), ["exit-status"])

    def test_protocol_exit(self):
        self.assertEqual(idents(make_run(output="whatever"), protocol="exit"), [])
        self.assertEqual(idents(make_run(output="", status=254), protocol="exit"),
                         ["exit-status"])

    def test_skips(self):
        skip = data("skip-all.ktap")
        for protocol in ("ktap", "exit"):
            with self.subTest(protocol):
                run = make_run(output=skip, status=4)
                self.assertEqual(idents(run, protocol=protocol, skip="host_cpu_is_intel"), [])
                self.assertEqual(idents(run, protocol=protocol), ["unexpected-skip"])
                self.assertEqual(idents(run, protocol=protocol, skip="PDCM"), ["wrong-skip"])
                self.assertEqual(idents(make_run(), protocol=protocol, skip="x"),
                                 ["missing-skip"])
        self.assertIn("skip-without-reason", idents(make_run(output="", status=4),
                                                    protocol="exit", skip=""))


class Console(unittest.TestCase):
    """Faults in the kernel log."""

    def test_each_rule(self):
        for rule, _ in judge.KERNEL_RULES:
            for name in logs(rule, "console"):
                with self.subTest(name):
                    self.assertEqual(idents(make_run(console=data(name))), [rule])

    def test_expected_fault(self):
        run = make_run(console=data("panic.console"), status=125, trace_text=None, output="")
        self.assertEqual(idents(run, protocol="exit", status=125,
                                faults=("panic", "no-trace")), [])
        self.assertEqual(idents(make_run(), faults=("panic",)), ["missing-fault"])


class TraceFile(unittest.TestCase):
    """The trace."""

    def test_each_rule(self):
        for rule in TRACE_RULES:
            for name in logs(rule, "jsonl"):
                with self.subTest(name):
                    self.assertEqual(idents(make_run(trace_text=data(name))), [rule])

    def test_none(self):
        self.assertEqual(idents(make_run(trace_text=None)), ["no-trace"])
        self.assertEqual(idents(make_run(trace_text=None), trace=False), [])

    def test_books(self):
        books = trace.parse(data("good.jsonl")).between(10, 12)
        self.assertEqual(books.count("insns", "hu"), 1000)
        self.assertEqual(books.count("insns", "hu+hk"), 1500)
        self.assertEqual(books.count("branches", "hk"), 50)
        self.assertEqual(books.count("insns", "hu", off=True), 0)
        self.assertEqual(books.access("wrmsr", "hk"), (0, 0))
        self.assertEqual(books.access("rdmsr", "gk"), (0, 0))
        with self.assertRaises(ValueError):
            books.count("insns", "xx")

    def test_vmruns(self):
        books = trace.Books({"insns": {"gu": 10, "gk": 20}, "branches": {"gu": 5, "gk": 6},
                             "cycles": {"gu": 11, "gk": 21}, "vmruns": {"gu": 1, "gk": 2}})
        self.assertEqual(books.vmruns("gu+gk"), 3)
        self.assertEqual(books.count("insns", "gu+gk"), 30)
        self.assertEqual(books.count("insns", "gu+gk", vmruns=False), 27)
        self.assertEqual(books.count("branches", "gk", vmruns=False), 4)
        self.assertEqual(books.count("cycles", "gk", vmruns=False), 21)
        self.assertEqual((books - trace.Books({"vmruns": {"gu": 1}})).vmruns("gu+gk"), 2)
        with self.assertRaises(ValueError):
            books.count("insns", "gk", off=True, vmruns=False)

    def test_no_such_mark(self):
        with self.assertRaises(trace.TraceError):
            trace.parse(data("good.jsonl")).find(77)

    def test_absent_keys(self):
        self.assertEqual(trace.subtract({"a": 3, "l": [4, 1]}, {"a": 1}), {"a": 2, "l": [4, 1]})
        self.assertEqual(trace.subtract({}, {"a": 1}), {"a": -1})


class Checks(unittest.TestCase):
    """The checks of numbers, on the canned trace."""

    def problems(self, name, *arguments, output="", trace_text=None, console=""):
        """What a check says."""
        run = make_run(output=output, console=console)
        run.lab = ktap.lab_values(output)
        run.trace = trace.parse(trace_text or data("good.jsonl"))
        return checks.find(name)(run, *arguments)

    def test_unknown_check(self):
        self.assertEqual(idents(make_run(), checks=(("no-such-check", ()),)),
                         ["check-no-such-check"])

    def test_books_equal(self):
        good = "# lab: books.user.instructions.u.10-12=1000\n" \
               "# lab: books.user.branches.uk.10-12=150\n"
        self.assertEqual(self.problems("books-equal", output=good), [])
        self.assertEqual(len(self.problems("books-equal", output=good.replace("1000", "1001"))), 1)
        self.assertEqual(len(self.problems("books-equal")), 1)

    def test_books_equal_disturbed(self):
        """A kernel entry within a bracket makes the pair worthless, and none is too few."""
        text = data("good.jsonl").replace('"mark":11,"cpu":0,"mode":"hu","ticks":1120,"books":'
                                          '[{"insns":{"hu":120,"hk":1000',
                                          '"mark":11,"cpu":0,"mode":"hu","ticks":1120,"books":'
                                          '[{"insns":{"hu":120,"hk":1200')
        out = "# lab: books.user.instructions.u.10-12=77\n"
        problems = self.problems("books-equal", output=out, trace_text=text)
        self.assertEqual(len(problems), 1)
        self.assertIn("0 undisturbed", problems[0])

    def test_books_equal_vmrun(self):
        """Nor does a pair tell anything if a VMRUN counts in one of its brackets."""
        text = data("good.jsonl")
        lines = [re.sub(r'"books":\[{"insns":{(.*?)"gu":0', r'"books":[{"vmruns":{"gu":1},"insns":{\1"gu":1',
                        line) if re.search('"mark":1[123],', line) else line
                 for line in text.splitlines()]
        out = "# lab: books.user.instructions.u.10-12=77\n"
        problems = self.problems("books-equal", "g", output=out, trace_text="\n".join(lines) + "\n")
        self.assertEqual(len(problems), 1)
        self.assertIn("0 undisturbed", problems[0])

    def test_off_equal(self):
        good = "# lab: wide.user.instructions.u.10-12=1000\n" \
               "# lab: wide.user.branches.uk.10-12=150\n"
        self.assertEqual(self.problems("off-equal", output=good), [])
        self.assertEqual(len(self.problems("off-equal", output=good.replace("1000", "1001"))), 1)
        self.assertEqual(len(self.problems("off-equal", "2", output=good)), 2)
        self.assertEqual(len(self.problems("off-equal")), 1)
        # 100 of the user's instructions went by while the PMU was off.
        text = data("good.jsonl").replace('"books":[{"insns":{"hu":1100', '"books":[{"off":{"insns":'
                                          '{"hu":100}},"insns":{"hu":1100')
        self.assertEqual(len(self.problems("off-equal", output=good, trace_text=text)), 1)
        self.assertEqual(self.problems("off-equal", output=good.replace("1000", "900"),
                                       trace_text=text), [])
        text = data("good.jsonl").replace('"cycles":{"hu":120,"hk":1000', '"cycles":{"hu":120,"hk":1001')
        self.assertIn("disturbed", self.problems("off-equal", output=good, trace_text=text)[0])

    def test_only_equal(self):
        """100 guest user and 1000 kernel instructions, 7 of them VMRUNs."""
        text = data("good.jsonl").replace(
            '{"insns":{"hu":1100,"hk":1500,"gu":0,"gk":0', '{"vmruns":{"gk":7},'
            '"insns":{"hu":1100,"hk":1500,"gu":100,"gk":1000').replace(
            '{"insns":{"hu":1120,"hk":1500,"gu":0,"gk":0', '{"vmruns":{"gk":7},'
            '"insns":{"hu":1120,"hk":1500,"gu":100,"gk":1000')
        good = "# lab: only.x.instructions.uk.10-12=1100\n"
        self.assertEqual(self.problems("only-equal", output=good, trace_text=text), [])
        self.assertEqual(len(self.problems("only-equal", "2", output=good, trace_text=text)), 1)
        self.assertEqual(len(self.problems("only-equal")), 1)
        for wrong in ("1093", "1101", "0"):
            self.assertEqual(len(self.problems("only-equal", output=good.replace("1100", wrong),
                                               trace_text=text)), 1)
        text = text.replace('"cycles":{"hu":120,', '"cycles":{"gk":1,"hu":120,')
        self.assertIn("disturbed", self.problems("only-equal", output=good, trace_text=text)[0])

    def test_guest_equal(self):
        """1000 guest kernel and 100 user instructions and three emulated, one of them a user's."""
        text = data("good.jsonl").replace(
            '{"insns":{"hu":1100,"hk":1500,"gu":0,"gk":0',
            '{"insns":{"hu":1100,"hk":1500,"gu":100,"gk":1000').replace(
            '"ticks":2600,', '"ticks":2600,"x":0,').replace(
            '{"insns":{"hu":1120,"hk":1500,"gu":0,"gk":0',
            '{"insns":{"hu":1120,"hk":1500,"gu":100,"gk":1000').replace(
            '"cycles":{"hu":1100,"hk":1500},"exits":{}',
            '"cycles":{"hu":1100,"hk":1500},"exits":{"cpuid":2,"ept-misconfig":1,"hlt":0}')
        good = "".join(f"# lab: guest.x.instructions.{mode}.10-12={value}\n"
                       for mode, value in (("u", 101), ("k", 1002), ("uk", 1103))) + \
            "# lab: guest.x.branches.uk.10-12=0\n# lab: emulated.10.user=1\n" \
            "# lab: emulated.10.mmio=1\n# lab: known.10.user=101\n"
        self.assertEqual(self.problems("guest-equal", output=good, trace_text=text), [])
        for wrong in (good.replace("=1002", "=1001"), good.replace("uk.10-12=0", "uk.10-12=1")):
            self.assertEqual(len(self.problems("guest-equal", output=wrong, trace_text=text)), 1)
        wrong = good.replace("known.10.user=101", "known.10.user=100")
        self.assertEqual(len(self.problems("guest-equal", output=wrong, trace_text=text)), 3)
        self.assertEqual(len(self.problems("guest-equal", "2", output=good, trace_text=text)), 4)
        self.assertEqual(len(self.problems("guest-equal")), 1)
        text = text.replace('"cycles":{"hu":120,', '"cycles":{"gu":1,"hu":120,')
        self.assertIn("disturbed", self.problems("guest-equal", output=good, trace_text=text)[0])

    def test_guest_equal_entered_again(self):
        """A VMRUN inside of a bracket, which mediated counters have as a cycle only."""
        lines = data("good.jsonl").splitlines()
        for mark in (11, 12, 13):
            lines = [line.replace('"books":[{', '"books":[{"vmruns":{"gk":1},') if f'"mark":{mark},' in line
                     else line for line in lines]
        text = "\n".join(lines).replace('"gk":0,"nu"', '"gk":1,"nu"') + "\n"
        out = "# lab: guest.x.cycles.uk.10-12=0\n"
        problems = self.problems("guest-equal", "1", "m", output=out, trace_text=text)
        self.assertEqual(problems, ["the program printed no guest.* lines"])

    def test_guest_equal_vmruns(self):
        """Of 100 user and 1000 kernel instructions and of the branches are 4 and 30 VMRUNs."""
        text = data("good.jsonl").replace(
            '{"insns":{"hu":1100,"hk":1500,"gu":0,"gk":0', '{"vmruns":{"gu":4,"gk":30},'
            '"insns":{"hu":1100,"hk":1500,"gu":100,"gk":1000').replace(
            '{"insns":{"hu":1120,"hk":1500,"gu":0,"gk":0', '{"vmruns":{"gu":4,"gk":30},'
            '"insns":{"hu":1120,"hk":1500,"gu":100,"gk":1000').replace(
            '"branches":{"hu":110,"hk":150}', '"branches":{"hu":110,"hk":150,"gu":10,"gk":50}')

        def out(user, kernel, branches):
            return f"# lab: guest.x.instructions.u.10-12={user}\n" \
                   f"# lab: guest.x.instructions.k.10-12={kernel}\n" \
                   f"# lab: guest.x.branches.uk.10-12={branches}\n# lab: emulated.10.user=0\n" \
                   "# lab: emulated.10.mmio=0\n# lab: known.10.user=96\n"
        counted, discounted = out(100, 1000, 60), out(96, 970, 26)
        for world, good, bad in (("g", counted, discounted), ("m", discounted, counted)):
            self.assertEqual(self.problems("guest-equal", "1", world, output=good,
                                           trace_text=text), [])
            self.assertEqual(len(self.problems("guest-equal", "1", world, output=bad,
                                               trace_text=text)), 3)
        # A VMRUN in one bracket, which a mediated guest does not see.
        text = text.replace('"mark":13,"cpu":0,"mode":"hu","ticks":2620,"books":[{"vmruns":'
                            '{"gu":4,"gk":30},"insns":{"hu":1120,"hk":1500,"gu":100,"gk":1000',
                            '"mark":13,"cpu":0,"mode":"hu","ticks":2620,"books":[{"vmruns":'
                            '{"gu":4,"gk":31},"insns":{"hu":1120,"hk":1500,"gu":100,"gk":1001')
        self.assertEqual(self.problems("guest-equal", "1", "m", output=discounted,
                                       trace_text=text), [])
        self.assertIn("disturbed", self.problems("guest-equal", "1", "g", output=counted,
                                                 trace_text=text)[0])

    def test_books_equal_guest(self):
        """Selfcount in a guest: VMRUNs are in the books, and in perf-based counters."""
        text = data("good.jsonl").replace('"hu"', '"gu"').replace('"gu":0,"gk":0', '"gx":0') \
            .replace('"hk"', '"gk"').replace(
            '"ticks":2600,"books":[{', '"ticks":2600,"books":[{"vmruns":{"gu":3,"gk":5},').replace(
            '"ticks":2620,"books":[{', '"ticks":2620,"books":[{"vmruns":{"gu":3,"gk":5},').replace(
            '"cycles":{"gu":1100,"gk":1500},"exits":{}',
            '"cycles":{"gu":1100,"gk":1500},"exits":{"npf-reserved":2,"npf":7,"rdpmc":1}')

        def out(user, kernel, branches):
            return f"# lab: books.x.instructions.u.10-12={user}\n" \
                   f"# lab: books.x.instructions.k.10-12={kernel}\n" \
                   f"# lab: books.x.branches.uk.10-12={branches}\n"
        counted, discounted = out(1001, 502, 150), out(998, 497, 142)
        for world, good, bad in (("g", counted, discounted), ("m", discounted, counted)):
            self.assertEqual(self.problems("books-equal", world, output=good, trace_text=text), [])
            self.assertEqual(len(self.problems("books-equal", world, output=bad,
                                               trace_text=text)), 3)

    def test_blind_window(self):
        text = data("good.jsonl").replace('"ticks":2600,"books":[{', '"ticks":2600,"books":[{"off":'
                                          '{"insns":{"hk":30}},').replace(
            '"cycles":{"hu":1100,"hk":1500},"exits":{}',
            '"cycles":{"hu":1100,"hk":1500},"exits":{"cpuid":2,"hlt":1}')
        out = "# lab: swaps.cpuid.10-12=1\n"
        self.assertEqual(self.problems("blind-window", "10", "9", "3", output=out, trace_text=text), [])
        self.assertEqual(len(self.problems("blind-window", "9", "10", "3", output=out,
                                           trace_text=text)), 1)
        self.assertEqual(len(self.problems("blind-window", "10", "9", "4", output=out,
                                           trace_text=text)), 1)
        out = "# lab: fastpath.cpuid.10-12=1\n"
        self.assertEqual(self.problems("blind-window", "9", "10", "3", output=out,
                                       trace_text=text), [])
        self.assertEqual(len(self.problems("blind-window", "10", "9", "3", output=out,
                                           trace_text=text)), 1)
        self.assertEqual(len(self.problems("blind-window")), 1)

    def test_untouched(self):
        text = data("good.jsonl").replace('"cycles":{"hu":1100,"hk":1500},"exits":{}',
                                          '"cycles":{"hu":1100,"hk":1500},"exits":{"cpuid":2}')
        out = "# lab: swaps.cpuid.10-12=1\n"
        self.assertEqual(self.problems("untouched", "1", output=out, trace_text=text), [])
        self.assertEqual(len(self.problems("untouched", "2", output=out, trace_text=text)), 1)
        self.assertEqual(len(self.problems("untouched", "1", output=out)), 1)
        for kind in ("rdmsr", "wrmsr", "rdpmc", "lvtpc"):
            access = {"wrmsr": {"hk": [7, 0]}, kind: {"hk": [8, 0], "gk": [3, 3]}}
            touched = text.replace(
                '"exits":{"cpuid":2},"access":{"wrmsr":{"hk":[7,0]}}',
                '"exits":{"cpuid":2},"access":' + json.dumps(access))
            self.assertEqual(len(self.problems("untouched", "1", output=out,
                                               trace_text=touched)), 1)

    def test_vpmi_equal(self):
        text = data("good.jsonl").replace('"ticks":2600,', '"ticks":2600,"x":0,')
        at = text.index('"delivered":0', text.index('"x":0'))
        text = text[:at] + '"delivered":7' + text[at + len('"delivered":0'):]
        self.assertEqual(self.problems("vpmi-equal", output="# lab: vpmi.10-12=7\n",
                                       trace_text=text), [])
        self.assertEqual(len(self.problems("vpmi-equal", output="# lab: vpmi.10-12=6\n",
                                           trace_text=text)), 1)
        self.assertEqual(len(self.problems("vpmi-equal", output="# lab: vpmi.10-12=0\n")), 1)
        self.assertEqual(len(self.problems("vpmi-equal")), 1)

    def test_perf_stat_wide(self):
        def out(value):
            return "".join(f"stat 10: {number},,{event},1,100.00,,\n" for number, event in
                           ((value, "instructions"), (150, "branches"), (1500, "cycles")))
        text = "\n".join(line for line in data("good.jsonl").splitlines())
        text = text.replace('"mark":11,', '"mark":1,').replace('"mark":12,', '"mark":2,') \
            .replace('"mark":13,', '"mark":11,')
        self.assertEqual(self.problems("perf-stat-wide", "10-11", output=out(1500),
                                       trace_text=text), [])
        for wrong in (1479, 1521):
            self.assertEqual(len(self.problems("perf-stat-wide", "10-11", output=out(wrong),
                                               trace_text=text)), 1)
        self.assertEqual(len(self.problems("perf-stat-wide", "10-11", trace_text=text)), 3)
        self.assertEqual(len(self.problems("perf-stat-wide")), 1)

    def test_metrics_equal(self):
        header = data("good.jsonl").splitlines()[0]
        end = '{"end":"exit","status":0,"ticks":1,"books":[{}]}'

        def mark(number, slots):
            return json.dumps({"mark": number, "cpu": 0,
                               "books": [{"slots": {"gk": slots, "hk": [999] * 9}}]})

        # Halves in the first field; 255 * 0.3 is the middle of two numbers.
        text = "\n".join([header, mark(1, [100] * 9),
                          mark(3, [1100, 600, 400, 250, 150, 100, 100, 100, 100]), end])
        for value, fields, wrong in ((0x0d264d80, 4, 0), (0x0d264c80, 4, 0), (0x0d264e80, 4, 1),
                                     (0x0d264d7d, 4, 1), (0x10d264d80, 4, 1), (0x0d264d80, 8, 4)):
            out = f"# lab: metrics.loop.1-3={value}\n"
            problems = self.problems("metrics-equal", str(fields), output=out, trace_text=text)
            self.assertEqual(len(problems), wrong, (hex(value), problems))
        self.assertEqual(len(self.problems("metrics-equal", "4", "2", output=out,
                                           trace_text=text)), 1)
        self.assertEqual(len(self.problems("metrics-equal", "4")), 1)
        self.assertEqual(self.problems("metrics-equal", "4", "1", "1.51", trace_text=text,
                                       output="# lab: metrics.loop.1-3=220614272\n"), [])
        for value, least, wrong in ((1000, 1, 0), (1001, 1, 1), (1000, 2, 1)):
            out = f"# lab: guest.loop.slots.uk.1-3={value}\n"
            self.assertEqual(len(self.problems("slots-equal", str(least), output=out,
                                               trace_text=text)), wrong)
        self.assertEqual(len(self.problems("slots-equal")), 1)

    def test_topdown_same(self):
        def out(where, level, row):
            return f"topdown {where} {level}:  %  tma_a  %  tma_b % tma_c % tma_d\n" \
                   f"topdown {where} {level}:   {row}\n"
        good = out("host", 1, "63.4 33.5 0.4 2.7") + out("guest", 1, "63.4 33.5 0.4 2.7")
        self.assertEqual(self.problems("topdown-same", "1", output=good), [])
        self.assertEqual(len(self.problems("topdown-same", "2", output=good)), 2)
        off = good.replace("63.4", "63.5", 1).replace("33.5", "33.4", 1)
        self.assertEqual(len(self.problems("topdown-same", "1", output=off)), 2)
        odd = good.replace("63.4", "60.4")
        self.assertEqual(len(self.problems("topdown-same", "1", output=odd)), 1)
        self.assertTrue(self.problems("topdown-same", "1"))
        self.assertTrue(self.problems("topdown-same", "1", output=out("host", 1, "50 50 0 0")))

    def test_console(self):
        text = "[ 1.0] NMI backtrace for cpu 0\n[ 1.1] NMI backtrace for cpu 1\n"
        self.assertEqual(self.problems("backtraces", "2", console=text), [])
        self.assertEqual(len(self.problems("backtraces", "3", console=text)), 1)
        self.assertEqual(self.problems("console-has", "for", "cpu", console=text), [])
        self.assertEqual(len(self.problems("console-has", "for", "dog", console=text)), 1)

    def test_group_sum(self):
        def out(off, empty):
            return "".join(f"# lab: group.instructions.{load}.0.{mode}={value}\n"
                           for load, by in (("busy", off), ("empty", empty))
                           for mode, value in (("u", 100), ("k", 50), ("uk", 150 + by)))
        self.assertEqual(self.problems("group-sum", output=out(0, 0)), [])
        self.assertEqual(len(self.problems("group-sum", output=out(3, 3))), 2)
        self.assertEqual(self.problems("group-sum", "constant", output=out(3, 3)), [])
        self.assertEqual(len(self.problems("group-sum", "constant", output=out(3, 4))), 1)
        self.assertTrue(self.problems("group-sum"))

    def test_multiplexed(self):
        def out(value, running):
            return "# lab: multiplex.first=10\n# lab: multiplex.last=12\n" \
                   f"# lab: multiplex.0.value={value}\n# lab: multiplex.0.enabled=100\n" \
                   f"# lab: multiplex.0.running={running}\n"
        self.assertEqual(self.problems("multiplexed", output=out(499, 50)), [])
        self.assertIn("not multiplexed", self.problems("multiplexed", output=out(1000, 100))[0])
        self.assertIn("% off", self.problems("multiplexed", output=out(400, 50))[0])

    def test_sampled(self):
        def out(samples, inside, lost):
            return f"# lab: sample.instructions.samples={samples}\n" \
                   f"# lab: sample.instructions.inside={inside}\n" \
                   f"# lab: sample.instructions.lost={lost}\n" \
                   "# lab: sample.instructions.period=300\n" \
                   "# lab: sample.instructions.first=10\n# lab: sample.instructions.last=12\n"
        self.assertEqual(self.problems("sampled", output=out(3, 3, 0)), [])
        self.assertEqual(self.problems("sampled", "1", output=out(3, 2, 0)), [])
        self.assertEqual(len(self.problems("sampled", "1", output=out(3, 1, 0))), 1)
        for bad in ((4, 4, 0), (3, 2, 0), (3, 3, 1)):
            self.assertEqual(len(self.problems("sampled", output=out(*bad))), 1)

    def test_perf_stat(self):
        self.assertEqual(checks.perf_stat("12,,instructions:u,100,100.00,,\n"
                                          "# text\n34,,branches,100,100.00,0.3,of\n"),
                         {"instructions:u": 12, "branches": 34})
        for bad in ("<not counted>,,instructions:u,0,100.00,,", "12,,branches,5,50.00,,"):
            with self.assertRaises(ValueError):
                checks.perf_stat(bad)

    def test_perf_stat_loop(self):
        """perf's counts against a trace made for them."""
        header = data("good.jsonl").splitlines()[0]
        end = '{"end":"exit","status":0,"ticks":1,"books":[{}]}'

        def mark(number, user, kernel):
            return json.dumps({"mark": number, "cpu": 0, "books": [
                {"insns": {"hu": user, "hk": kernel}, "branches": {"hu": user // 2}}]})

        inside = checks.LOOP_INSIDE_INSNS
        text = "\n".join([header, mark(8, 100, 1000), mark(1, 500, 5000),
                          mark(2, 500 + inside, 9000), mark(9, 900 + inside, 20000), end])
        good = f"{inside + 10},,instructions:u,9,100.00,,\n4000,,instructions:k,9,100.00,,\n" \
               f"{inside + 4010},,instructions,9,100.00,,\n"
        self.assertEqual(self.problems("perf-stat-loop", output=good, trace_text=text), [])
        bad = good.replace("4000,,", "3999,,").replace(str(inside + 10), str(inside + 11))
        self.assertEqual(len(self.problems("perf-stat-loop", output=bad, trace_text=text)), 2)
        bad = good.replace("4000,,", "19001,,")
        self.assertEqual(len(self.problems("perf-stat-loop", output=bad, trace_text=text)), 2)
        off = good.replace(str(inside + 4010), str(inside + 4014))
        self.assertEqual(len(self.problems("perf-stat-loop", output=off, trace_text=text)), 1)
        self.assertEqual(self.problems("perf-stat-loop", "4", output=off, trace_text=text), [])
        self.assertTrue(self.problems("perf-stat-loop", trace_text=text))

    def test_perf_stat_loop_guest(self):
        """In a guest VMRUNs count with a perf-based vPMU, with a mediated one they do not."""
        header = data("good.jsonl").splitlines()[0]
        end = '{"end":"exit","status":0,"ticks":1,"books":[{}]}'

        def mark(number, user, kernel, vmruns):
            return json.dumps({"mark": number, "cpu": 0, "books": [
                {"insns": {"gu": user, "gk": kernel}, "branches": {"gu": user // 2},
                 "vmruns": {"gu": vmruns, "gk": vmruns}}]})

        def out(user, kernel):
            return f"{user},,instructions:u,9,100.00,,\n{kernel},,instructions:k,9,100.00,,\n" \
                   f"{user + kernel},,instructions,9,100.00,,\n"

        inside = checks.LOOP_INSIDE_INSNS
        text = "\n".join([header, mark(8, 100, 1000, 10), mark(1, 500, 5000, 12),
                          mark(2, 500 + inside + 7, 9000, 19), mark(9, 907 + inside, 20000, 22), end])
        for world, user, kernel, good in (
                ("m", inside + 10, 3993, True), ("m", inside + 11, 3993, False),
                ("m", inside + 17, 3993, False), ("m", inside + 10, 3992, False),
                ("g", inside + 17, 4000, True), ("g", inside + 22, 4000, True),
                ("g", inside + 23, 4000, False), ("g", inside + 16, 4000, False)):
            with self.subTest(f"{world} {user} {kernel}"):
                self.assertEqual(len(self.problems("perf-stat-loop", "0", world,
                                                   output=out(user, kernel), trace_text=text)),
                                 0 if good else 1)
        # The books have the loop's own instructions whatever the world.
        text = text.replace('"vmruns": {"gu": 19', '"vmruns": {"gu": 18')
        self.assertIn("books: ", self.problems("perf-stat-loop", "0", "m",
                                               output=out(inside + 11, 3993), trace_text=text)[0])

    def test_perf_stat_nonzero(self):
        text = "9,,cache-references,1,100.00,,\n5,,cache-misses,1,100.00,,\n0,,slots,1,100.00,,\n"
        events = ("cache-references", "cache-misses")
        self.assertEqual(self.problems("perf-stat-nonzero", *events, output=text), [])
        self.assertEqual(len(self.problems("perf-stat-nonzero", "slots", output=text)), 1)
        self.assertEqual(len(self.problems("perf-stat-nonzero", "cycles", output=text)), 1)
        self.assertEqual(len(self.problems("perf-stat-nonzero", *events,
                                           output=text.replace("5,,", "10,,"))), 1)

    def test_rdpmc_in_books(self):
        text = data("good.jsonl").replace('"wrmsr":{"hk":[7,0]}', '"rdpmc":{"hu":[7,0]}')
        out = "# lab: books.user.instructions.u.10-12=1\n"
        self.assertEqual(self.problems("rdpmc-in-books", "0", output=out, trace_text=text), [])
        self.assertEqual(len(self.problems("rdpmc-in-books", output=out, trace_text=text)), 1)
        self.assertEqual(len(self.problems("rdpmc-in-books")), 1)

    def test_perf_samples(self):
        total = checks.LOOP_INSIDE_INSNS + checks.LOOP_OUTSIDE_INSNS
        head = "# lab: loop.begin=401011\n# lab: loop.end=401025\n"
        good = head + "ip:   401011\n" * (total // 500000)
        self.assertEqual(self.problems("perf-samples", "500000", output=good), [])
        self.assertEqual(len(self.problems("perf-samples", "500000",
                                           output=good + "ip: 401011\n")), 1)
        self.assertEqual(len(self.problems("perf-samples", "500000",
                                           output=good.replace("401011\nip", "401025\nip"))), 1)

    def test_pmu_named(self):
        text = "Sapphire Rapids events, full-width counters, Intel PMU driver."
        good = data("good.console")
        self.assertEqual(self.problems("pmu-named", *text.split(), console=good), [])
        self.assertEqual(len(self.problems("pmu-named", "other", console=good)), 1)
        self.assertEqual(len(self.problems("pmu-named", *text.split())), 1)

    def test_text(self):
        self.assertEqual(self.problems("output-has", "a", "b", output="x a b y"), [])
        self.assertEqual(len(self.problems("output-has", "a", "c", output="x a b y")), 1)
        self.assertEqual(len(self.problems("console-lacks", "msr", console="a msr b")), 1)
        self.assertEqual(self.problems("lab-equal", "n", "5", output="# lab: n=5"), [])
        self.assertEqual(len(self.problems("lab-equal", "n", "6", output="# lab: n=5")), 1)
        self.assertEqual(len(self.problems("lab-atleast", "n", "6", output="# lab: n=5")), 1)


class KnownFailures(unittest.TestCase):
    """tests/known-failures."""

    TODAY = datetime.date(2030, 6, 1)

    def apply(self, text, failures, case="nested.zen4"):
        """Names of what still fails, and number of what is known."""
        left, excused = known.apply(known.parse(text), case, failures, self.TODAY)
        return [ident for ident, _ in left], len(excused)

    def test_known(self):
        text = "# comment\n\nnested.zen*:exit-status 2030-12-31 the emulator lacks it\n"
        self.assertEqual(self.apply(text, [("exit-status", "1")]), ([], 1))
        self.assertEqual(self.apply(text, [("panic", "x")]), (["panic", "known-failure-passed"], 0))

    def test_other_case(self):
        text = "nested.spr:exit-status 2030-12-31 reason\n"
        self.assertEqual(self.apply(text, []), ([], 0))

    def test_expired(self):
        text = "nested.*:exit-status 2030-05-31 reason\n"
        self.assertEqual(self.apply(text, [("exit-status", "1")]),
                         (["exit-status", "known-failure-expired"], 0))

    def test_passes(self):
        text = "nested.*:exit-status 2030-12-31 reason\n"
        self.assertEqual(self.apply(text, []), (["known-failure-passed"], 0))

    def test_bad_lines(self):
        for line in ("nested.zen4 2030-01-01 reason", "a:b 2030-01-01", "a:b tomorrow reason"):
            with self.assertRaises(ValueError):
                known.parse(line)


if __name__ == "__main__":
    unittest.main()
