"""The C++ files of a source tree that people write: what the checks in this folder look at."""

import os
import subprocess

# Written by our own generator, or built.
_GENERATED = ("tests/golden/", "build/", "out/", "install/")


def _candidates(root):
    """Relative paths: git's tracked and new files where there is a repository, else all."""
    if os.path.exists(os.path.join(root, ".git")):
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            check=True, capture_output=True).stdout.decode()
        # A file that was deleted but not yet committed is listed still.
        return [path for path in listed.split("\0") if os.path.isfile(os.path.join(root, path))]
    found = []
    for folder, _, names in os.walk(root):
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return found


def source_files(root):
    """Relative paths of the .cc and .h files below `root`, sorted."""
    def is_ours(path):
        if not path.endswith((".cc", ".h")):
            return False
        return not path.startswith(_GENERATED) or path == "tests/golden/golden_test.cc"
    return sorted(path for path in map(_with_slashes, _candidates(root)) if is_ours(path))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def without_comments_and_strings(text):
    """The same text, of the same length and lines, with comments and literals blanked."""
    out = list(text)
    position = 0
    while position < len(text):
        end = _end_of_literal_or_comment(text, position)
        if end is None:
            position += 1
            continue
        for index in range(position, end):
            if out[index] != "\n":
                out[index] = " "
        position = end
    return "".join(out)


def _end_of_literal_or_comment(text, start):
    two = text[start:start + 2]
    if two == "//":
        return _end(text.find("\n", start), text)
    if two == "/*":
        return _end(text.find("*/", start + 2), text, 2)
    if two == 'R"':
        opening = text.find("(", start)
        delimiter = ")" + text[start + 2:opening] + '"'
        return _end(text.find(delimiter, opening), text, len(delimiter))
    if text[start] == '"':
        return _end_of_quoted(text, start)
    # 10'000 is a number: a quote after a digit or letter opens no character literal.
    if text[start] == "'" and not (start > 0 and text[start - 1].isalnum()):
        return _end_of_quoted(text, start)
    return None


def _end(found, text, length=0):
    return len(text) if found < 0 else found + length


def _end_of_quoted(text, start):
    position = start + 1
    while position < len(text) and text[position] not in (text[start], "\n"):
        position += 2 if text[position] == "\\" else 1
    return min(position + 1, len(text))


def _with_slashes(path):
    return path.replace(os.sep, "/")
