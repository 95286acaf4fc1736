# SPDX-License-Identifier: GPL-2.0
"""Tests of scripts/series: a small base, real commits, real exports."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from programs import load

series = load("series")
USER = {"GIT_AUTHOR_NAME": "Jürgen Groß", "GIT_AUTHOR_EMAIL": "j@example.org",
        "GIT_AUTHOR_DATE": "2026-11-20T10:00:00+0530"}


class Small(unittest.TestCase):
    """What needs no repository."""

    def test_touched(self):
        text = ("diff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-rename from y\n"
                "diff --git a/n b/n\nnew file mode 100644\n")
        self.assertEqual(series.touched(text), ["x.c", "n"])

    def test_touched_refuses_renames(self):
        for text in ("diff --git a/x b/y\n", "diff --git a/x b/x\nrename from y\n",
                     'diff --git "a/\\303" "b/\\303"\n'):
            with self.assertRaises(series.SeriesError):
                series.touched(text)

    def test_subject(self):
        self.assertEqual(series.subject("From: x\nSubject: [PATCH 1/2] a: long\n one\nX: y\n\nt"),
                         "a: long one")

    def test_cover_keeps_the_text_only(self):
        old = "From 0\nFrom: A\nSubject: [PATCH 0/1] T\n\nText\n--- more\n\n---\n 1  old\n\n old\n"
        new = series.cover(old, [f"s{i}" for i in range(1, 11)], " d | 1 +\n")
        self.assertEqual(new.split("---\n 1")[0].split("---\n  1")[0],
                         "From 0\nFrom: A\nSubject: [PATCH 00/10] T\n\nText\n--- more\n\n")
        self.assertTrue(new.endswith("  9  s9\n 10  s10\n\n d | 1 +\n"))
        self.assertNotIn("old", new)
        self.assertEqual(series.cover(new, [f"s{i}" for i in range(1, 11)], " d | 1 +\n"), new)

    def test_new_cover(self):
        text = series.new_cover("From 0\nFrom: A very long\n <a@b>\nDate: D\nSubject: s\n t\n\nFrom: x\n")
        self.assertEqual(text.splitlines()[1:5],
                         ["From: A very long", " <a@b>", "Date: D", "Subject: " + series.SUBJECT_TODO])

    def test_changes(self):
        a = "From: x\n\nold words\n---\n x | 1\n\ndiff --git a/x b/x\n+1\n"
        self.assertEqual(series.changes(a), series.changes(a.replace("old words", "new words")))
        self.assertNotEqual(series.changes(a), series.changes(a.replace("+1", "+2")))

    def test_new_files_are_not_ignored(self):
        self.assertEqual(series.not_ignored(b"*.o\n/*\n!/debian/\n"), b"*.o\n!/debian/\n")


class Scratch(unittest.TestCase):
    """A project whose base has three files."""

    def setUp(self):
        self.top = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.top)
        self.project = series.Project(self.top)
        self.base = self.top / "build/src/base"
        self.base.mkdir(parents=True)
        self.make_base("1")
        self.tree = self.top / "build/tree"
        for name in ("TREE", "BRANCH", "FORCE"):
            os.environ.pop(name, None)

    def make_base(self, version):
        text = "".join(f"{i}\n" for i in range(30))
        for name in ("Makefile", "a.c", "b.c"):
            (self.base / name).unlink(missing_ok=True)
            (self.base / name).write_text(text + (version if name != "b.c" else ""))
        (self.base / "lab-x").mkdir(exist_ok=True)
        (self.base / "lab-x/object").write_text("")
        (self.base / ".lab-source").write_text(f"base_{version}.deb 0\nbase 6.12.{version}\n")

    def git(self, *words, **env):
        done = subprocess.run(["git", "-C", str(self.tree), "-c", "user.name=c",
                               "-c", "user.email=c@example.org", "-c", "commit.gpgSign=false",
                               *words], check=True,
                              env={**os.environ, **USER, **env}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        return done.stdout

    def commit(self, name, text, message):
        (self.tree / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def quiet(self, function, *args):
        with open(os.devnull, "w", encoding="utf-8") as null:
            out, sys.stdout = sys.stdout, null
            try:
                return function(*args)
            finally:
                sys.stdout = out

    def tree_cmd(self):
        self.quiet(series.make_tree, self.project)

    def export(self):
        self.quiet(series.export, self.project)

    def check(self):
        self.quiet(series.check, self.project)

    def start(self):
        """Two patches in the tree and in files, the cover letter filled in."""
        self.tree_cmd()
        self.commit("a.c", (self.base / "a.c").read_text().replace("3\n", "three\n"), "a: Three ö\n\nWhy.")
        (self.tree / "b.c").unlink()
        self.commit("new.c", "int x;\n", "b: A subject so long that it does not fit in a single "
                    "line of a mail's header\n\nWhy it goes: [PATCH] nothing.\n\n-- >8 --\nmore")
        self.export()
        cover = self.project.dir / series.COVER
        cover.write_text(cover.read_text().replace(series.SUBJECT_TODO, "t").replace(
            series.TEXT_TODO, "Text"))

    def files(self):
        return self.project.content()


class Repository(Scratch):
    """tree, export, check"""

    def test_empty_series(self):
        self.check()
        self.tree_cmd()
        self.export()
        self.check()
        self.assertEqual(self.files(), {})

    def test_round_trip_is_exact(self):
        self.start()
        self.check()
        before = self.files()
        self.assertEqual(sorted(before)[0], series.COVER)
        self.assertEqual(len(before), 3)
        shutil.rmtree(self.tree)
        self.tree_cmd()
        self.assertIn("Jürgen Groß 2026-11-20 10:00:00 +0530",
                      self.git("log", "-1", "--format=%an %ai"))
        self.export()
        self.assertEqual(self.files(), before)
        self.assertFalse((self.tree / "lab-x").exists())

    def test_configuration_of_git_does_not_show(self):
        self.start()
        before = self.files()
        for key, value in (("format.signature", "x"), ("format.signOff", "true"),
                           ("diff.noprefix", "true"), ("diff.context", "9"), ("core.abbrev", "7"),
                           ("format.subjectPrefix", "RFC"), ("format.attach", "x"),
                           ("diff.algorithm", "patience"), ("format.notes", "true")):
            self.git("config", key, value)
        (self.tree / ".git/info/attributes").write_text("*.c diff=python -text binary\n")
        self.export()
        self.assertEqual(self.files(), before)

    def test_edited_by_hand(self):
        self.start()
        first = next(p for p in self.project.patches())
        for change in (("Why.", "Why. "), ("[PATCH 1/2]", "[PATCH 1/3]"), ("+three", "+3 ")):
            text = first.read_text()
            first.write_text(text.replace(*change))
            with self.assertRaises(series.SeriesError):
                self.check()
            first.write_text(text)
        self.check()

    def test_cover_is_checked(self):
        self.start()
        cover = self.project.dir / series.COVER
        text = cover.read_text()
        for bad in (text.replace("Text", series.TEXT_TODO), text.replace("0/2", "0/3"),
                    text.replace("insertion", "deletion")):
            cover.write_text(bad)
            with self.assertRaises(series.SeriesError):
                self.check()
        cover.unlink()
        with self.assertRaises(series.SeriesError):
            self.check()

    def test_message_that_git_am_cuts(self):
        self.start()
        before = self.files()
        self.commit("a.c", "x\n", "a: Cut\n\nfoo\n---\nbar")
        with self.assertRaisesRegex(series.SeriesError, "survive"):
            self.export()
        self.assertEqual(self.files(), before)

    def test_merges_are_refused(self):
        self.start()
        self.git("checkout", "-q", "-b", "side", "base")
        self.commit("side", "x\n", "side")
        self.git("checkout", "-q", "series")
        self.git("merge", "-q", "-m", "merge", "side")
        with self.assertRaisesRegex(series.SeriesError, "merge"):
            self.export()

    def test_tree_keeps_what_is_not_in_the_series(self):
        self.start()
        self.commit("a.c", "x\n", "a: Not exported")
        with self.assertRaisesRegex(series.SeriesError, "lacks:\n  .* a: Not exported\nExport"):
            self.tree_cmd()
        os.environ["FORCE"] = "1"
        self.tree_cmd()
        self.assertNotIn("Not exported", self.git("log"))
        self.assertIn("Not exported", self.git("reflog", "show", "series"))

    def test_tree_keeps_uncommitted_changes(self):
        self.start()
        (self.tree / "a.c").write_text("x\n")
        with self.assertRaisesRegex(series.SeriesError, "in no commit"):
            self.tree_cmd()
        os.environ["FORCE"] = "1"
        self.tree_cmd()
        self.assertNotEqual((self.tree / "a.c").read_text(), "x\n")

    def test_tree_follows_the_files(self):
        """An exported tip may go: the files are what counts."""
        self.start()
        before = self.files()
        self.commit("a.c", "x\n", "a: More")
        self.export()
        self.assertEqual(len(self.files()), 4)
        for path in self.project.dir.iterdir():
            path.unlink()
        for name, text in before.items():
            series.write(self.project.dir / name, text)
        self.tree_cmd()
        self.assertNotIn("More", self.git("log"))

    def test_removed_commit_removes_its_file(self):
        self.start()
        self.git("reset", "-q", "--hard", "HEAD^")
        self.export()
        self.assertEqual(len(self.files()), 2)
        self.assertIn("[PATCH 0/1] t", self.files()[series.COVER])
        self.check()

    def test_another_base(self):
        self.start()
        self.make_base("2")
        self.tree_cmd()
        self.assertIn("Linux 6.12.2", self.git("log", "--format=%s"))
        self.assertTrue((self.tree / "a.c").read_text().endswith("2"))

    def test_another_base_that_conflicts(self):
        self.start()
        self.make_base("2")
        (self.base / "a.c").write_text("nothing\n")
        with self.assertRaisesRegex(series.SeriesError, "(?s)To bring it over:.*rebase --onto base"):
            self.tree_cmd()
        self.assertEqual(self.git("log", "-1", "--format=%D").strip(), "HEAD -> series")

    def test_another_tree_and_branch(self):
        self.start()
        self.git("branch", "-m", "other")
        os.environ["TREE"], os.environ["BRANCH"] = str(self.tree), "nowhere"
        with self.assertRaisesRegex(series.SeriesError, "no branch nowhere"):
            self.export()
        os.environ["BRANCH"] = "other"
        self.export()

    def test_names_out_of_order(self):
        self.start()
        first = self.project.patches()[0]
        first.rename(first.with_name("0003-x.patch"))
        with self.assertRaisesRegex(series.SeriesError, "expected number 0001"):
            self.check()


class Lay(Scratch):
    """The source tree that is built."""

    def setUp(self):
        super().setUp()
        self.start()
        self.dest = self.top / "build/src/series"

    def age(self):
        """Make all files old; a function that gives those written since."""
        for path in self.dest.rglob("*"):
            os.utime(path, (1, 1))
        return lambda: {p.name for p in self.dest.iterdir()
                        if p.is_file() and p.stat().st_mtime > 1 and not p.name.startswith(".")}

    def test_all_none_and_in_between(self):
        self.assertTrue(self.project.lay(self.dest))
        self.assertIn("three", (self.dest / "a.c").read_text())
        self.assertFalse((self.dest / "b.c").exists())
        self.assertFalse((self.dest / "lab-x").exists())
        self.assertNotIn("three", (self.base / "a.c").read_text())
        self.assertFalse(self.project.lay(self.dest))
        written = self.age()
        self.assertTrue(self.project.lay(self.dest, 1))
        self.assertEqual(written(), {"b.c"})
        self.assertFalse((self.dest / "new.c").exists())
        written = self.age()
        self.project.lay(self.dest, 0)
        self.assertEqual(written(), {"a.c"})
        for name in ("Makefile", "a.c", "b.c"):
            self.assertEqual((self.dest / name).read_bytes(), (self.base / name).read_bytes())

    def test_what_stays_keeps_its_time(self):
        self.project.lay(self.dest)
        written = self.age()
        self.project.lay(self.dest)
        self.assertEqual(written(), set())

    def test_base_is_never_written(self):
        before = {p.name: p.read_bytes() for p in self.base.iterdir() if p.is_file()}
        for count in (2, 0, 1, 2):
            self.project.lay(self.dest, count)
        self.assertEqual({p.name: p.read_bytes() for p in self.base.iterdir() if p.is_file()},
                         before)

    def test_cut_off(self):
        self.project.lay(self.dest)
        (self.dest / "Makefile.new").write_text("")
        series.write(self.dest / ".lab-pending", "Makefile\n")
        os.unlink(self.dest / "Makefile")
        (self.dest / "Makefile").write_text("half")
        self.project.lay(self.dest)
        self.assertEqual((self.dest / "Makefile").read_text(), (self.base / "Makefile").read_text())

    def test_another_base(self):
        self.project.lay(self.dest, 1)
        self.make_base("2")
        self.project.lay(self.dest, 1)
        self.assertTrue((self.dest / "a.c").read_text().endswith("2"))
        self.assertIn("three", (self.dest / "a.c").read_text())

    def test_no_fuzz(self):
        text = (self.base / "a.c").read_text()
        (self.base / "a.c").unlink()
        (self.base / "a.c").write_text(text.replace("2\n", "two\n", 1))
        (self.base / ".lab-source").write_text("base_3.deb 0\nbase 6.12.3\n")
        with self.assertRaisesRegex(series.SeriesError, "0001-.* does not apply"):
            self.project.lay(self.dest)

    def test_prefix(self):
        ones = [self.project.prefix(count) for count in range(3)]
        self.assertEqual(len(set(ones)), 3)
        last = self.project.patches()[1]
        last.write_text(last.read_text().replace("int x", "int y"))
        self.assertEqual([self.project.prefix(c) == ones[c] for c in range(3)], [True, True, False])


if __name__ == "__main__":
    unittest.main()
