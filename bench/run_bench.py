#!/usr/bin/env python3
"""Runs the benchmark programs in turn and prints their figures side by side.

Every row is measured by fresh processes, EchoStream and its peers one after the other within each round, so that a
machine that becomes slower or faster does so for all of them. See docs/performance.md.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import sys
import tempfile

from comparison.figures import ROWS
from comparison.measure import run_rounds
from comparison.systems import choose_systems
from comparison.table import print_medians, print_targets, summarise


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Measures EchoStream and its peers in turn, and prints medians, ratios and targets side by side."
    )
    rows = list(ROWS)
    parser.add_argument("--build-dir", type=pathlib.Path, required=True, help="where the programs were built")
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each row measures (default 2)")
    parser.add_argument("--only", metavar="ROW[,ROW]", help="only these rows: " + ", ".join(rows))
    parser.add_argument("--sessions", type=int, default=1000, help="idle sessions of the memory row (default 1000)")
    parser.add_argument("--systems", metavar="NAME[,NAME]", help="which to measure (default: all that were built)")
    parser.add_argument("--max-minutes", type=float, default=45, help="begin no further round after that (default 45)")
    parser.add_argument("--json", type=pathlib.Path, help="write every figure to this file")
    arguments = parser.parse_args()
    arguments.rows = arguments.only.split(",") if arguments.only else rows
    unknown = [row for row in arguments.rows if row not in rows]
    if unknown:
        parser.error(f"unknown row {unknown[0]}; there are {', '.join(rows)}")
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    return arguments


def describe_machine():
    model = platform.processor()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), model)
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load_average_before": os.getloadavg()[0],
    }


def warn(machine):
    if machine["load_average_before"] > 0.5:
        print(f"The machine is busy (load {machine['load_average_before']:.1f}): trust only ratios.", file=sys.stderr)
    if machine["cores"] < 2:
        print("There is one core only: server and client share it in every row.", file=sys.stderr)


def document(outcome, summary, machine, started, arguments):
    return {
        "date": started.isoformat(timespec="seconds"),
        "command": sys.argv,
        "machine": machine | {"load_average_after": os.getloadavg()[0]},
        "rounds": outcome.rounds,
        "seconds": arguments.seconds,
        "figures": summary,
        "failures": [{"row": row, "system": name, "error": text} for (row, name), text in outcome.failures.items()],
        "skipped": outcome.skipped,
    }


def main():
    arguments = parse_arguments()
    machine = describe_machine()
    warn(machine)
    started = datetime.datetime.now(datetime.timezone.utc)
    with tempfile.TemporaryDirectory(prefix="echostream-bench-") as folder:
        arguments.scratch = pathlib.Path(folder)
        names = arguments.systems.split(",") if arguments.systems else []
        systems = choose_systems(names, arguments.build_dir, arguments.scratch)
        outcome = run_rounds(systems, arguments)
    summary = summarise(outcome)
    print(f"{machine['processor']}, {machine['cores']} cores, {started:%Y-%m-%d}, medians of {outcome.rounds} rounds of "
          f"{arguments.seconds:g} s; loopback, server on the first core, client on the second")
    print_medians(outcome.figures, summary, systems)
    print_targets(outcome.figures, summary, systems)
    for row, reason in outcome.skipped.items():
        print(f"{row} was skipped: {reason}")
    if arguments.json:
        text = json.dumps(document(outcome, summary, machine, started, arguments), indent=2)
        arguments.json.write_text(text + "\n")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
