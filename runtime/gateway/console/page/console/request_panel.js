// The request of the chosen method: a form and its JSON, which stay in step, metadata, a timeout, and the call.
import {CallError, callStream, callUnary} from "./connect.js";
import {checkMessage, checkMessages} from "./check.js";
import {badge, button, byId, h, newId} from "./dom.js";
import {Form} from "./form.js";
import {formatJson, JsonError, parseJson} from "./json_text.js";
import {trailingOfStream} from "./result_panel.js";
import {kindBadge, optionTexts} from "./services.js";

const kVerbs = {RPC: "Call", EVENT: "Send", PUBLISHED: "Subscribe", STREAM: "Open"};

export class RequestPanel {
  /** What goes with each call that says nothing else of it: pairs of name and value. */
  ownMetadata = () => [];
  #root = byId("request");
  #result;
  #schema;
  #method;
  #fullName = "";
  #form;
  #editor = h("textarea", {id: newId(), class: "code", spellcheck: false, autocomplete: "off"});
  #problem = h("button", {type: "button", class: "problem", hidden: true});
  #call = button("Call", () => this.#start(), {class: "primary", title: "Ctrl+Enter"});
  #stop = button("Stop", () => this.#abort?.abort(), {disabled: true});
  // Those stay from one method to the next; they are kept nowhere else.
  #timeout = h("input", {
    id: newId(),
    type: "number",
    min: 0,
    step: 100,
    placeholder: "none",
    class: "timeout",
  });
  #metadata = h("div", {class: "rows"});
  #drafts = new Map();
  #abort;

  constructor(result) {
    this.#result = result;
    this.#editor.addEventListener("input", () => this.#readEditor());
    this.#root.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !this.#call.disabled) this.#start();
    });
    this.#addMetadata();
  }

  show(schema, service, method) {
    this.#abort?.abort();
    this.#schema = schema;
    this.#method = method;
    this.#fullName = `${service.name}/${method.name}`;
    this.#form = new Form(schema, method.inputType, Boolean(method.clientStreaming), () => this.#readForm());
    this.#call.textContent = kVerbs[method.kind ?? "RPC"];
    this.#root.replaceChildren(this.#head(service, method), this.#tools(), this.#form.element, this.#json());
    this.#editor.value = this.#drafts.get(this.#fullName) ?? (method.clientStreaming ? "[\n  {}\n]" : "{}");
    this.#readEditor();
    this.#setRunning(false);
    this.#result.clear();
  }

  // ---- What stands there.

  #head(service, method) {
    return h(
      "header",
      {class: "method"},
      h("h2", {}, h("span", {class: "quiet"}, `${service.name}/`), method.name),
      h(
        "p",
        {class: "badges"},
        kindBadge(method),
        optionTexts(method).map((text) => badge(text)),
      ),
      method.comment ? h("p", {class: "comment"}, method.comment.trim()) : undefined,
      h("p", {class: "quiet types"}, `${method.inputType} → ${method.outputType}`),
    );
  }
  #tools() {
    const rows = h(
      "details",
      {class: "metadata"},
      h("summary", {}, "Metadata"),
      this.#metadata,
      button("Add", () => this.#addMetadata(true), {"aria-label": "Add metadata"}),
    );
    rows.open = this.#metadataEntries().length > 0;
    return h(
      "div",
      {class: "tools"},
      this.#call,
      this.#stop,
      h("label", {htmlFor: this.#timeout.id, class: "quiet"}, "Timeout, ms"),
      this.#timeout,
      rows,
    );
  }
  #json() {
    this.#problem.id ||= newId();
    this.#editor.setAttribute("aria-describedby", this.#problem.id);
    return h(
      "div",
      {class: "json-editor"},
      h(
        "label",
        {htmlFor: this.#editor.id, class: "quiet"},
        this.#method.clientStreaming ? "JSON: a list of the messages to send" : "JSON",
      ),
      this.#editor,
      this.#problem,
    );
  }
  #addMetadata(isFocused) {
    const name = h("input", {
      "aria-label": "Name",
      placeholder: "authorization",
      autocomplete: "off",
      spellcheck: false,
    });
    const value = h("input", {
      "aria-label": "Value",
      placeholder: "Bearer …",
      autocomplete: "off",
      spellcheck: false,
    });
    const row = h(
      "div",
      {class: "pair"},
      name,
      value,
      button("Remove", () => row.remove(), {"aria-label": "Remove metadata"}),
    );
    this.#metadata.append(row);
    if (isFocused) name.focus();
  }
  #metadataEntries() {
    return [...this.#metadata.children]
      .map((row) => [...row.querySelectorAll("input")].map((input) => input.value.trim()))
      .filter(([name]) => name !== "");
  }
  #metadataToSend() {
    const written = this.#metadataEntries();
    const names = new Set(written.map(([name]) => name.toLowerCase()));
    return [...written, ...this.ownMetadata().filter(([name]) => !names.has(name))];
  }

  // ---- Form and JSON in step.

  #readForm() {
    this.#editor.value = formatJson(this.#form.value);
    this.#judge();
  }
  #readEditor() {
    let read;
    try {
      read = parseJson(this.#editor.value);
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      this.#complain(error.message, error);
      return false;
    }
    this.#form.show(read.value);
    return this.#judge(read);
  }
  // False, and says why, when what stands there is no request. The node may know better where this does not.
  #judge(read = parseJson(this.#editor.value)) {
    this.#drafts.set(this.#fullName, this.#editor.value);
    const check = this.#method.clientStreaming ? checkMessages : checkMessage;
    const errors = check(this.#schema, this.#method.inputType, read.value);
    this.#form.showErrors(errors);
    if (errors.length === 0) return this.#complain("");
    const [{path, message}] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
    return this.#complain(`${path ? `${path}: ` : ""}${message}${more}`, read.placeOf(path));
  }
  // What is wrong, and where in the JSON; a click goes there. Nothing when the message is empty.
  #complain(message, place) {
    this.#problem.hidden = message === "";
    this.#problem.textContent = place ? `Line ${place.line}, column ${place.column}: ${message}` : message;
    this.#problem.onclick = () => place && this.#select(place);
    this.#editor.setAttribute("aria-invalid", message ? "true" : "false");
    return message === "";
  }
  #select({line, column}) {
    const lines = this.#editor.value.split("\n");
    const begin = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    this.#editor.focus();
    this.#editor.setSelectionRange(begin + column - 1, begin + (lines[line - 1]?.length ?? 0));
  }

  // ---- The call.

  #setRunning(isRunning) {
    this.#call.disabled = isRunning;
    this.#stop.disabled = !isRunning;
  }

  async #start() {
    if (!this.#readEditor()) {
      this.#result.begin(false);
      this.#result.endWithError(new CallError("invalid_argument", `Not sent. ${this.#problem.textContent}`));
      return;
    }
    const abort = new AbortController();
    this.#abort?.abort();
    this.#abort = abort;
    const isStream = Boolean(this.#method.clientStreaming || this.#method.serverStreaming);
    const timeoutMs = Number(this.#timeout.value) || 0;
    const options = {
      metadata: this.#metadataToSend(),
      timeoutMs,
      signal: timeoutMs > 0 ? anyOf(abort, timeoutMs) : abort.signal,
    };
    this.#result.begin(isStream);
    this.#setRunning(true);
    const isShown = () => this.#abort === abort;
    try {
      if (isStream) await this.#stream(options, isShown);
      else {
        const reply = await callUnary(this.#fullName, this.#editor.value, options);
        if (isShown()) this.#result.endWithReply(reply);
      }
    } catch (error) {
      if (!isShown()) return;
      const failure =
        error instanceof CallError ? error : new CallError("internal", `the page failed: ${error.message}`);
      this.#result.endWithError(failure);
      this.#showPlaceOf(failure);
    }
    if (isShown()) this.#setRunning(false);
  }
  async #stream(options, isShown) {
    const value = parseJson(this.#editor.value).value;
    // One message goes as it was written, so that the node's complaints fit its lines.
    const messages = this.#method.clientStreaming
      ? value.map((one) => JSON.stringify(one))
      : [this.#editor.value];
    let response;
    const trailing = await callStream(this.#fullName, messages, {
      ...options,
      onHead: (head) => (response = head),
      onMessage: (text) => isShown() && this.#result.addMessage(text),
    });
    if (isShown()) this.#result.endWithStream(response, trailingOfStream(trailing));
  }
  // The node says where a request is wrong that this page took for right.
  #showPlaceOf(error) {
    const found = /line (\d+),? ?column (\d+)/i.exec(error.message);
    if (error.code !== "invalid_argument" || !found || this.#method.clientStreaming) return;
    this.#complain(error.message, {line: Number(found[1]), column: Number(found[2])});
  }
}

/** Aborted by the user, or when the node has not answered a moment after the timeout that it was told. */
function anyOf(abort, timeoutMs) {
  const timer = setTimeout(() => abort.abort(new DOMException("timeout", "TimeoutError")), timeoutMs + 1000);
  abort.signal.addEventListener("abort", () => clearTimeout(timer), {once: true});
  return abort.signal;
}
