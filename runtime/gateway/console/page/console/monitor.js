// What the node is doing: tables of its sessions and streams, and curves of the chosen ones.
import {byId} from "./dom.js";
import {ageText, byteRateText, msPairText, msText, percentText, rateText, wordText} from "./format.js";
import {drawPlot} from "./plot.js";
import {Table} from "./table.js";

const kKeptMs = 65_000;
const number = (value) => Number(value ?? 0);

function peerText(session) {
  return session.peerName || session.peerAddress || "in memory";
}

function clockText({clock}) {
  if (!clock) return "–";
  const state = clock.state ?? "ACQUIRING";
  const figures = msPairText(clock.offsetMs ?? 0, "±", clock.boundMs ?? 0);
  return state === "TRACKING" ? figures : `${figures}, ${wordText(state)}`;
}

const kSessionColumns = [
  {title: "Peer", text: (row) => row.name},
  {title: "Protocol", text: (row) => (row.protocol === "HTTP3" ? "HTTP/3" : "EchoStream")},
  {title: "Open", text: (row) => ageText(number(row.openForMs)), isNumber: true},
  {
    title: "RTT",
    hint: "Round trip, smoothed",
    text: (row) => (row.rttMs ? msText(row.rttMs) : "–"),
    isNumber: true,
  },
  {
    title: "Loss",
    hint: "Packets sent and lost",
    isNumber: true,
    text: (row) =>
      row.packetsLost === undefined
        ? "–"
        : percentText(number(row.packetsLost) / Math.max(1, number(row.packetsSent))),
  },
  {title: "In", hint: "Received", text: (row) => byteRateText(row.receivedPerS), isNumber: true},
  {title: "Out", hint: "Sent", text: (row) => byteRateText(row.sentPerS), isNumber: true},
  {
    title: "Calls",
    hint: "Calls, subscriptions and streams that run",
    text: (row) => String(row.callsRunning ?? 0),
    isNumber: true,
  },
  {title: "Clock", hint: "The peer's clock minus the node's, and how far that may be wrong", text: clockText},
];

const kStreamColumns = [
  {title: "Method", text: (row) => row.name},
  {title: "Side", text: (row) => (row.isServed ? "serves" : "calls")},
  {title: "Peer", text: (row) => row.peer},
  {
    title: "In/s",
    hint: "Messages received in a second",
    text: (row) => rateText(row.received?.messagesPerS),
    isNumber: true,
  },
  {
    title: "Out/s",
    hint: "Messages sent in a second",
    text: (row) => rateText(row.sent?.messagesPerS),
    isNumber: true,
  },
  {
    title: "Latency",
    hint: "From capture to arrival, of the last frame",
    isNumber: true,
    text: (row) => (row.latencyMs === undefined ? "–" : msText(row.latencyMs)),
  },
  {
    title: "Lost",
    hint: "Frames that never came",
    text: (row) => String(number(row.framesLost)),
    isNumber: true,
  },
  {
    title: "Late",
    hint: "Frames that came after their turn",
    isNumber: true,
    text: (row) => (row.jitterBuffer ? String(number(row.jitterBuffer.framesLate)) : "–"),
  },
  {
    title: "Buffer",
    hint: "What the jitter buffer adds now, and what it aims at",
    isNumber: true,
    text: (row) =>
      row.jitterBuffer
        ? msPairText(row.jitterBuffer.currentDelayMs ?? 0, "/", row.jitterBuffer.targetDelayMs ?? 0)
        : "–",
  },
];

/** Points by the id of what they are of, for as long as the plots show. */
class History {
  #points = new Map();
  add(id, point) {
    const points = this.#points.get(id) ?? [];
    points.push(point);
    while (points.length > 1 && points[0].at < point.at - kKeptMs) points.shift();
    this.#points.set(id, points);
  }
  keepOnly(ids) {
    for (const id of this.#points.keys()) if (!ids.has(id)) this.#points.delete(id);
  }
  of(id) {
    return this.#points.get(id) ?? [];
  }
  clear() {
    this.#points.clear();
  }
}

export class Monitor {
  #sessionsTable = new Table(byId("sessions"), "Sessions", kSessionColumns, "No session is open.", () =>
    this.#draw(),
  );
  #streamsTable = new Table(
    byId("streams"),
    "Streams",
    kStreamColumns,
    "No stream runs, and nobody subscribes.",
    () => this.#draw(),
  );
  #clocks = new History();
  #buffers = new History();
  #snapshot;
  #before = new Map();

  constructor() {
    const observer = new ResizeObserver(() => this.#draw());
    for (const id of ["clock-plot", "buffer-plot"]) observer.observe(byId(id));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** The next snapshots are of a node that has perhaps started anew. */
  forget() {
    this.#clocks.clear();
    this.#buffers.clear();
    this.#before.clear();
    this.#snapshot = undefined;
  }

  /** An echostream.console.v1.Snapshot in JSON. */
  show(snapshot) {
    const at = number(snapshot.atMs);
    const sessions = (snapshot.sessions ?? []).map((session) => this.#sessionRow(session, at));
    const peers = new Map(sessions.map((session) => [session.id, session.name]));
    const streams = (snapshot.streams ?? []).map((stream) => this.#streamRow(stream, peers));
    this.#snapshot = {at, sessions, streams};
    this.#record();
    this.#sessionsTable.show(sessions, number(snapshot.sessionsOpen));
    this.#streamsTable.show(streams, number(snapshot.streamsRunning));
    this.#chooseSomething();
    this.#draw();
  }

  #sessionRow(session, at) {
    const now = {at, sent: number(session.bytesSent), received: number(session.bytesReceived)};
    const before = this.#before.get(session.id) ?? now;
    this.#before.set(session.id, now);
    const seconds = (now.at - before.at) / 1000;
    const rate = (name) => (seconds > 0 ? (now[name] - before[name]) / seconds : 0);
    return {
      ...session,
      name: peerText(session),
      hint: session.peerAddress,
      sentPerS: rate("sent"),
      receivedPerS: rate("received"),
    };
  }
  #streamRow(stream, peers) {
    return {
      ...stream,
      name: stream.method.slice(stream.method.lastIndexOf(".", stream.method.indexOf("/")) + 1),
      hint: stream.method,
      peer: peers.get(stream.session) ?? "–",
    };
  }
  #record() {
    const {at, sessions, streams} = this.#snapshot;
    for (const {id, clock, rttMs} of sessions) {
      if (clock)
        this.#clocks.add(id, {at, offset: clock.offsetMs ?? 0, bound: clock.boundMs ?? 0, rtt: rttMs});
    }
    for (const {id, jitterBuffer: buffer, framesLost} of streams) {
      if (!buffer) continue;
      const missing = number(framesLost) + number(buffer.framesLate) + number(buffer.framesDropped);
      this.#buffers.add(id, {
        at,
        target: buffer.targetDelayMs ?? 0,
        current: buffer.currentDelayMs ?? 0,
        jitter: buffer.jitterMs ?? 0,
        missing,
      });
    }
    const ids = new Set(sessions.map(({id}) => id));
    this.#clocks.keepOnly(ids);
    this.#buffers.keepOnly(new Set(streams.map(({id}) => id)));
    for (const id of this.#before.keys()) if (!ids.has(id)) this.#before.delete(id);
  }
  // Until somebody chooses: what has curves.
  #chooseSomething() {
    const {sessions, streams} = this.#snapshot;
    if (this.#sessionsTable.chosen === undefined)
      this.#sessionsTable.choose(sessions.find(({clock}) => clock)?.id);
    if (this.#streamsTable.chosen === undefined)
      this.#streamsTable.choose(streams.find((one) => one.jitterBuffer)?.id);
  }

  #draw() {
    if (!this.#snapshot) return;
    this.#drawClock();
    this.#drawBuffer();
  }
  #drawClock() {
    const session = this.#snapshot.sessions.find(({id}) => id === this.#sessionsTable.chosen);
    const points = session ? this.#clocks.of(session.id) : [];
    // The clocks of two machines are hours apart; what moves is what tells.
    const zero = points[0]?.offset ?? 0;
    byId("clock-title").textContent = !session?.clock
      ? "Clock"
      : `Clock of ${session.name}: ${clockText(session)}, ${(session.clock.skewPpm ?? 0).toFixed(2)} ppm`;
    drawPlot(
      byId("clock-plot"),
      {
        curves: [
          {
            name: "offset, moved by",
            colour: "curve-1",
            unit: "ms",
            points: points.map(({at, offset}) => [at, offset - zero]),
          },
          {name: "bound ±", colour: "curve-2", unit: "ms", points: points.map(({at, bound}) => [at, bound])},
        ],
        band: {
          colour: "curve-1",
          points: points.map(({at, offset, bound}) => [at, offset - zero - bound, offset - zero + bound]),
        },
        empty: session ? "Nothing is known of this peer's clock." : "Choose a session.",
      },
      this.#snapshot.at,
    );
  }
  #drawBuffer() {
    const stream = this.#snapshot.streams.find(({id}) => id === this.#streamsTable.chosen);
    const points = stream ? this.#buffers.of(stream.id) : [];
    const marks = points
      .filter((point, index) => index > 0 && point.missing > points[index - 1].missing)
      .map(({at}) => at);
    byId("buffer-title").textContent = !stream
      ? "Jitter buffer"
      : `Jitter buffer of ${stream.name}: ${number(stream.jitterBuffer?.framesEmitted)} frames, ` +
        `${number(stream.framesLost)} lost, ${number(stream.jitterBuffer?.framesLate)} late`;
    drawPlot(
      byId("buffer-plot"),
      {
        curves: [
          {
            name: "delay",
            colour: "curve-1",
            unit: "ms",
            points: points.map(({at, current}) => [at, current]),
          },
          {name: "target", colour: "curve-2", unit: "ms", points: points.map(({at, target}) => [at, target])},
          {name: "jitter", colour: "curve-3", unit: "ms", points: points.map(({at, jitter}) => [at, jitter])},
        ],
        marks,
        fromZero: true,
        empty: stream
          ? "This stream has no jitter buffer here."
          : "Choose a stream that has a jitter buffer.",
      },
      this.#snapshot.at,
    );
  }
}
