#!/usr/bin/env python3
"""Checks the map of docs/security.md: every test that a row names is in the sources, every row has a test or says
"not yet", and no row comes twice.

  tools/check_security_map.py [<source root>]

A row of the map is a line "| T12 | what happens | tests |"; tests are written `Suite.Name`.
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from source_files import read, source_files

MAP = "docs/security.md"
ROW = re.compile(r"^\|\s*([A-Z]\d\d)\s*\|(.*)\|\s*$")
NAMED = re.compile(r"`(\w+\.\w+)`")
TEST = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)")


def tests_in_sources(root):
    tests = set()
    for path in source_files(root):
        tests.update(f"{suite}.{name}" for suite, name in TEST.findall(read(root, path)))
    return tests


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(__file__), "..")
    tests = tests_in_sources(root)
    rows = set()
    errors = []
    named = 0
    for number, line in enumerate(read(root, MAP).split("\n"), 1):
        row = ROW.match(line)
        if not row:
            continue
        where = f"{MAP}:{number}: {row.group(1)}"
        if row.group(1) in rows:
            errors.append(f"{where} comes a second time")
        rows.add(row.group(1))
        found = NAMED.findall(row.group(2).split("|")[-1])
        named += len(found)
        if not found and "not yet" not in row.group(2):
            errors.append(f"{where} names no test; say \"not yet\" when there is none")
        errors += [f"{where} names {test}, which no source file has" for test in found if test not in tests]
    if not rows:
        errors.append(f"{MAP}:1: has no row of the form \"| T01 | ... | `Suite.Name` |\"")
    for error in errors:
        print(error)
    if errors:
        return 1
    print(f"check_security_map: {len(rows)} rows, {named} tests, all there")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
