# SPDX-License-Identifier: GPL-2.0
"""Write initramfs archives ("newc" cpio) whose bytes depend on nothing but the
contents: names sorted, owner root, times zero, inode numbers counted up.

As a program:  cpio.py OUTPUT [LIST]   archives what LIST (or standard input)
says, one entry a line, fields separated by blanks:
    dir PATH                    slink PATH TARGET
    file PATH SOURCE [MODE]     nod PATH MODE c|b MAJOR MINOR
    tree PATH SOURCE            every file below directory SOURCE
Exit status: 0 written, 1 a source is missing or a line makes no sense.
"""

import os
import stat
import sys


class Archive:
    """Collects entries by path, then writes them; parents are added as needed."""

    def __init__(self):
        self.entries = {}

    def _add(self, path, mode, data=b"", rdev=(0, 0)):
        path = os.path.normpath(path).lstrip("/")
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self._add(parent, stat.S_IFDIR | 0o755)
        self.entries[path] = (mode, data, rdev)

    def dir(self, path, mode=0o755):
        self._add(path, stat.S_IFDIR | mode)

    def symlink(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def node(self, path, mode, kind, major, minor):
        kinds = {"c": stat.S_IFCHR, "b": stat.S_IFBLK}
        self._add(path, kinds[kind] | mode, rdev=(major, minor))

    def data(self, path, data, mode=0o644):
        self._add(path, stat.S_IFREG | mode, data)

    def file(self, path, source, mode=None):
        """Add a file, following links; executable if the source is."""
        if mode is None:
            mode = 0o755 if os.stat(source).st_mode & 0o111 else 0o644
        with open(source, "rb") as f:
            self.data(path, f.read(), mode)

    def tree(self, path, source):
        if not os.path.isdir(source):
            raise NotADirectoryError(f"{source}: not a directory")
        for here, dirs, files in os.walk(source):
            to = os.path.join(path, os.path.relpath(here, source))
            self.dir(to)
            for name in dirs + files:
                full = os.path.join(here, name)
                if os.path.islink(full):
                    self.symlink(os.path.join(to, name), os.readlink(full))
                elif name in files:
                    self.file(os.path.join(to, name), full)

    def write(self, out):
        names = sorted(self.entries)
        for ino, name in enumerate(names, 1):
            mode, data, rdev = self.entries[name]
            self._record(out, name, mode, data, rdev, ino)
        self._record(out, "TRAILER!!!", 0, b"", (0, 0), 0)
        out.write(bytes(-out.tell() % 512))

    @staticmethod
    def _record(out, name, mode, data, rdev, ino):
        links = 2 if stat.S_ISDIR(mode) else 1
        encoded = name.encode() + b"\0"
        fields = (ino, mode, 0, 0, links, 0, len(data), 0, 0,
                  rdev[0], rdev[1], len(encoded), 0)
        out.write(b"070701" + b"".join(b"%08X" % x for x in fields) + encoded)
        out.write(bytes(-out.tell() % 4))
        out.write(data)
        out.write(bytes(-out.tell() % 4))


def read_list(lines):
    archive = Archive()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        kind, args = words[0], words[1:]
        try:
            if kind == "dir" and len(args) == 1:
                archive.dir(args[0])
            elif kind == "slink" and len(args) == 2:
                archive.symlink(*args)
            elif kind == "file" and len(args) in (2, 3):
                mode = int(args[2], 8) if len(args) == 3 else None
                archive.file(args[0], args[1], mode)
            elif kind == "nod" and len(args) == 5:
                archive.node(args[0], int(args[1], 8), args[2],
                             int(args[3]), int(args[4]))
            elif kind == "tree" and len(args) == 2:
                archive.tree(*args)
            else:
                raise ValueError("unknown entry")
        except (OSError, ValueError, KeyError) as e:
            sys.exit(f"cpio.py: line {number}: {line.strip()}: {e}")
    return archive


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: cpio.py OUTPUT [LIST]")
    if len(sys.argv) == 3:
        with open(sys.argv[2], encoding="utf-8") as f:
            archive = read_list(f)
    else:
        archive = read_list(sys.stdin)
    with open(sys.argv[1] + ".tmp", "wb") as out:
        archive.write(out)
    os.rename(sys.argv[1] + ".tmp", sys.argv[1])


if __name__ == "__main__":
    main()
