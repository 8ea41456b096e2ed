// Whether a value in JSON is one of a message type, by protobuf's mapping, and what is wrong with it where.
import {elementPath, memberPath} from "./json_text.js";

const kWhole = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  sint32: [-(2n ** 31n), 2n ** 31n - 1n],
  sfixed32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  fixed32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  sint64: [-(2n ** 63n), 2n ** 63n - 1n],
  sfixed64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  fixed64: [0n, 2n ** 64n - 1n],
};
const kWrappers = {
  DoubleValue: "double",
  FloatValue: "float",
  Int64Value: "int64",
  UInt64Value: "uint64",
  Int32Value: "int32",
  UInt32Value: "uint32",
  BoolValue: "bool",
  StringValue: "string",
  BytesValue: "bytes",
};

/** The scalar kind of a wrapper type ("google.protobuf.Int32Value"); undefined for other types. */
export function wrappedKind(typeName) {
  return typeName.startsWith("google.protobuf.") ? kWrappers[typeName.slice(16)] : undefined;
}
/** A well-known type that JSON writes as a text: "Timestamp", "Duration", "FieldMask". */
export function textType(typeName) {
  const found = /^google\.protobuf\.(Timestamp|Duration|FieldMask)$/.exec(typeName);
  return found?.[1];
}
/** A type whose JSON can be anything. */
export const isFreeType = (typeName) => /^google\.protobuf\.(Any|Struct|Value|ListValue)$/.test(typeName);
export const isWhole = (kind) => kind in kWhole;

function show(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 39)}\u2026` : text;
}

function checkWhole(kind, value) {
  const [least, most] = kWhole[kind];
  const text = String(value);
  const isNumber = (typeof value === "number" || typeof value === "string") && /^-?[0-9]+$/.test(text);
  if (!isNumber && !(typeof value === "number" && Number.isInteger(value))) {
    return `a whole number (${kind}), not ${show(value)}`;
  }
  const number = BigInt(value);
  return number < least || number > most ? `${kind} goes from ${least} to ${most}` : "";
}

function checkReal(value) {
  if (typeof value === "number") return "";
  const isText =
    typeof value === "string" &&
    (/^(NaN|-?Infinity)$/.test(value) ||
      (value.trim() === value && value !== "" && Number.isFinite(Number(value))));
  return isText ? "" : `a number, "NaN" or "Infinity", not ${show(value)}`;
}

function checkBase64(value) {
  if (typeof value !== "string") return `bytes as a text in base64, not ${show(value)}`;
  const bare = value.replace(/=+$/, "");
  if (!/^[A-Za-z0-9+/_-]*$/.test(bare)) return "bytes in base64: letters, digits, + and / alone";
  return bare.length % 4 === 1 || value.length - bare.length > 2 ? "this base64 is cut short" : "";
}

function checkText(type, value) {
  if (typeof value !== "string") return `a text (${type}), not ${show(value)}`;
  if (type === "Timestamp") {
    const shape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;
    return shape.test(value) && !Number.isNaN(Date.parse(value))
      ? ""
      : 'a time such as "2026-01-31T12:00:00Z"';
  }
  if (type === "Duration")
    return /^-?\d+(\.\d{1,9})?s$/.test(value) ? "" : 'a duration in seconds, such as "1.5s"';
  return "";
}

/** What is wrong with a value that is no message and no list; "" when nothing is. */
export function checkScalar(schema, field, value) {
  const kind = field.kind;
  if (isWhole(kind)) return checkWhole(kind, value);
  if (kind === "double" || kind === "float") return checkReal(value);
  if (kind === "bool") return typeof value === "boolean" ? "" : `true or false, not ${show(value)}`;
  if (kind === "string") return typeof value === "string" ? "" : `a text in quotes, not ${show(value)}`;
  if (kind === "bytes") return checkBase64(value);
  if (kind === "enum") {
    const values = schema.enum(field.typeName)?.values ?? [];
    if (Number.isInteger(value) || values.length === 0 || values.some((one) => one.name === value)) return "";
    return `one of ${values.map((one) => one.name).join(", ")}; not ${show(value)}`;
  }
  return "";
}

// Insertions, deletions and replacements that make one of the other (Levenshtein).
function distance(from, to) {
  let row = Array.from({length: to.length + 1}, (_, i) => i);
  for (let i = 1; i <= from.length; ++i) {
    const next = [i];
    for (let j = 1; j <= to.length; ++j) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[to.length];
}

function unknownField(type, name) {
  const names = type.fields.map((field) => field.jsonName);
  if (name.length > 100 || names.length === 0) return `${type.name} has no field "${name}"`;
  const [nearest] = [...names].sort((a, b) => distance(name, a) - distance(name, b));
  const hint =
    distance(name, nearest) <= Math.max(2, name.length / 3)
      ? `; did you mean "${nearest}"?`
      : `; it has ${names.slice(0, 12).join(", ")}`;
  return `${type.name} has no field "${name}"${hint}`;
}

class Check {
  constructor(schema) {
    this.schema = schema;
    this.errors = [];
  }
  add(path, message) {
    if (message && this.errors.length < 50) this.errors.push({path, message});
  }
  single(field, value, path) {
    if (field.kind !== "message") this.add(path, checkScalar(this.schema, field, value));
    else this.message(field.typeName, value, path);
  }
  field(field, value, path) {
    if (value === null) return;
    const entry = this.schema.mapEntry(field);
    if (entry) {
      if (!isObject(value)) return this.add(path, `an object {"key": value}, not ${show(value)}`);
      for (const [key, content] of Object.entries(value)) {
        const at = memberPath(path, key);
        const readKey = entry.key.kind === "bool" && /^(true|false)$/.test(key) ? key === "true" : key;
        this.add(
          at,
          checkScalar(this.schema, entry.key, readKey) && `the key "${key}" is no ${entry.key.kind}`,
        );
        this.single(entry.value, content, at);
      }
    } else if (field.repeated) {
      if (!Array.isArray(value)) return this.add(path, `a list [...], not ${show(value)}`);
      value.forEach((one, index) => this.single(field, one, elementPath(path, index)));
    } else {
      this.single(field, value, path);
    }
  }
  message(typeName, value, path) {
    const wrapped = wrappedKind(typeName);
    if (wrapped)
      return this.add(path, value === null ? "" : checkScalar(this.schema, {kind: wrapped}, value));
    if (textType(typeName)) return this.add(path, checkText(textType(typeName), value));
    if (isFreeType(typeName)) return;
    const type = this.schema.message(typeName);
    if (!isObject(value)) return this.add(path, `an object {...} (${typeName}), not ${show(value)}`);
    if (!type) return;
    const chosen = new Map();
    for (const [name, content] of Object.entries(value)) {
      const field = type.fields.find((one) => one.jsonName === name || one.name === name);
      const at = memberPath(path, name);
      if (!field) {
        this.add(at, unknownField(type, name));
        continue;
      }
      if (field.oneof && content !== null) {
        const before = chosen.get(field.oneof);
        this.add(
          at,
          before && `of "${field.oneof.name}" there is "${before}" already; only one of them can be set`,
        );
        chosen.set(field.oneof, name);
      }
      this.field(field, content, at);
    }
  }
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** [{path, message}], in the order of the value. */
export function checkMessage(schema, typeName, value) {
  const check = new Check(schema);
  check.message(typeName, value, "");
  return check.errors;
}

/** The same for a list of messages. */
export function checkMessages(schema, typeName, values) {
  const check = new Check(schema);
  if (!Array.isArray(values)) check.add("", `a list of messages [...], not ${show(values)}`);
  else values.forEach((one, index) => check.message(typeName, one, elementPath("", index)));
  return check.errors;
}
