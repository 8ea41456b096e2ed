#!/usr/bin/env python3
"""Runs the benchmark programs in turn and prints their figures side by side.

Every row is measured by fresh processes, EchoStream and its peers one after the other within each round, so that a
machine that becomes slower or faster does so for all of them. See docs/performance.md.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import select
import statistics
import subprocess
import sys
import tempfile
import time

SERVER_START_SECONDS = 10
# On top of the time that a row measures: warm-up, and opening the sessions of the memory row.
ROW_OVERHEAD_SECONDS = 40


@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the table."""

    key: str
    row: str  # what the client is asked for with --only
    metric: str
    title: str
    unit: str
    scale: float = 1.0
    digits: int = 0
    one_core: bool = False


FIGURES = [
    Figure("unary_p50", "unary_latency", "p50_us", "unary 100 B, 1 outstanding, p50", "us", digits=1),
    Figure("unary_p99", "unary_latency", "p99_us", "unary 100 B, 1 outstanding, p99", "us", digits=1),
    Figure("unary_p50_one_core", "unary_latency", "p50_us", "  both ends on one core, p50", "us", digits=1, one_core=True),
    Figure("unary_calls", "unary_throughput", "calls_per_s", "unary 100 B, 64 outstanding", "k calls/s", 1e-3, 1),
    Figure("unary_cpu", "unary_throughput", "cpu_s_per_100k", "  CPU per 100 k calls, both ends", "s", digits=3),
    Figure("unary_cpu_server", "unary_throughput", "server_cpu_s_per_100k", "  CPU per 100 k calls, server", "s", digits=3),
    Figure("events", "events", "messages_per_s", "1 KiB one-way events", "k/s", 1e-3, 1),
    Figure("events_cpu", "events", "cpu_s_per_100k", "  CPU per 100 k events, both ends", "s", digits=3),
    Figure("messages", "messages", "messages_per_s", "1 KiB messages of one stream", "k/s", 1e-3, 1),
    Figure("messages_cpu", "messages", "cpu_s_per_100k", "  CPU per 100 k messages, both ends", "s", digits=3),
    Figure("bulk", "bulk", "mb_per_s", "64 KiB messages of one stream", "MB/s"),
    # 100,000 messages of 64 KiB are 6.5536 GB.
    Figure("bulk_cpu", "bulk", "cpu_s_per_100k", "  CPU per GB, both ends", "s", 1 / 6.5536, 2),
    Figure("handshake", "handshake", "p50_us", "handshake to first reply, p50", "ms", 1e-3, 2),
    Figure("memory", "memory", "kib_per_session", "server memory per idle session", "KiB", digits=1),
]


@dataclasses.dataclass(frozen=True)
class System:
    name: str
    title: str
    server: list
    client: list


class RowFailed(Exception):
    pass


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Measures EchoStream and its peers in turn, and prints the medians side by side."
    )
    rows = list(dict.fromkeys(figure.row for figure in FIGURES))
    parser.add_argument("--build-dir", type=pathlib.Path, required=True, help="where the programs were built")
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each row measures (default 2)")
    parser.add_argument("--only", metavar="ROW[,ROW]", help="only these rows: " + ", ".join(rows))
    parser.add_argument("--sessions", type=int, default=1000, help="idle sessions of the memory row (default 1000)")
    parser.add_argument("--systems", default="echostream,grpc", help="which to measure (default echostream,grpc)")
    parser.add_argument("--max-minutes", type=float, default=20, help="begin no further round after that (default 20)")
    parser.add_argument("--json", type=pathlib.Path, help="write every figure to this file")
    arguments = parser.parse_args()
    arguments.rows = arguments.only.split(",") if arguments.only else rows
    unknown = [row for row in arguments.rows if row not in rows]
    if unknown:
        parser.error(f"unknown row {unknown[0]}; there are {', '.join(rows)}")
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    return arguments


def make_systems(arguments, scratch):
    """The systems that were asked for and built."""
    bench = arguments.build_dir / "bench"
    grpc = bench / "peers" / "grpc"
    certificate, key = scratch / "certificate.pem", scratch / "key.pem"
    known = {
        "echostream": System(
            "echostream", "EchoStream", [bench / "echostream_bench_server"], [bench / "echostream_bench_client"]
        ),
        "grpc": System(
            "grpc",
            "gRPC, TLS",
            [grpc / "echostream_bench_grpc_server", "--certificate", certificate, "--key", key],
            [grpc / "echostream_bench_grpc_client", "--certificate", certificate],
        ),
    }
    systems = []
    for name in arguments.systems.split(","):
        if name not in known:
            sys.exit(f"run_bench.py: unknown system '{name}'; there are {', '.join(known)}")
        if not known[name].server[0].exists() or not known[name].client[0].exists():
            sys.exit(f"run_bench.py: {name} is not built in {arguments.build_dir}; run scripts/bench, or leave it out")
        systems.append(known[name])
    if any(system.name == "grpc" for system in systems):
        make_certificate(certificate, key)
    return systems


def make_certificate(certificate, key):
    """Self-signed, of the same kind as EchoStream's own: ECDSA on P-256."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    try:
        subprocess.run(
            command + ["-keyout", key, "-out", certificate], check=True, capture_output=True, text=True, timeout=30
        )
    except FileNotFoundError:
        sys.exit("run_bench.py: gRPC needs a certificate, and there is no openssl program to make one")
    except subprocess.CalledProcessError as error:
        sys.exit(f"run_bench.py: openssl made no certificate: {error.stderr.strip()}")


def choose_cores(one_core):
    """The server's core and the client's."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[0] if one_core or len(cores) < 2 else cores[1]


def start(command, core, **more):
    words = [str(word) for word in command]
    return subprocess.Popen(words, preexec_fn=lambda: os.sched_setaffinity(0, {core}), **more)


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


@contextlib.contextmanager
def running_server(system, core, scratch, lifetime):
    """Yields what the client needs to reach it. The process is ended in any case."""
    errors = scratch / "server-errors.txt"
    with open(errors, "w") as error_file:
        process = start(
            system.server + ["--lifetime", lifetime], core, stdout=subprocess.PIPE, stderr=error_file, text=True
        )
    try:
        readable, _, _ = select.select([process.stdout], [], [], SERVER_START_SECONDS)
        words = process.stdout.readline().split() if readable else []
        if len(words) < 2 or words[0] != "listening":
            raise RowFailed("the server did not start: " + errors.read_text().strip())
        target = ["--connect", words[1]]
        if "fingerprint" in words:
            target += ["--fingerprint", words[words.index("fingerprint") + 1]]
        yield target
        if process.poll() is not None:
            raise RowFailed(f"the server ended early, with {process.returncode}: {errors.read_text().strip()}")
    finally:
        stop(process)
        process.stdout.close()


def measure(system, row, one_core, arguments, scratch):
    """The metrics of one row, from a fresh server and client."""
    server_core, client_core = choose_cores(one_core)
    lifetime = int(arguments.seconds + ROW_OVERHEAD_SECONDS)
    result = scratch / "result.json"
    result.unlink(missing_ok=True)
    with running_server(system, server_core, scratch, lifetime + SERVER_START_SECONDS) as target:
        command = system.client + target + ["--only", row, "--seconds", arguments.seconds]
        command += ["--sessions", arguments.sessions, "--lifetime", lifetime, "--json", result]
        client = start(command, client_core, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            _, errors = client.communicate(timeout=lifetime + 5)
        except subprocess.TimeoutExpired:
            raise RowFailed("the client did not end in time") from None
        finally:
            stop(client)
        if client.returncode != 0:
            raise RowFailed(f"the client ended with {client.returncode}: {errors.strip()}")
    rows = json.loads(result.read_text())["rows"]
    if row not in rows:
        raise RowFailed("the client measured nothing")
    return rows[row]


def run_rounds(systems, arguments, scratch):
    """values[figure key][system name] = one value per round; and what failed."""
    figures = [figure for figure in FIGURES if figure.row in arguments.rows]
    values = {figure.key: {system.name: [] for system in systems} for figure in figures}
    failures = {}
    jobs = list(dict.fromkeys((figure.row, figure.one_core) for figure in figures))
    end = time.monotonic() + 60 * arguments.max_minutes
    rounds_done = 0
    while rounds_done < arguments.rounds and (rounds_done == 0 or time.monotonic() < end):
        print(f"round {rounds_done + 1} of {arguments.rounds} ...", file=sys.stderr, flush=True)
        # Whoever goes first may find a colder or cooler machine: take turns.
        order = systems if rounds_done % 2 == 0 else systems[::-1]
        for row, one_core in jobs:
            for system in order:
                # What failed once would cost its time limit in every round.
                if (row, system.name) in failures:
                    continue
                try:
                    metrics = measure(system, row, one_core, arguments, scratch)
                except RowFailed as failure:
                    failures[(row, system.name)] = str(failure)
                    print(f"{system.name} {row}: {failure}", file=sys.stderr, flush=True)
                    continue
                for figure in figures:
                    if (figure.row, figure.one_core) == (row, one_core) and figure.metric in metrics:
                        values[figure.key][system.name].append(metrics[figure.metric])
        rounds_done += 1
    return figures, values, failures, rounds_done


def ratios(values, first, other):
    """Round by round, so that a drift of the machine falls out."""
    return [a / b for a, b in zip(values[first], values[other]) if b > 0]


def summarise(figures, values, systems):
    summary = {}
    for figure in figures:
        by_system = values[figure.key]
        entry = {"title": figure.title.strip(), "values": by_system, "metric": figure.metric, "medians": {}, "ratios": {}}
        for system in systems:
            if by_system[system.name]:
                entry["medians"][system.name] = statistics.median(by_system[system.name])
        for other in systems[1:]:
            of_rounds = ratios(by_system, systems[0].name, other.name)
            if of_rounds:
                entry["ratios"][other.name] = {
                    "median": statistics.median(of_rounds),
                    "least": min(of_rounds),
                    "most": max(of_rounds),
                }
        summary[figure.key] = entry
    return summary


def print_table(figures, summary, systems):
    head = f"{'':36}" + "".join(f"{system.title:>22}" for system in systems)
    head += "".join(f"{'ratio to ' + other.title:>26}" for other in systems[1:])
    print("\n" + head)
    for figure in figures:
        entry = summary[figure.key]
        line = f"{figure.title:36}"
        for system in systems:
            median = entry["medians"].get(system.name)
            text = "-" if median is None else f"{median * figure.scale:,.{figure.digits}f} {figure.unit}"
            line += f"{text:>22}"
        for other in systems[1:]:
            ratio = entry["ratios"].get(other.name)
            text = "-" if ratio is None else f"{ratio['median']:.3g} ({ratio['least']:.3g} .. {ratio['most']:.3g})"
            line += f"{text:>26}"
        print(line)


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


def main():
    arguments = parse_arguments()
    machine = describe_machine()
    if machine["load_average_before"] > 0.5:
        print(f"The machine is busy (load {machine['load_average_before']:.1f}): trust only ratios.", file=sys.stderr)
    if machine["cores"] < 2:
        print("There is one core only: server and client share it in every row.", file=sys.stderr)
    started = datetime.datetime.now(datetime.timezone.utc)
    with tempfile.TemporaryDirectory(prefix="echostream-bench-") as folder:
        systems = make_systems(arguments, pathlib.Path(folder))
        figures, values, failures, rounds_done = run_rounds(systems, arguments, pathlib.Path(folder))
    summary = summarise(figures, values, systems)
    print(f"{machine['processor']}, {machine['cores']} cores, {started:%Y-%m-%d}, medians of {rounds_done} rounds of "
          f"{arguments.seconds:g} s; loopback, server on the first core, client on the second")
    print_table(figures, summary, systems)
    if arguments.json:
        document = {
            "date": started.isoformat(timespec="seconds"),
            "command": sys.argv,
            "machine": machine,
            "rounds": rounds_done,
            "seconds": arguments.seconds,
            "figures": summary,
            "failures": [{"row": row, "system": name, "error": text} for (row, name), text in failures.items()],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
