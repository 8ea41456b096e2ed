// Calls by the Connect protocol (connectrpc.com/docs/protocol), with messages as JSON.

const kEndOfStream = 2;
const kCompressed = 1;
const kHeadBytes = 5;
const kMostMessageBytes = 64 * 1024 * 1024;

// HTTP statuses of answers that are not Connect's own.
const kCodesByStatus = {
  400: "internal",
  401: "unauthenticated",
  403: "permission_denied",
  404: "unimplemented",
  429: "unavailable",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

/** How a call failed. */
export class CallError extends Error {
  constructor(code, message, details = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function headersOf(contentType, metadata, timeoutMs) {
  const headers = new Headers({"content-type": contentType, "connect-protocol-version": "1"});
  for (const [name, value] of metadata) {
    try {
      headers.append(name, value);
    } catch {
      throw new CallError(
        "invalid_argument",
        `the metadata "${name}" cannot be sent: name and value are letters, ` +
          "digits and signs of ASCII, names without spaces",
      );
    }
  }
  if (timeoutMs > 0) headers.set("connect-timeout-ms", String(Math.ceil(timeoutMs)));
  return headers;
}

function errorOf(json, fallbackCode, fallbackMessage) {
  const has = typeof json === "object" && json !== null;
  const code = has && typeof json.code === "string" ? json.code : fallbackCode;
  const message = has && typeof json.message === "string" ? json.message : fallbackMessage;
  return new CallError(code, message, has && Array.isArray(json.details) ? json.details : []);
}

/** What a fetch that failed means to people. */
export function errorOfFetch(error, signal, timeoutMs) {
  if (error instanceof CallError) return error;
  if (signal?.aborted) {
    const isLate = signal.reason?.name === "TimeoutError";
    return isLate
      ? new CallError(
          "deadline_exceeded",
          timeoutMs ? `no answer within ${timeoutMs} ms` : "no answer in time",
        )
      : new CallError("canceled", "you stopped the call");
  }
  return new CallError("unavailable", `the node cannot be reached, or cut the call off (${error.message})`);
}

async function post(method, headers, body, signal) {
  return fetch(`/${method}`, {method: "POST", headers, body, signal, cache: "no-store"});
}

/** {json, text, response}; throws CallError. */
export async function callUnary(method, body, {metadata = [], timeoutMs = 0, signal} = {}) {
  const headers = headersOf("application/json", metadata, timeoutMs);
  let response;
  let text;
  try {
    response = await post(method, headers, body, signal);
    text = await response.text();
  } catch (error) {
    throw errorOfFetch(error, signal, timeoutMs);
  }
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  if (!response.ok) {
    const error = errorOf(
      json,
      kCodesByStatus[response.status] ?? "unknown",
      text || `HTTP ${response.status}`,
    );
    error.response = response;
    throw error;
  }
  if (json === undefined) throw new CallError("internal", "the node's answer is not JSON");
  return {json, text, response};
}

function envelope(text) {
  const bytes = encoder.encode(text);
  const out = new Uint8Array(kHeadBytes + bytes.length);
  new DataView(out.buffer).setUint32(1, bytes.length);
  out.set(bytes, kHeadBytes);
  return out;
}

/** The body of a stream's request: one envelope for each message. */
export function envelopes(messages) {
  const parts = messages.map(envelope);
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Cuts what comes into envelopes, whatever pieces it comes in. */
export class EnvelopeReader {
  #pieces = [];
  #bytes = 0;
  #wanted = kHeadBytes;

  /** [{flags, text}] of what is complete now. Throws CallError. */
  feed(piece) {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    const found = [];
    while (this.#bytes >= this.#wanted) {
      const head = this.#join();
      const length = new DataView(head.buffer, head.byteOffset).getUint32(1);
      if (length > kMostMessageBytes)
        throw new CallError("resource_exhausted", "a message is too large for this page");
      this.#wanted = kHeadBytes + length;
      if (head.length < this.#wanted) break;
      found.push({flags: head[0], text: decoder.decode(head.subarray(kHeadBytes, kHeadBytes + length))});
      this.#pieces = [head.subarray(kHeadBytes + length)];
      this.#bytes -= kHeadBytes + length;
      this.#wanted = kHeadBytes;
    }
    return found;
  }
  get isEmpty() {
    return this.#bytes === 0;
  }
  #join() {
    if (this.#pieces.length > 1) {
      const all = new Uint8Array(this.#bytes);
      let at = 0;
      for (const piece of this.#pieces) {
        all.set(piece, at);
        at += piece.length;
      }
      this.#pieces = [all];
    }
    return this.#pieces[0];
  }
}

/**
 * Calls a method that streams: sends `messages` (texts of JSON), and gives each answer to onMessage(text) as it comes.
 * onHead(response) comes first. Ends with the trailing metadata; throws CallError.
 */
export async function callStream(
  method,
  messages,
  {metadata = [], timeoutMs = 0, signal, onHead, onMessage},
) {
  const headers = headersOf("application/connect+json", metadata, timeoutMs);
  try {
    const response = await post(method, headers, envelopes(messages), signal);
    if (!response.ok) {
      const error = errorOf(
        undefined,
        kCodesByStatus[response.status] ?? "unknown",
        (await response.text()) || `HTTP ${response.status}`,
      );
      error.response = response;
      throw error;
    }
    onHead?.(response);
    return await readAnswers(response, onMessage);
  } catch (error) {
    throw errorOfFetch(error, signal, timeoutMs);
  }
}

async function readAnswers(response, onMessage) {
  const envelopesRead = new EnvelopeReader();
  const body = response.body.getReader();
  for (;;) {
    const {done, value} = await body.read();
    if (done) break;
    for (const {flags, text} of envelopesRead.feed(value)) {
      if (flags & kCompressed) throw new CallError("internal", "the node sent a compressed message unasked");
      if (flags & kEndOfStream) return endOf(text);
      onMessage(text);
    }
  }
  throw new CallError("unavailable", "the stream was cut off before its end");
}

function endOf(text) {
  let end;
  try {
    end = JSON.parse(text || "{}");
  } catch {
    throw new CallError("internal", "the end of the stream is not JSON");
  }
  if (end.error) throw errorOf(end.error, "unknown", "the node gave no reason");
  return end.metadata ?? {};
}
