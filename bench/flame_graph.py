#!/usr/bin/env python3
"""Draws a flame graph: where a program's time goes, by call stack.

    perf record --pid PID --call-graph dwarf,16384 -F 499 -- sleep 3
    perf script | bench/flame_graph.py --title "server" > graph.svg

The width of a box is the share of the samples in which that function was on the stack, over the one that called it.
"""

import argparse
import html
import re
import sys

WIDTH = 1200
ROW = 17
LEAST_WIDTH = 1.0
COLOURS = {"kernel": "#c9d7e8", "crypto": "#f2c38b", "ngtcp2": "#d5c3e6", "libc": "#dddddd", "own": "#a9d6a5"}


class Node:
    def __init__(self, name, kind):
        self.name = name
        self.kind = kind
        self.samples = 0
        self.children = {}


def kind_of(module):
    for word, kind in (("kernel", "kernel"), ("libcrypto", "crypto"), ("libssl", "crypto"), ("ngtcp2", "ngtcp2")):
        if word in module:
            return kind
    return "libc" if re.search(r"/lib(c|stdc\+\+|m|uv|protobuf)\.so", module) else "own"


def short(name):
    """Without arguments, template arguments and compiler's suffixes."""
    name = re.sub(r"\+0x[0-9a-f]+$", "", name)
    name = re.sub(r"\(anonymous namespace\)::|echostream::|\[clone [^\]]*\]", "", name)
    depth, out = 0, []
    for character in name:
        if character in "<(":
            depth += 1
        elif character in ">)":
            depth = max(depth - 1, 0)
        elif depth == 0:
            out.append(character)
    return "".join(out).strip() or name


def read_stacks(lines):
    """Each sample's frames, outermost first, as (name, kind)."""
    stack = []
    for line in lines:
        match = re.match(r"\s+[0-9a-f]+ (.*) \(([^()]*)\)$", line.rstrip())
        if match:
            name = match.group(1)
            kind = kind_of(match.group(2))
            stack.append((short(name) if name != "[unknown]" else f"[{kind}]", kind))
        elif not line.strip() and stack:
            yield stack[::-1]
            stack = []
    if stack:
        yield stack[::-1]


def build(stacks):
    root = Node("all", "own")
    for stack in stacks:
        root.samples += 1
        node = root
        for name, kind in stack:
            # Recursion and unknown frames of one library in a row are one box.
            if node.name == name:
                continue
            node = node.children.setdefault(name, Node(name, kind))
            node.samples += 1
    return root


def depth_of(node):
    return 1 + max((depth_of(child) for child in node.children.values()), default=0)


def draw(node, left, level, scale, height, out):
    width = node.samples * scale
    if width < LEAST_WIDTH:
        return
    top = height - (level + 1) * ROW
    share = 100 * width / WIDTH
    title = html.escape(f"{node.name}: {share:.1f} %")
    out.append(
        f'<g><title>{title}</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 1}" '
        f'fill="{COLOURS[node.kind]}" rx="1"/>'
    )
    letters = int(width / 6.6)
    if letters >= 4:
        text = node.name if len(node.name) <= letters else node.name[: letters - 1] + "…"
        out.append(f'<text x="{left + 3:.1f}" y="{top + 12}">{html.escape(text)}</text>')
    out.append("</g>")
    for child in sorted(node.children.values(), key=lambda child: child.name):
        draw(child, left, level + 1, scale, height, out)
        left += child.samples * scale


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", default="flame graph")
    arguments = parser.parse_args()
    root = build(read_stacks(sys.stdin))
    if root.samples == 0:
        sys.exit("flame_graph.py: no stacks on the standard input; give it the output of perf script")
    height = (min(depth_of(root), 60) + 2) * ROW
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + ROW}" '
        'font-family="monospace" font-size="11">',
        f'<rect width="{WIDTH}" height="{height + ROW}" fill="white"/>',
        f'<text x="4" y="13">{html.escape(arguments.title)}, {root.samples} samples: '
        "green EchoStream, violet ngtcp2, orange BoringSSL, blue kernel, grey the C and C++ libraries</text>",
    ]
    draw(root, 0, 0, WIDTH / root.samples, height + ROW, out)
    print("\n".join(out) + "\n</svg>")


if __name__ == "__main__":
    main()
