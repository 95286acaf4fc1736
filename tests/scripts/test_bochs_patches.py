# SPDX-License-Identifier: GPL-2.0
"""Tests of scripts/bochs-patches: headers, messages, names; a tree and back."""

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from programs import load

bochs = load("bochs-patches")
HEADER = "Description: a thing\n Long.\n .\n Case: c.\nAuthor: A <a>\nForwarded: no\nLast-Update: 2026-11-20\n"
DIFF = "--- a/x.cc\n+++ b/x.cc\n@@ -1,2 +1,2 @@\n 1\n-2\n+two\n"


class Text(unittest.TestCase):
    """What needs no repository."""

    def test_message_and_back(self):
        message = bochs.to_message("0007-a-name.patch", HEADER)
        self.assertEqual(bochs.from_message(3, message), ("0003-a-name.patch", HEADER))

    def test_name_of_a_new_one(self):
        self.assertEqual(bochs.from_message(12, HEADER)[0], "0012-a-thing.patch")

    def test_fields_are_needed(self):
        with self.assertRaisesRegex(bochs.series.SeriesError, "Forwarded"):
            bochs.from_message(1, HEADER.replace("Forwarded", "Sent"))

    def test_no_line_between(self):
        with self.assertRaises(bochs.series.SeriesError):
            bochs.split(HEADER + DIFF)


class Tree(unittest.TestCase):
    """Import, change, export."""

    def setUp(self):
        self.top = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.top)
        os.environ.pop("FORCE", None)
        source, self.patches = self.top / "build/src/bochs", self.top / "patches/bochs"
        source.mkdir(parents=True)
        self.patches.mkdir(parents=True)
        (source / "x.cc").write_text("1\n2\n")
        (source / ".lab-source").write_text("id\nbochs 3\n")
        (self.patches / "0001-name.patch").write_text(HEADER + "---\n" + DIFF)
        self.run_(bochs.make_tree)

    def run_(self, function):
        with contextlib.redirect_stdout(io.StringIO()):
            function(self.top)

    def files(self):
        return {p.name: p.read_text() for p in self.patches.iterdir()}

    def test_there_and_back(self):
        before = self.files()
        self.run_(bochs.export)
        self.assertEqual(self.files(), before)
        self.run_(bochs.make_tree)

    def test_another_commit(self):
        tree = self.top / "build/bochs-tree"
        (tree / "x.cc").write_text("1\nthree\n")
        with self.assertRaisesRegex(bochs.series.SeriesError, "no commit"):
            self.run_(bochs.make_tree)
        subprocess.run(["git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=a",
                        "commit", "-q", "-a", "-m", HEADER.replace("a thing", "More: things")],
                       check=True)
        with self.assertRaisesRegex(bochs.series.SeriesError, "not exported"):
            self.run_(bochs.make_tree)
        self.run_(bochs.export)
        self.assertEqual(sorted(self.files()), ["0001-name.patch", "0002-more-things.patch"])
        self.assertIn("---\n--- a/x.cc\n+++ b/x.cc\n@@ -1,2 +1,2 @@\n 1\n-two\n+three\n",
                      self.files()["0002-more-things.patch"])
        self.run_(bochs.make_tree)


if __name__ == "__main__":
    unittest.main()
