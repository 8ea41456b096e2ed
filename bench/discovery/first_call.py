#!/usr/bin/env python3
"""How long discovery takes on an idle link, with real daemons: from announce() to the end of the first call, and from a
goodbye until the other machine has seen it. Medians of so many runs.

  scripts/lan bench/discovery/first_call.py [--runs N] [--program FILE]
"""

import argparse
import os
import statistics
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def start(host, program, role):
    return subprocess.Popen(["on", host, program, role], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def told(process, what):
    """The time that the process tells next, which must be that of `what`."""
    words = process.stdout.readline().split()
    if len(words) != 2 or words[0] != what:
        sys.exit(f"first_call: '{what}' expected, and it said '{' '.join(words)}'")
    return float(words[1])


def run_once(program):
    viewer = start("door", program, "viewer")
    told(viewer, "look")
    camera = start("kitchen", program, "camera")
    announced = told(camera, "announce")
    called = told(viewer, "called")
    camera.stdin.close()
    left = told(camera, "leave")
    gone = told(viewer, "gone")
    for process in (camera, viewer):
        process.wait(timeout=10)
    return called - announced, gone - left


def report(what, seconds):
    print(f"{what:32} median {statistics.median(seconds):.3f} s, {min(seconds):.3f} to {max(seconds):.3f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--program", default=os.path.join(ROOT, "build/bench/bench/echostream_bench_first_call"))
    arguments = parser.parse_args()
    if "ECHOSTREAM_LAN" not in os.environ:
        sys.exit("first_call: run it in a network of two machines: scripts/lan bench/discovery/first_call.py")
    runs = [run_once(arguments.program) for _ in range(arguments.runs)]
    report("announce() to the first reply", [run[0] for run in runs])
    report("goodbye to gone", [run[1] for run in runs])


if __name__ == "__main__":
    main()
