"""Runs the rows: every system in turn, round after round."""

import dataclasses
import json
import subprocess
import sys
import time

from comparison.figures import FIGURES, ROWS
from comparison.systems import SERVER_START_SECONDS, RowFailed, RowSkipped, choose_cores, network, running, start, stop


@dataclasses.dataclass
class Outcome:
    """What was measured: values[figure key][system name] has one value per round."""

    figures: list
    values: dict
    failures: dict  # (row, system name) -> why
    skipped: dict  # row -> why
    rounds: int = 0


class RowMissing(Exception):
    """The system has no such row."""


def measure(system, row, one_core, round_number, options):
    """The metrics of one row, from a fresh server and client."""
    server_core, client_core = choose_cores(one_core)
    seconds = options.seconds * row.seconds_factor
    # A row may measure several times that long, one thing after the other.
    lifetime = int(4 * seconds + row.overhead_seconds)
    result = options.scratch / "result.json"
    result.unlink(missing_ok=True)
    more = row.arguments.get(system.name, [])
    with network(row, options.build_dir, lifetime + 2 * SERVER_START_SECONDS, round_number + 1, options.scratch) as net:
        server = [*net.server_prefix, *system.server, "--listen", net.listen, *more]
        server += ["--lifetime", lifetime + SERVER_START_SECONDS]
        with running(server, server_core, "listening", "server", options.scratch) as words:
            command = [*net.client_prefix, *system.client, "--connect", words[0], *more]
            if "fingerprint" in words:
                command += ["--fingerprint", words[words.index("fingerprint") + 1]]
            command += ["--only", row.client_row, "--seconds", seconds, "--sessions", options.sessions]
            command += ["--lifetime", lifetime, "--json", result]
            run_client(command, client_core, lifetime)
    rows = json.loads(result.read_text())["rows"]
    if row.client_row not in rows:
        raise RowMissing
    return rows[row.client_row]


def run_client(command, core, lifetime):
    client = start(command, core, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, errors = client.communicate(timeout=lifetime + 5)
    except subprocess.TimeoutExpired:
        raise RowFailed("the client did not end in time") from None
    finally:
        stop(client)
    if client.returncode != 0:
        raise RowFailed(f"the client ended with {client.returncode}: {errors.strip()}")


def run_rounds(systems, options):
    figures = [figure for figure in FIGURES if figure.row in options.rows]
    outcome = Outcome(figures, {f.key: {system.name: [] for system in systems} for f in figures}, {}, {})
    jobs = list(dict.fromkeys((figure.row, figure.one_core) for figure in figures))
    missing = set()
    end = time.monotonic() + 60 * options.max_minutes
    while outcome.rounds < options.rounds and (outcome.rounds == 0 or time.monotonic() < end):
        print(f"round {outcome.rounds + 1} of {options.rounds} ...", file=sys.stderr, flush=True)
        # Whoever goes first may find a colder or cooler machine: take turns.
        shift = outcome.rounds % len(systems)
        for name, one_core in jobs:
            for system in systems[shift:] + systems[:shift]:
                run_job(system, name, one_core, options, outcome, missing)
        outcome.rounds += 1
    return outcome


def run_job(system, name, one_core, options, outcome, missing):
    row = ROWS[name]
    # What failed once would cost its time limit in every round.
    if name in outcome.skipped or (name, system.name) in outcome.failures or (name, system.name) in missing:
        return
    if (row.once and outcome.rounds > 0) or (row.arguments and system.name not in row.arguments):
        return
    try:
        metrics = measure(system, row, one_core, outcome.rounds, options)
    except RowMissing:
        missing.add((name, system.name))
        return
    except RowSkipped as reason:
        outcome.skipped[name] = str(reason)
        print(f"{name} IS SKIPPED: {reason}", file=sys.stderr, flush=True)
        return
    except RowFailed as failure:
        outcome.failures[(name, system.name)] = str(failure)
        print(f"{system.name} {name}: {failure}", file=sys.stderr, flush=True)
        return
    for figure in outcome.figures:
        metric = figure.metric_of(system.name)
        if (figure.row, figure.one_core) == (name, one_core) and metric in metrics:
            outcome.values[figure.key][system.name].append(metrics[metric])
