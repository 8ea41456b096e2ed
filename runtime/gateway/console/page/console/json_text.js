// JSON as people write it: says where it is wrong by line and column, knows where each value stands, and
// keeps whole numbers that a double cannot hold as text, which protobuf's JSON takes for 64-bit fields.

const kMostDepth = 64;

export class JsonError extends Error {
  constructor(message, line, column) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

/** Where `offset` is, both from 1. */
export function placeOf(text, offset) {
  const before = text.slice(0, offset);
  return {line: before.split("\n").length, column: offset - before.lastIndexOf("\n")};
}

/** The path of a member or element: `a.b[2]`, `labels["not a name"]`. */
export function memberPath(path, key) {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path ? `${path}.${key}` : key;
}
export const elementPath = (path, index) => `${path}[${index}]`;

class Parser {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.places = new Map();
  }
  fail(message, at = this.at) {
    const {line, column} = placeOf(this.text, at);
    throw new JsonError(message, line, column);
  }
  here() {
    if (this.at >= this.text.length) return "the end";
    return JSON.stringify(this.text[this.at]).replace(/^"\\""$/, "a quote");
  }
  skipSpace() {
    while (" \t\r\n".includes(this.text[this.at] ?? "x")) ++this.at;
  }
  document() {
    const value = this.value("", 0);
    this.skipSpace();
    if (this.at < this.text.length) this.fail(`here the JSON should end, not go on with ${this.here()}`);
    return value;
  }
  value(path, depth) {
    if (depth > kMostDepth) this.fail(`more than ${kMostDepth} objects and lists within each other`);
    this.skipSpace();
    this.places.set(path, this.at);
    const char = this.text[this.at];
    if (char === "{") return this.object(path, depth);
    if (char === "[") return this.array(path, depth);
    if (char === '"') return this.string();
    for (const [word, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ]) {
      if (!this.text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return value;
    }
    return this.number();
  }
  number() {
    const found = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/.exec(
      this.text.slice(this.at, this.at + 400),
    );
    if (!found) {
      if (this.text[this.at] === "'") this.fail('text stands in double quotes: "..."');
      this.fail(`here a value should be, not ${this.here()}`);
    }
    this.at += found[0].length;
    const value = Number(found[0]);
    return Number.isInteger(value) && !Number.isSafeInteger(value) && !found[2] && !found[3]
      ? found[0]
      : value;
  }
  string() {
    const begin = this.at++;
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined || char === "\n") this.fail("this text has no closing quote", begin);
      ++this.at;
      if (char === '"') break;
      if (char === "\\") ++this.at;
    }
    try {
      return JSON.parse(this.text.slice(begin, this.at));
    } catch {
      return this.fail("this text holds an escape that JSON has not, or a control character", begin);
    }
  }
  object(path, depth) {
    const object = {};
    ++this.at;
    this.skipSpace();
    if (this.text[this.at] === "}") return (++this.at, object);
    for (;;) {
      this.skipSpace();
      if (this.text[this.at] !== '"') this.fail(`here a name in double quotes should be, not ${this.here()}`);
      const nameAt = this.at;
      const name = this.string();
      if (Object.hasOwn(object, name)) this.fail(`"${name}" is there twice`, nameAt);
      this.skipSpace();
      if (this.text[this.at] !== ":") this.fail(`after the name a ":" should be, not ${this.here()}`);
      ++this.at;
      const child = memberPath(path, name);
      const value = this.value(child, depth + 1);
      Object.defineProperty(object, name, {value, enumerable: true, configurable: true, writable: true});
      this.places.set(child, nameAt);
      if (this.endsWith("}")) return object;
    }
  }
  array(path, depth) {
    const array = [];
    ++this.at;
    this.skipSpace();
    if (this.text[this.at] === "]") return (++this.at, array);
    for (;;) {
      array.push(this.value(elementPath(path, array.length), depth + 1));
      if (this.endsWith("]")) return array;
    }
  }
  endsWith(end) {
    this.skipSpace();
    const char = this.text[this.at];
    if (char !== end && char !== ",") this.fail(`here a "," or "${end}" should be, not ${this.here()}`);
    ++this.at;
    return char === end;
  }
}

/** {value, placeOf(path)}: the value, and where each of its parts stands. Throws JsonError. */
export function parseJson(text) {
  const parser = new Parser(text);
  const value = parser.document();
  return {value, placeOf: (path) => placeOf(text, parser.places.get(path) ?? 0)};
}

/** As the editor shows it. */
export const formatJson = (value) => JSON.stringify(value, null, 2);
