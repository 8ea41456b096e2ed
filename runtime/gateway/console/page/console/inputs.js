// Inputs for values that are no messages and no lists. Each is bound to a slot {get(), set(value)}; undefined means
// "not set". What cannot be read stays in the slot as the text that was written, for the check to complain about.
import {isFreeType, isWhole, textType, wrappedKind} from "./check.js";
import {button, h} from "./dom.js";
import {formatJson, parseJson} from "./json_text.js";

const kHints = {
  Timestamp: "2026-01-31T12:00:00Z",
  Duration: "1.5s",
  FieldMask: "name,address.city",
  bytes: "base64",
  bool: "",
  string: "",
};

/** Whether a field is written in one input. */
export function isSimple(field) {
  if (field.kind !== "message") return true;
  return Boolean(wrappedKind(field.typeName) || textType(field.typeName) || isFreeType(field.typeName));
}

function readNumber(kind, text) {
  if (isWhole(kind)) {
    if (!/^[+-]?[0-9]+$/.test(text)) return text;
    return kind.endsWith("64") ? text.replace(/^\+/, "") : Number(text);
  }
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function textBox(slot, kind, read, isOptional, keepsDefault) {
  const show = slot.get();
  const isLong = kind === "string" || kind === "bytes";
  const input = h(isLong ? "textarea" : "input", {
    rows: 1,
    spellcheck: false,
    autocomplete: "off",
    class: kind === "string" ? "" : "code",
    placeholder: kHints[kind] ?? (isWhole(kind) ? "0" : "0.0"),
    value: show === undefined ? "" : String(show),
  });
  input.addEventListener("input", () => {
    const text = kind === "string" ? input.value : input.value.trim();
    const value = text === "" && !isLong ? undefined : read(text);
    const isDefault = value === undefined || (!isOptional && (value === "" || value === 0 || value === "0"));
    slot.set(isDefault && !keepsDefault ? undefined : (value ?? ""));
  });
  return input;
}

function choice(slot, entries, unset) {
  const select = h(
    "select",
    {},
    entries.map(([value, text]) => h("option", {value}, text)),
  );
  const now = slot.get();
  select.value = now === undefined ? unset : String(now);
  if (select.selectedIndex < 0)
    select.prepend(h("option", {value: String(now), selected: true}, String(now)));
  return select;
}

function boolInput(slot, isOptional, keepsDefault) {
  if (!isOptional) {
    const input = h("input", {type: "checkbox", checked: slot.get() === true});
    input.addEventListener("change", () =>
      slot.set(input.checked || keepsDefault ? input.checked : undefined),
    );
    return input;
  }
  const select = choice(
    slot,
    [
      ["", "not set"],
      ["false", "false"],
      ["true", "true"],
    ],
    "",
  );
  select.addEventListener("change", () =>
    slot.set(select.value === "" ? undefined : select.value === "true"),
  );
  return select;
}

function enumInput(schema, field, slot, isOptional, keepsDefault) {
  const values = schema.enum(field.typeName)?.values ?? [];
  const entries = values.map((one) => [one.name, `${one.name} (${one.number})`]);
  if (isOptional) entries.unshift(["", "not set"]);
  const now = slot.get();
  const byNumber = Number.isInteger(now) ? values.find((one) => one.number === now) : undefined;
  const shown = byNumber ? {get: () => byNumber.name} : slot;
  const select = choice(shown, entries, isOptional ? "" : (values[0]?.name ?? ""));
  select.addEventListener("change", () => {
    const isDefault = !isOptional && select.value === values[0]?.name;
    slot.set(select.value === "" || (isDefault && !keepsDefault) ? undefined : select.value);
  });
  return select;
}

function freeInput(slot) {
  const now = slot.get();
  const input = h("textarea", {
    rows: 2,
    spellcheck: false,
    class: "code",
    placeholder: "JSON",
    value: now === undefined ? "" : formatJson(now),
  });
  input.addEventListener("input", () => {
    if (input.value.trim() === "") return slot.set(undefined);
    try {
      slot.set(parseJson(input.value).value);
      input.setCustomValidity("");
    } catch (error) {
      input.setCustomValidity(error.message);
      slot.set(input.value);
    }
    return undefined;
  });
  return input;
}

function nowText() {
  return new Date().toISOString();
}

/**
 * {input, beside}: the input, and elements that belong beside it. `keepsDefault`: a value that is the default is
 * written all the same (elements of lists, what was chosen of a oneof).
 */
export function makeInput(schema, field, slot, {keepsDefault = false} = {}) {
  const isMessage = field.kind === "message";
  const kind = isMessage ? (wrappedKind(field.typeName) ?? textType(field.typeName) ?? "free") : field.kind;
  const isOptional = field.hasPresence && !keepsDefault;
  if (kind === "bool") return {input: boolInput(slot, isOptional, keepsDefault), beside: []};
  if (kind === "enum") return {input: enumInput(schema, field, slot, isOptional, keepsDefault), beside: []};
  if (kind === "free") return {input: freeInput(slot), beside: []};
  const isText = ["string", "bytes", "Timestamp", "Duration", "FieldMask"].includes(kind);
  const input = textBox(
    slot,
    kind,
    isText ? (text) => text : (text) => readNumber(kind, text),
    isOptional,
    keepsDefault,
  );
  const beside = [];
  if (kind === "Timestamp") {
    beside.push(
      button("Now", () => {
        input.value = nowText();
        input.dispatchEvent(new Event("input"));
      }),
    );
  }
  if (isOptional && (kind === "string" || kind === "bytes")) {
    const set = h("input", {
      type: "checkbox",
      checked: slot.get() !== undefined,
      "aria-label": `${field.jsonName} is set`,
    });
    set.addEventListener("change", () => {
      if (!set.checked) input.value = "";
      slot.set(set.checked ? input.value : undefined);
    });
    input.addEventListener("input", () => (set.checked = true));
    beside.push(h("label", {class: "quiet set"}, set, "set"));
  }
  return {input, beside};
}
