// The message types that a node's services use, from encoded FileDescriptorProtos
// (google/protobuf/descriptor.proto).
import {numberOf, readFields, textOf} from "./protobuf.js";

// FieldDescriptorProto.Type.
const kKinds = [
  "",
  "double",
  "float",
  "int64",
  "uint64",
  "int32",
  "fixed64",
  "fixed32",
  "bool",
  "string",
  "group",
  "message",
  "bytes",
  "uint32",
  "enum",
  "sfixed32",
  "sfixed64",
  "sint32",
  "sint64",
];
const kRequired = 2;
const kRepeated = 3;

/** What protobuf calls a field in JSON when its descriptor does not say. */
function jsonNameOf(name) {
  return name.replace(/_+(.)?/g, (_, letter) => (letter ?? "").toUpperCase());
}

function readFieldDescriptor(bytes) {
  const field = {name: "", jsonName: "", number: 0, kind: "", typeName: "", repeated: false, required: false};
  let oneof = -1;
  let optional = false;
  readFields(bytes, (number, value) => {
    if (number === 1) field.name = textOf(value);
    else if (number === 3) field.number = numberOf(value);
    else if (number === 4) {
      field.repeated = numberOf(value) === kRepeated;
      field.required = numberOf(value) === kRequired;
    } else if (number === 5) field.kind = kKinds[numberOf(value)] ?? "";
    else if (number === 6) field.typeName = textOf(value).replace(/^\./, "");
    else if (number === 9) oneof = numberOf(value);
    else if (number === 10) field.jsonName = textOf(value);
    else if (number === 17) optional = value !== 0n;
  });
  field.jsonName ||= jsonNameOf(field.name);
  return {field, oneof, optional};
}

function readEnum(bytes, scope, out) {
  const found = {name: "", values: []};
  readFields(bytes, (number, value) => {
    if (number === 1) found.name = scope + textOf(value);
    else if (number === 2) {
      const entry = {name: "", number: 0};
      readFields(value, (inner, content) => {
        if (inner === 1) entry.name = textOf(content);
        else if (inner === 2) entry.number = numberOf(content);
      });
      found.values.push(entry);
    }
  });
  out.enums.set(found.name, found);
}

function readMessage(bytes, scope, hasImplicitPresence, out) {
  const message = {name: "", fields: [], oneofs: [], isMapEntry: false};
  const nested = [];
  const enums = [];
  const read = [];
  const oneofs = [];
  readFields(bytes, (number, value) => {
    if (number === 1) message.name = scope + textOf(value);
    else if (number === 2) read.push(readFieldDescriptor(value));
    else if (number === 3) nested.push(value);
    else if (number === 4) enums.push(value);
    else if (number === 7)
      readFields(value, (inner, flag) => (message.isMapEntry ||= inner === 7 && flag === 1n));
    else if (number === 8) {
      const oneof = {name: "", fields: []};
      readFields(value, (inner, content) => inner === 1 && (oneof.name = textOf(content)));
      oneofs.push(oneof);
    }
  });
  for (const {field, oneof, optional} of read) {
    field.oneof = oneof >= 0 && !optional ? oneofs[oneof] : undefined;
    field.oneof?.fields.push(field);
    // Whether "not set" is another thing than the default.
    field.hasPresence = !field.repeated && (!hasImplicitPresence || optional || field.kind === "message");
    message.fields.push(field);
  }
  message.oneofs = oneofs.filter((oneof) => oneof.fields.length > 0);
  out.messages.set(message.name, message);
  for (const one of nested) readMessage(one, `${message.name}.`, hasImplicitPresence, out);
  for (const one of enums) readEnum(one, `${message.name}.`, out);
}

export class Schema {
  messages = new Map();
  enums = new Map();

  /** An encoded FileDescriptorProto. Throws on what is none. */
  addFile(bytes) {
    let scope = "";
    let syntax = "proto2";
    const messages = [];
    const enums = [];
    readFields(bytes, (number, value) => {
      if (number === 2) scope = `${textOf(value)}.`;
      else if (number === 4) messages.push(value);
      else if (number === 5) enums.push(value);
      else if (number === 12) syntax = textOf(value);
    });
    for (const one of messages) readMessage(one, scope, syntax === "proto3", this);
    for (const one of enums) readEnum(one, scope, this);
  }

  /** The message type; undefined when the node has not told it. */
  message(name) {
    return this.messages.get(name);
  }
  enum(name) {
    return this.enums.get(name);
  }
  /** The type of a map's entries; undefined when the field is no map. */
  mapEntry(field) {
    const entry = field.repeated && field.kind === "message" ? this.message(field.typeName) : undefined;
    return entry?.isMapEntry ? {key: entry.fields[0], value: entry.fields[1]} : undefined;
  }
}

/** "string", "acme.v1.Grip", "map<string, int32>": for people. */
export function typeText(schema, field) {
  const entry = schema.mapEntry(field);
  if (entry) return `map<${entry.key.kind}, ${typeText(schema, entry.value)}>`;
  const name = field.typeName ? field.typeName.replace(/^google\.protobuf\./, "") : field.kind;
  return field.repeated ? `${name} []` : name;
}
