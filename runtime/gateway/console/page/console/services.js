// The list of services and methods.
import {badge, byId, h} from "./dom.js";

const kKindTexts = {RPC: "rpc", EVENT: "event", PUBLISHED: "published", STREAM: "stream"};

const kUsualPriority = 3;

/** "server", "client", "duplex"; "" for what streams in no direction. */
function directionOf(method) {
  if (method.kind !== "STREAM") return "";
  if (method.clientStreaming && method.serverStreaming) return "duplex";
  return method.clientStreaming ? "client" : "server";
}

/** What the IDL says of a method, as texts; the first is its kind. */
export function optionTexts(method) {
  const texts = [];
  const direction = directionOf(method);
  if (direction) texts.push(direction);
  if (method.kind === "STREAM") texts.push((method.delivery ?? "RELIABLE").toLowerCase());
  if (method.noSideEffects) texts.push("no side effects");
  else if (method.idempotent) texts.push("idempotent");
  if (method.deadlineMs !== undefined) texts.push(`deadline ${method.deadlineMs} ms`);
  if (method.maxAgeMs !== undefined) texts.push(`max age ${method.maxAgeMs} ms`);
  if (method.jitterBuffer)
    texts.push(
      `jitter buffer ${(method.jitterBuffer.profile ?? "BALANCED").toLowerCase().replace("_", " ")}`,
    );
  if (method.syncGroup) texts.push(`sync group ${method.syncGroup}`);
  if (method.keepLast) texts.push(`keeps ${method.keepLast}`);
  if (method.slowSubscriber === "DISCONNECT") texts.push("slow subscribers are cut off");
  if (method.onReconnect === "RESUME") texts.push("resumes");
  const priority = method.priority ?? 0; // JSON leaves a 0 out
  if (priority !== kUsualPriority) texts.push(`priority ${priority}`);
  return texts;
}

export const kindText = (method) => kKindTexts[method.kind ?? "RPC"];
export const kindBadge = (method) => badge(kindText(method), kindText(method));

/** Those that come with EchoStream stand last, folded. */
const isBuiltIn = (service) => /^(echostream|grpc)\./.test(service.name);

export class ServiceList {
  #onChoose;
  #buttons = [];
  #groups = [];

  /** onChoose(service, method) when somebody chooses one. */
  constructor(onChoose) {
    this.#onChoose = onChoose;
    byId("filter").addEventListener("input", () => this.#filter());
    byId("filter").addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      this.#buttons
        .find(({element}) => !element.hidden)
        ?.element.querySelector("button")
        .click();
    });
    byId("services").addEventListener("keydown", (event) => this.#moveFocus(event));
  }

  show(services) {
    this.#buttons = [];
    this.#groups = [];
    const ordered = [...services.filter((one) => !isBuiltIn(one)), ...services.filter(isBuiltIn)];
    const parts = ordered.map((service) => {
      const items = (service.methods ?? []).map((method) => this.#item(service, method));
      const dot = service.name.lastIndexOf(".");
      const group = h(
        "details",
        {open: !isBuiltIn(service)},
        h(
          "summary",
          {title: service.comment ?? ""},
          h("span", {class: "name"}, service.name.slice(dot + 1)),
          h("span", {class: "quiet"}, service.name.slice(0, Math.max(dot, 0))),
        ),
        h("ul", {}, items),
      );
      this.#groups.push({group, wasOpen: group.open});
      return group;
    });
    byId("services").replaceChildren(
      ...(parts.length ? parts : [h("p", {class: "empty"}, "The node serves nothing.")]),
    );
    this.#filter();
  }

  /** Shows which one is chosen. */
  mark(fullName) {
    for (const one of this.#buttons) {
      const isIt = one.fullName === fullName;
      one.element.querySelector("button").setAttribute("aria-current", isIt ? "true" : "false");
    }
  }

  #item(service, method) {
    const fullName = `${service.name}/${method.name}`;
    const options = optionTexts(method);
    const choose = h(
      "button",
      {
        type: "button",
        title: [method.comment, options.join(", ")].filter(Boolean).join("\n"),
        onclick: () => this.#onChoose(service, method),
      },
      h("span", {class: "name"}, method.name),
      kindBadge(method),
    );
    const element = h("li", {}, choose);
    this.#buttons.push({
      element,
      fullName,
      text: [fullName, kindText(method), ...options].join(" ").toLowerCase(),
    });
    return element;
  }

  #filter() {
    const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const {element, text} of this.#buttons) element.hidden = !words.every((word) => text.includes(word));
    for (const {group, wasOpen} of this.#groups) {
      const hasSome = group.querySelector("li:not([hidden])") !== null;
      group.hidden = !hasSome && words.length > 0;
      group.open = words.length > 0 ? hasSome : wasOpen;
    }
  }

  #moveFocus(event) {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step === undefined) return;
    const visible = [...byId("services").querySelectorAll("summary, li:not([hidden]) button")].filter(
      (element) => element.checkVisibility?.() ?? true,
    );
    visible[visible.indexOf(document.activeElement) + step]?.focus();
    event.preventDefault();
  }
}
