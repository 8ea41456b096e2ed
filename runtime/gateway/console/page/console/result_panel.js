// What came of a call.
import {badge, byId, h} from "./dom.js";
import {bytesText, msText, rateText} from "./format.js";

// Messages of a stream that the page keeps; the oldest go first.
const kMostKept = 300;
const kRateWindowMs = 2000;

/** JSON with its kinds of values in colours. */
function colouredJson(text) {
  const out = h("pre", {class: "json", tabIndex: 0});
  const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  let at = 0;
  for (const found of text.slice(0, 200_000).matchAll(token)) {
    out.append(text.slice(at, found.index));
    const kind = found[2] ? "key" : found[1] ? "text" : found[3] ? "word" : "number";
    out.append(h("span", {class: kind}, found[1] ?? found[0]), found[2] ?? "");
    at = found.index + found[0].length;
  }
  out.append(text.slice(at));
  return out;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function metadataList(title, entries) {
  if (entries.length === 0) return undefined;
  return h(
    "details",
    {class: "metadata"},
    h("summary", {}, `${title} (${entries.length})`),
    h(
      "dl",
      {},
      entries.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    ),
  );
}

const kOwnHeaders = /^(content-|date$|server$|vary$|access-control-|cache-control$|trailer-|connect-|grpc-)/;
function leadingMetadata(response) {
  return [...(response?.headers ?? [])].filter(([name]) => !kOwnHeaders.test(name));
}
function trailingOfUnary(response) {
  return [...(response?.headers ?? [])]
    .filter(([name]) => name.startsWith("trailer-"))
    .map(([name, value]) => [name.slice("trailer-".length), value]);
}
export function trailingOfStream(metadata) {
  return Object.entries(metadata).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, String(value)]),
  );
}

function detailElement(detail) {
  const content = detail.debug === undefined ? (detail.value ?? "") : JSON.stringify(detail.debug, null, 2);
  return h(
    "details",
    {class: "metadata"},
    h("summary", {}, detail.type ?? "detail"),
    h("pre", {class: "json"}, content),
  );
}

export class ResultPanel {
  #root = byId("result");
  #head = h("div", {class: "result-head", role: "status"});
  #body = h("div", {class: "result-body"});
  #list;
  #kept = 0;
  #count = 0;
  #bytes = 0;
  #times = [];
  #startedAt = 0;
  #timer;

  /** Before the call. */
  begin(isStream) {
    clearInterval(this.#timer);
    this.#startedAt = performance.now();
    this.#count = this.#kept = this.#bytes = 0;
    this.#times = [];
    this.#list = isStream ? h("ol", {class: "messages", tabIndex: 0, "aria-label": "Messages"}) : undefined;
    this.#body.replaceChildren(this.#list ?? "");
    this.#root.replaceChildren(this.#head, this.#body);
    this.#tell(badge("running", "running"));
    this.#timer = setInterval(() => this.#tell(badge("running", "running")), 250);
  }

  clear() {
    clearInterval(this.#timer);
    this.#root.replaceChildren(h("p", {class: "empty"}, "What the node answers comes here."));
  }

  addMessage(text) {
    const now = performance.now();
    this.#count += 1;
    this.#bytes += text.length;
    this.#times.push(now);
    if (this.#times.length > 2000) this.#times.splice(0, 1000);
    const isAtEnd = this.#list.scrollTop + this.#list.clientHeight >= this.#list.scrollHeight - 30;
    const line = h(
      "li",
      {value: this.#count},
      h(
        "details",
        {},
        h(
          "summary",
          {},
          h("time", {}, msText(now - this.#startedAt)),
          h("code", {}, text.length > 400 ? `${text.slice(0, 400)}\u2026` : text),
        ),
      ),
    );
    line.firstChild.addEventListener(
      "toggle",
      () => line.firstChild.children.length === 1 && line.firstChild.append(colouredJson(pretty(text))),
      {once: true},
    );
    this.#list.append(line);
    if (++this.#kept > kMostKept) {
      this.#list.firstChild.remove();
      --this.#kept;
    }
    if (isAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** A unary call went well. */
  endWithReply({text, response}) {
    this.#count = 1;
    this.#bytes = text.length;
    this.#end(badge("OK", "ok"), response);
    this.#body.append(colouredJson(pretty(text)));
    this.#addMetadata(leadingMetadata(response), trailingOfUnary(response));
  }
  /** A stream went well. */
  endWithStream(response, trailing) {
    this.#end(badge("OK", "ok"), response);
    this.#addMetadata(leadingMetadata(response), trailing);
  }
  endWithError(error) {
    const isOwnWish = error.code === "canceled";
    this.#end(badge(error.code, isOwnWish ? "" : "bad"), error.response);
    const details = error.details.length ? error.details.map(detailElement) : undefined;
    this.#body.append(
      h("div", {class: isOwnWish ? "quiet" : "failure", role: "alert"}, h("p", {}, error.message), details),
    );
    this.#addMetadata(leadingMetadata(error.response), trailingOfUnary(error.response));
  }

  #addMetadata(leading, trailing) {
    this.#body.append(
      ...[metadataList("Metadata", leading), metadataList("Trailing metadata", trailing)].filter(Boolean),
    );
  }
  #end(status, response) {
    clearInterval(this.#timer);
    this.#times = [];
    this.#tell(status, response);
  }
  #tell(status, response) {
    const now = performance.now();
    while (this.#times.length && this.#times[0] < now - kRateWindowMs) this.#times.shift();
    const parts = [msText(now - this.#startedAt)];
    if (response) parts.push(`HTTP ${response.status}`);
    if (this.#list) parts.push(`${this.#count} ${this.#count === 1 ? "message" : "messages"}`);
    if (this.#times.length)
      parts.push(
        `${rateText((this.#times.length * 1000) / Math.min(kRateWindowMs, now - this.#startedAt))}/s`,
      );
    if (this.#bytes) parts.push(bytesText(this.#bytes));
    if (this.#count > this.#kept && this.#list) parts.push(`the last ${this.#kept} are shown`);
    this.#head.replaceChildren(status, ...parts.map((part) => h("span", {class: "figure"}, part)));
  }
}
