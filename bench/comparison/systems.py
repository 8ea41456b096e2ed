"""The systems that can be measured, and the processes they are."""

import contextlib
import dataclasses
import os
import select
import subprocess
import sys

SERVER_START_SECONDS = 10
# What the lossy link's program exits with where the system does not permit it.
NOT_PERMITTED = 77
# What an observed service runs with, on both sides.
PLUGINS = "metrics,tracing=0.01,auth_token"


@dataclasses.dataclass(frozen=True)
class System:
    name: str
    title: str
    server: list
    client: list
    shows_certificate: bool = False
    # Measured only when it is asked for.
    by_name_only: bool = False


class RowFailed(Exception):
    pass


class RowSkipped(Exception):
    """This machine cannot measure the row."""


def known_systems(build_dir, scratch):
    bench = build_dir / "bench"
    certificate, key = scratch / "certificate.pem", scratch / "key.pem"

    def peer(name, title, shows_certificate):
        program = bench / "peers" / name / f"echostream_bench_{name}"
        server, client = [program.with_name(program.name + "_server")], [program.with_name(program.name + "_client")]
        if shows_certificate:
            server += ["--certificate", certificate, "--key", key]
            client += ["--certificate", certificate]
        return System(name, title, server, client, shows_certificate)

    systems = [
        System(
            "echostream", "EchoStream", [bench / "echostream_bench_server"], [bench / "echostream_bench_client"]
        ),
        System(
            "plugins", "with plugins",
            [bench / "echostream_bench_server", "--plugins", PLUGINS],
            [bench / "echostream_bench_client", "--plugins", PLUGINS],
            by_name_only=True,
        ),
        System(
            "http", "over HTTP/3",
            [bench / "echostream_bench_server"], [bench / "echostream_bench_http_client"],
            by_name_only=True,
        ),
        peer("grpc", "gRPC (T)", True),
        peer("ngtcp2", "bare QUIC (N)", False),
        peer("ice", "Ice ssl", True),
        peer("capnp", "Cap'n Proto", True),
        peer("udp", "bare UDP", False),
    ]
    return {system.name: system for system in systems}


def choose_systems(names, build_dir, scratch):
    """Those of `names` that were built; all that were built when there are no names. EchoStream first."""
    known = known_systems(build_dir, scratch)
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"run_bench.py: unknown system '{unknown[0]}'; there are {', '.join(known)}")
    chosen = []
    for name, system in known.items():
        is_built = system.server[0].exists() and system.client[0].exists()
        if name in names and not is_built:
            sys.exit(f"run_bench.py: {name} is not built in {build_dir}; run scripts/bench, or leave it out")
        if not names and not is_built and not system.by_name_only:
            print(f"{system.title} is left out: it is not built. scripts/setup --bench installs what it needs.",
                  file=sys.stderr)
        if is_built and (name in names or not names and not system.by_name_only):
            chosen.append(system)
    if not chosen:
        sys.exit(f"run_bench.py: nothing is built in {build_dir}; run scripts/bench")
    if any(system.shows_certificate for system in chosen):
        make_certificate(scratch / "certificate.pem", scratch / "key.pem")
    return chosen


def make_certificate(certificate, key):
    """Self-signed, of the same kind as EchoStream's own: ECDSA on P-256."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    try:
        subprocess.run(
            command + ["-keyout", key, "-out", certificate], check=True, capture_output=True, text=True, timeout=30
        )
    except FileNotFoundError:
        sys.exit("run_bench.py: the TCP systems need a certificate, and there is no openssl program to make one")
    except subprocess.CalledProcessError as error:
        sys.exit(f"run_bench.py: openssl made no certificate: {error.stderr.strip()}")


def choose_cores(one_core):
    """The server's core and the client's."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[0] if one_core or len(cores) < 2 else cores[1]


def start(command, core=None, **more):
    words = [str(word) for word in command]
    pin = None if core is None else lambda: os.sched_setaffinity(0, {core})
    return subprocess.Popen(words, preexec_fn=pin, **more)


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def first_line(process):
    """The words of the line that a program prints when it is ready; none when it does not."""
    readable, _, _ = select.select([process.stdout], [], [], SERVER_START_SECONDS)
    return process.stdout.readline().split() if readable else []


@contextlib.contextmanager
def running(command, core, word, what, scratch):
    """Yields the words after `word` of the first line. The process is ended in any case."""
    errors = scratch / f"{what}-errors.txt"
    with open(errors, "w") as error_file:
        process = start(command, core, stdout=subprocess.PIPE, stderr=error_file, text=True)
    try:
        words = first_line(process)
        if len(words) < 2 or words[0] != word:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if process.wait(1) == NOT_PERMITTED:
                    raise RowSkipped(errors.read_text().strip())
            raise RowFailed(f"the {what} did not start: {errors.read_text().strip()}")
        yield words[1:]
        if process.poll() is not None:
            raise RowFailed(f"the {what} ended early, with {process.returncode}: {errors.read_text().strip()}")
    finally:
        stop(process)
        process.stdout.close()


@dataclasses.dataclass(frozen=True)
class Network:
    """Where the two ends run: what comes before their commands, and where the server listens."""

    server_prefix: tuple = ()
    client_prefix: tuple = ()
    listen: str = "127.0.0.1:0"


@contextlib.contextmanager
def network(row, build_dir, lifetime, seed, scratch):
    """Loopback, or two namespaces with a lossy link in between."""
    if row.loss is None:
        yield Network()
        return
    program = build_dir / "bench" / "echostream_bench_lossy_link"
    command = [program, "--delay-ms", 20, "--loss", row.loss, "--seed", seed, "--lifetime", lifetime]
    with running(command, None, "ready", "lossy link", scratch) as words:
        _, server_namespace, server_address, _, client_namespace, _ = words
        yield Network(
            ("nsenter", f"--net={server_namespace}"), ("nsenter", f"--net={client_namespace}"), f"{server_address}:0"
        )
