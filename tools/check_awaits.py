#!/usr/bin/env python3
"""Looks for the two ways of writing co_await that g++ 12.2 miscompiles without a word
(docs/decisions/0002-coroutines-on-gcc-12.md):

  1. a braced aggregate, or a lambda that owns something, built inside a co_await expression;
     and a co_await inside a braced initialiser;
  2. co_await in the condition of an if, while, switch or for that declares nothing.

  tools/check_awaits.py [<source root>]

It reads text, not C++, and errs on the side of complaining: give the value a name on the line before. What is
known to be harmless passes: types with static_assert(kSafeInAwait<T>) and braces with their members, empty
captures and captures by reference. A line with "check_awaits: " and a reason is left out.
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from source_files import read, source_files, without_comments_and_strings

AWAIT = re.compile(r"(?<!operator )\bco_await\b")
CLOSING = {"(": ")", "[": "]", "{": "}"}
SAFE = re.compile(r"static_assert\(\s*kSafeInAwait<(?:\w+::)*(\w+)>")
# Standard types whose braces call a constructor; std::array and std::vector are not among them.
SAFE_STANDARD = {"string", "string_view", "span", "optional", "pair", "unique_ptr", "shared_ptr"}
CONDITION = re.compile(r"\b(if|while|switch|for)\s*(?:constexpr\s*)?\(")
DECLARATION = re.compile(r"(?:const\s+)?[\w:<>,\s&*]+?[\s&*][\w\[\], ]+\s*=(?!=)")


class Source:
    """One file, blanked of comments and literals, with its brackets matched."""

    def __init__(self, path, text):
        self.path = path
        self.lines = text.split("\n")
        self.code = without_comments_and_strings(text)
        self.match = {}
        self.opener_of = {}
        self._match_brackets()

    def _match_brackets(self):
        open_ones = []
        for index, char in enumerate(self.code):
            if char in CLOSING:
                open_ones.append(index)
            elif char in ")]}" and open_ones and CLOSING[self.code[open_ones[-1]]] == char:
                self.match[open_ones.pop()] = index
        # The innermost bracket around each co_await.
        for found in AWAIT.finditer(self.code):
            around = [start for start, end in self.match.items() if start < found.start() < end]
            self.opener_of[found.start()] = max(around, default=None)

    def line_of(self, position):
        return self.code.count("\n", 0, position) + 1

    def is_excused(self, position):
        return "check_awaits: " in self.lines[self.line_of(position) - 1]

    def word_before(self, position):
        found = re.search(r"([\w:]+)(?:<[^<>;{}]*>)?\s*$", self.code[max(0, position - 200):position])
        return found.group(1) if found else ""

    def char_before(self, position):
        before = self.code[:position].rstrip()
        return before[-1] if before else ""

    def end_of_expression(self, start):
        """Where the full expression that `start` lies in ends."""
        position = start
        while position < len(self.code):
            if position in self.match:
                position = self.match[position]
            elif self.code[position] in ";)]}":
                return position
            position += 1
        return position


def safe_types(sources):
    """Names of the types that a static_assert vouches for, and the members of those that are structs."""
    names, members = set(SAFE_STANDARD), set()
    for source in sources:
        names.update(SAFE.findall(source.code))
    for source in sources:
        for struct in re.finditer(r"\bstruct\s+(\w+)\s*(?:final\s*)?\{", source.code):
            if struct.group(1) in names:
                body = source.code[struct.end():source.match.get(struct.end() - 1, struct.end())]
                members.update(re.findall(r"\b(\w+)\s*(?:=[^;]*|\{[^;]*\})?;", body))
    return names, members


def is_lambda(source, bracket):
    """Whether '[' opens a lambda, not an index."""
    return re.search(r"(?:[(,={;&|?:]|\breturn|\bco_return|\bco_await)\s*$", source.code[:bracket]) is not None


def owns(capture):
    """Whether a lambda's capture list may hold something with a destructor."""
    for item in re.split(r",(?![^()<>{}]*[)>}])", capture):
        item = item.strip()
        if item and item != "this" and not item.startswith("&"):
            return True
    return False


def is_safe_brace(source, brace, names, members):
    inside = source.code[brace + 1:source.match[brace]]
    if not inside.strip():
        return True  # {} owns nothing that could be freed twice.
    word = source.word_before(brace).split("::")[-1]
    if word:
        return word in names
    # f({.a = 1}): whose members are they?
    designators = re.findall(r"(?:^|,)\s*\.(\w+)\s*=", inside)
    return bool(designators) and all(name in members for name in designators)


def first_rule(source, names, members):
    """Yields (position, message)."""
    for found in AWAIT.finditer(source.code):
        opener = source.opener_of[found.start()]
        if opener is not None and source.code[opener] == "{" and is_initialiser(source, opener):
            yield found.start(), "co_await inside a braced initialiser; name its result on the line before"
        end = source.end_of_expression(found.end())
        position = found.end()
        while position < end:
            char = source.code[position]
            if char == "[" and position in source.match and is_lambda(source, position):
                if owns(source.code[position + 1:source.match[position]]):
                    yield position, "a lambda that may own something, built inside a co_await expression"
                position = end_of_lambda(source, position)
            elif char == "{" and position in source.match:
                if not is_safe_brace(source, position, names, members):
                    yield position, "braces inside a co_await expression may build an aggregate"
                position = source.match[position]
            position += 1


def end_of_lambda(source, bracket):
    """The last character of the lambda that opens at `bracket`: its body has expressions of its own."""
    body = source.code.find("{", source.match[bracket])
    return source.match.get(body, bracket)


def is_initialiser(source, brace):
    """Whether '{' opens an initialiser, not a block."""
    before = source.char_before(brace)
    if before in ("=", ",", "("):
        return True
    if before == ":":
        return False  # The block of a case.
    word = source.word_before(brace)
    if before == ">" and re.search(r"->[^;{}()]*$", source.code[:brace]):
        return False  # A lambda's body after its return type.
    if re.search(r"->[\s\w:<>,&*]*$", source.code[max(0, brace - 120):brace]):
        return False
    if word in ("", "else", "do", "try", "const", "override", "final", "noexcept", "mutable"):
        return False
    line_start = source.code[max(0, brace - 300):brace]
    return re.search(r"\b(namespace|class|struct|enum|union|extern)\b[^;{}]*$", line_start) is None


def second_rule(source):
    for condition in CONDITION.finditer(source.code):
        opening = condition.end() - 1
        if opening not in source.match:
            continue
        inside = source.code[opening + 1:source.match[opening]]
        parts = inside.split(";")
        if condition.group(1) == "for":
            parts = parts[1:2]  # What it starts with is a declaration, and a range is evaluated once.
        else:
            parts = parts[-1:]
        for part in parts:
            awaited = AWAIT.search(part)
            if awaited and not DECLARATION.match(part.strip()):
                yield (condition.start(),
                       f"co_await in the condition of {condition.group(1)}; name its result before testing it")


def check(root):
    sources = [Source(path, read(root, path)) for path in source_files(root)]
    names, members = safe_types(sources)
    problems = []
    for source in sources:
        found = [*first_rule(source, names, members), *second_rule(source)]
        for position, message in sorted(set(found)):
            if not source.is_excused(position):
                problems.append(f"{source.path}:{source.line_of(position)}: {message}")
    return problems


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(__file__), "..")
    files = source_files(root)
    if not files:
        print(f"check_awaits: no source file below {root}", file=sys.stderr)
        return 2
    problems = check(root)
    if problems:
        print("\n".join(problems))
        print("Why: docs/decisions/0002-coroutines-on-gcc-12.md")
        return 1
    print(f"check_awaits: {len(files)} files, no co_await that g++ 12 miscompiles")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
