#!/usr/bin/env python3
"""Checks that no file grows beyond reading: more than 700 lines fail; what is above its guide (400 for a .cc,
200 for a .h) is listed.

  tools/check_sizes.py [<source root>]
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from source_files import read, source_files

LIMIT = 700
GUIDES = {".cc": 400, ".h": 200}


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(__file__), "..")
    files = source_files(root)
    if not files:
        print(f"check_sizes: no source file below {root}", file=sys.stderr)
        return 2
    failed = False
    for path in files:
        lines = read(root, path).count("\n")
        if lines > LIMIT:
            failed = True
            print(f"{path}:1: {lines} lines; more than {LIMIT} are too many: split it by idea")
        elif lines > GUIDES[os.path.splitext(path)[1]]:
            print(f"note: {path} has {lines} lines (guide: {GUIDES[os.path.splitext(path)[1]]})")
    if not failed:
        print(f"check_sizes: {len(files)} files, none longer than {LIMIT} lines")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
