#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cpio.py MANIFEST >archive: a 'newc' archive of what a manifest lists, the same bytes every time.

Manifest lines: path st_mode uid gid source (see manifest.txt). Directories need no privilege to be archived, device
nodes neither: nothing is made on the build machine. All times are 0, inode numbers count up.
"""
import os
import string
import sys


def entry(out, ino, path, mode, uid, gid, data=b"", rdev=(0, 0)):
    name = path.encode() + b"\0"
    nlink = 2 if mode & 0o170000 == 0o040000 else 1
    fields = (ino, mode, uid, gid, nlink, 0, len(data), 0, 0, *rdev, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
    out.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))


def main():
    out, ino = sys.stdout.buffer, 1
    with open(sys.argv[1]) as manifest:
        lines = [l.split() for l in manifest if l.strip() and not l.startswith("#")]
    for number, fields in enumerate(lines, 1):
        if len(fields) != 5:
            sys.exit(f"{sys.argv[1]}: entry {number}: five fields are needed, not {len(fields)}")
        path, mode, uid, gid, source = fields
        data, rdev = b"", (0, 0)
        if source.startswith("->"):
            data = source[2:].encode()
        elif source.startswith("c:"):
            rdev = tuple(int(n) for n in source[2:].split(":"))
        elif source != "-":
            file = string.Template(source).substitute(os.environ)
            try:
                with open(file, "rb") as f:
                    data = f.read()
            except OSError as e:
                sys.exit(f"{sys.argv[1]}: '{path}': {e.strerror}: '{file}'")
        entry(out, ino, path.lstrip("/"), int(mode, 8), int(uid), int(gid), data, rdev)
        ino += 1
    entry(out, 0, "TRAILER!!!", 0, 0, 0)


main()
