"""The rows that are measured, the figures of the table, and what each is to reach."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """One measurement by a fresh server and client of each system."""

    client_row: str  # what the client is asked for with --only
    # Of --seconds: rows with few samples a second need longer.
    seconds_factor: float = 1.0
    # What it takes at most on top of what is measured: warm-up, opening the sessions.
    overhead_seconds: int = 40
    # Percent of packets lost, each way, on a link of 40 ms round trip; none: loopback.
    loss: float | None = None
    # Its figures are ratios within one run already.
    once: bool = False
    # Arguments for both ends, by system. When there are some, systems that are not in it are not measured.
    arguments: dict = dataclasses.field(default_factory=dict)


# A row that a client has not (it says so by reporting nothing) is left out for that system. To add one: a row here,
# its figures below, and a function of that name in the clients.
ROWS = {
    "unary_latency": Row("unary_latency"),
    "unary_throughput": Row("unary_throughput"),
    "events": Row("events"),
    "messages": Row("messages"),
    "bulk": Row("bulk"),
    "bulk_large": Row("bulk", arguments={"echostream": ["--max-udp-payload", "65487"], "grpc": []}),
    "unary_layers": Row("unary_throughput", arguments={"echostream": ["--middleware", "3"]}),
    "unary_poll": Row("unary_latency", arguments={"echostream": ["--busy-poll-us", "50"], "grpc": []}),
    "handshake": Row("handshake"),
    "handshake_resumed": Row("handshake_resumed", arguments={"echostream": []}),
    "memory": Row("memory"),
    "media_beside_bulk": Row("media_beside_bulk", seconds_factor=3),
    "loss_1": Row("loss", seconds_factor=5, loss=1),
    "loss_5": Row("loss", seconds_factor=5, loss=5),
    "growth": Row("growth", overhead_seconds=240, once=True),
}


T, N, ICE = "grpc", "ngtcp2", "ice"
SHORT_NAMES = {T: "T", N: "N", ICE: "Ice"}


@dataclasses.dataclass(frozen=True)
class Target:
    """What EchoStream is to reach: its figure is at most, or at least, `limit` times that of `of`."""

    limit: float
    at_most: bool
    # A system, of whose figure; another figure of EchoStream's; none: the figure itself, in the table's unit.
    system: str | None = None
    figure: str | None = None

    def __str__(self):
        sign = "<=" if self.at_most else ">="
        if self.system is not None:
            return f"{sign} {self.limit:g} {SHORT_NAMES[self.system]}"
        if self.figure is not None:
            return f"{sign} {self.limit:g} {self.figure}"
        return f"{sign} {self.limit:g}"


def at_most(limit, of=None, figure=None):
    return Target(limit, True, of, figure)


def at_least(limit, of=None, figure=None):
    return Target(limit, False, of, figure)




@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the table."""

    key: str
    row: str
    metric: str
    title: str
    unit: str
    scale: float = 1.0
    digits: int = 0
    one_core: bool = False
    must: tuple = ()
    aim: tuple = ()
    # Where the others have no such choice: what they are compared by.
    peer_metric: str | None = None

    def metric_of(self, system):
        return self.metric if system == "echostream" or self.peer_metric is None else self.peer_metric


def media_figures(row, percent):
    """The age of frames at that loss; TCP has one kind of delivery only."""
    # One way is 20 ms, a frame 20 ms; an EXPIRING one may wait 60 ms in a jitter buffer.
    limits = {"datagram": (at_most(40),), "expiring": (at_most(100),), "reliable": ()}
    for kind, must in limits.items():
        yield Figure(
            f"{row}_{kind}", row, f"{kind}_p99_us", f"p99 age at {percent} % loss, {kind.upper()}", "ms", 1e-3, 1,
            must=must, peer_metric="reliable_p99_us",
        )
        if kind != "reliable":
            yield Figure(
                f"{row}_{kind}_delivered", row, f"{kind}_delivered", "  of the frames arrived", "%", 100, 1,
                peer_metric="none",
            )


FIGURES = [
    Figure(
        "unary_p50", "unary_latency", "p50_us", "unary 100 B, 1 outstanding, p50", "us", digits=1,
        must=(at_most(0.45, T), at_most(1, ICE)), aim=(at_most(1.07, N),),
    ),
    Figure(
        "unary_p99", "unary_latency", "p99_us", "  p99", "us", digits=1, must=(at_most(1.5, figure="unary_p50"),),
    ),
    Figure(
        "unary_p50_one_core", "unary_latency", "p50_us", "  both ends on one core, p50", "us", digits=1,
        one_core=True, must=(at_most(0.25, T),), aim=(at_most(1.25, N),),
    ),
    Figure(
        "unary_poll_p50", "unary_poll", "p50_us", "  opt-in busy polling, p50", "us", digits=1, must=(at_most(0.13, T),),
    ),
    Figure(
        "unary_calls", "unary_throughput", "calls_per_s", "unary 100 B, 64 outstanding", "k calls/s", 1e-3, 1,
        must=(at_least(5, T), at_least(3, ICE)), aim=(at_least(0.45, N),),
    ),
    Figure(
        "unary_cpu", "unary_throughput", "cpu_s_per_100k", "  CPU per 100 k calls, both ends", "s", digits=3,
        must=(at_most(0.18, T),), aim=(at_most(0.15, T),),
    ),
    Figure(
        "unary_cpu_server", "unary_throughput", "server_cpu_s_per_100k", "  CPU per 100 k calls, server", "s", digits=3,
    ),
    Figure(
        "unary_layers", "unary_layers", "calls_per_s", "  three layers of middleware at each end", "k calls/s", 1e-3, 1,
        must=(at_least(0.9, figure="unary_calls"),),
    ),
    Figure("unary_layers_cpu", "unary_layers", "cpu_s_per_100k", "  CPU per 100 k of these calls", "s", digits=3),
    Figure(
        "events", "events", "messages_per_s", "1 KiB one-way events", "k/s", 1e-3, 1,
        must=(at_least(1.5, T), at_least(1, ICE)), aim=(at_least(0.8, N),),
    ),
    Figure("events_cpu", "events", "cpu_s_per_100k", "  CPU per 100 k events, both ends", "s", digits=3),
    Figure(
        "messages", "messages", "messages_per_s", "1 KiB messages of one stream", "k/s", 1e-3, 1,
        must=(at_least(1.5, T), at_least(1, ICE)), aim=(at_least(0.8, N),),
    ),
    Figure("messages_cpu", "messages", "cpu_s_per_100k", "  CPU per 100 k messages, both ends", "s", digits=3),
    Figure(
        "bulk", "bulk", "mb_per_s", "64 KiB messages of one stream", "MB/s",
        must=(at_least(0.92, T), at_least(1, ICE)), aim=(at_least(0.93, N),),
    ),
    # 100,000 messages of 64 KiB are 6.5536 GB.
    Figure("bulk_cpu", "bulk", "cpu_s_per_100k", "  CPU per GB, both ends", "s", 1 / 6.5536, 2),
    Figure(
        "bulk_large", "bulk_large", "mb_per_s", "  large datagrams (65,487 B, loopback)", "MB/s", must=(at_least(1.25, T),),
    ),
    Figure(
        "handshake", "handshake", "p50_us", "handshake to first reply, p50", "ms", 1e-3, 2,
        must=(at_most(0.4, T),), aim=(at_most(1.15, N),),
    ),
    Figure(
        "handshake_resumed", "handshake_resumed", "p50_us", "  resumed, early data", "ms", 1e-3, 2,
        must=(at_most(0.6, figure="handshake"),),
    ),
    Figure(
        "memory", "memory", "kib_per_session", "server memory per idle session", "KiB", digits=1, must=(at_most(48),),
    ),
    Figure(
        "media_beside_bulk", "media_beside_bulk", "added_p99_us", "media beside bulk: p99 above idle", "ms", 1e-3, 2,
        must=(at_most(3),), aim=(at_most(1),),
    ),
    Figure("media_bulk", "media_beside_bulk", "bulk_mb_per_s", "  the bulk transfer meanwhile", "MB/s"),
    *media_figures("loss_1", 1),
    *media_figures("loss_5", 5),
    Figure(
        "growth_sessions_1000", "growth", "sessions_ratio_1000", "cost of a call, 1 -> 1,000 sessions", "x", digits=2,
        must=(at_most(1.3),),
    ),
    Figure(
        "growth_sessions_10000", "growth", "sessions_ratio_10000", "  1 -> 10,000 sessions", "x", digits=2,
        must=(at_most(1.3),),
    ),
    Figure(
        "growth_memory", "growth", "kib_per_session_10000", "  memory per session, 1,000 -> 10,000", "KiB", digits=1,
        must=(at_most(48),),
    ),
    Figure(
        "growth_subscribers", "growth", "subscribers_ratio_10000", "cost of an event, 1 -> 10,000 subscribers", "x",
        digits=2, must=(at_most(1.3),),
    ),
    Figure(
        "growth_full_sessions", "growth", "full_sessions_ratio_10000", "  100 (one session) -> 10,000", "x", digits=2,
        must=(at_most(1.3),),
    ),
    Figure(
        "growth_methods", "growth", "methods_ratio_600", "cost of a call, 1 -> 600 methods", "x", digits=2,
        must=(at_most(1.3),),
    ),
]
