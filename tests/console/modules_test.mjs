// The parts of the console's page that need no browser: node --test modules_test.mjs, with the folder of the page in
// CONSOLE_PAGE and an encoded FileDescriptorSet in CONSOLE_DESCRIPTORS.
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import path from "node:path";
import test from "node:test";
import {pathToFileURL} from "node:url";

const page = path.join(process.env.CONSOLE_PAGE, "console");
const load = (name) => import(pathToFileURL(path.join(page, name)));
const {readFields} = await load("protobuf.js");
const {Schema, typeText} = await load("schema.js");
const {parseJson, JsonError} = await load("json_text.js");
const {checkMessage, checkMessages} = await load("check.js");
const {EnvelopeReader, envelopes, CallError} = await load("connect.js");
const {optionTexts, kindText} = await load("services.js");

const schema = new Schema();
readFields(readFileSync(process.env.CONSOLE_DESCRIPTORS), (_, file) => schema.addFile(file));
const kProbe = "console_test.v1.Everything";
const errorsOf = (value) => checkMessage(schema, kProbe, value);
const complaint = (value) => errorsOf(value)[0] ?? {path: "", message: ""};

// ---- JSON as it is written.

test("JSON that is right is read as JSON.parse() does", () => {
  for (const text of [
    '{"a": [1, -2.5e3, true, null, "x\\u00e9\\n"], "b": {}}',
    "[]",
    '""',
    "0",
    ' { "" : { "a b" : [ [ ] ] } } ',
  ]) {
    assert.deepEqual(parseJson(text).value, JSON.parse(text));
  }
});

test("whole numbers that a double cannot hold stay what they are", () => {
  assert.equal(parseJson("12345678901234567890").value, "12345678901234567890");
  assert.equal(parseJson("9007199254740991").value, 9007199254740991);
});

test("what is wrong is told with its line and column", () => {
  const cases = [
    ["{\n  \"a\": 'x'\n}", 2, 8, /double quotes/],
    ['{"a": 1 "b": 2}', 1, 9, /","/],
    ['{"a" 1}', 1, 6, /":"/],
    ["{a: 1}", 1, 2, /name in double quotes/],
    ["[1, ]", 1, 5, /value/],
    ['{"a": 1,\n}', 2, 1, /name/],
    ['{"a": 1}\nx', 2, 1, /end/],
    ['{"a": 1, "a": 2}', 1, 10, /twice/],
    ['["x', 1, 2, /closing quote/],
    ["", 1, 1, /value/],
    ["[01]", 1, 3, /","/],
    ['["\\x"]', 1, 2, /escape/],
    ["[".repeat(100_000), 1, 66, /within each other/],
  ];
  for (const [text, line, column, message] of cases) {
    assert.throws(
      () => parseJson(text),
      (error) => {
        assert.ok(error instanceof JsonError, `${text}: ${error}`);
        assert.deepEqual([error.line, error.column], [line, column], text.slice(0, 40));
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test("each value is found where it stands", () => {
  const {placeOf} = parseJson('{\n  "a": {"b c": [1,\n    2]}\n}');
  assert.deepEqual(placeOf("a"), {line: 2, column: 3});
  assert.deepEqual(placeOf('a["b c"]'), {line: 2, column: 9});
  assert.deepEqual(placeOf('a["b c"][1]'), {line: 3, column: 5});
});

test("a member called __proto__ is a member", () => {
  const {value} = parseJson('{"__proto__": {"x": 1}}');
  assert.deepEqual(Object.keys(value), ["__proto__"]);
  assert.equal(value.x, undefined);
});

// ---- Descriptors.

test("descriptors tell fields, enums, oneofs, maps and presence", () => {
  const fields = Object.fromEntries(schema.message(kProbe).fields.map((field) => [field.jsonName, field]));
  assert.equal(typeText(schema, fields.scores), "map<string, int32>");
  assert.equal(typeText(schema, fields.inners), `${kProbe}.Inner []`);
  assert.equal(fields.smallNumber.name, "small_number");
  assert.equal(fields.text.hasPresence, false);
  assert.equal(fields.maybe.hasPresence, true);
  assert.equal(fields.maybe.oneof, undefined);
  assert.deepEqual(
    fields.word.oneof.fields.map((field) => field.jsonName),
    ["word", "thing"],
  );
  assert.deepEqual(schema.enum(`${kProbe}.Colour`).values, [
    {name: "RED", number: 0},
    {name: "GREEN", number: 1},
  ]);
  assert.equal(schema.message("google.protobuf.Timestamp").fields.length, 2);
});

test("rubbish in place of a descriptor is refused", () => {
  for (const bytes of [
    [0x0a],
    [0x0a, 5, 1],
    [0x07],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  ]) {
    assert.throws(() => new Schema().addFile(Uint8Array.from(bytes)), Error);
  }
});

// ---- What fits a message.

test("values by protobuf's mapping are right", () => {
  assert.deepEqual(
    errorsOf({
      text: "x",
      small_number: -5,
      big: "18446744073709551615",
      real: "NaN",
      flag: true,
      data: "AAEC_-8=",
      colour: "GREEN",
      maybe: null,
      inner: {name: "a", child: {child: {}}},
      inners: [{}, {numbers: [1, "2"]}],
      scores: {a: 1},
      byNumber: {7: {}},
      word: "w",
      at: "2026-01-31T12:00:00.5Z",
      pause: "-1.5s",
      wrapped: "5",
      free: {any: [1, null]},
      colours: ["RED", 1, 77],
    }),
    [],
  );
});

test("what does not fit is told by its path", () => {
  const cases = [
    [{txet: "x"}, "txet", /no field "txet"; did you mean "text"/],
    [{zzz: 1}, "zzz", /it has text, /],
    [{smallNumber: 2147483648}, "smallNumber", /-2147483648 to 2147483647/],
    [{smallNumber: 1.5}, "smallNumber", /whole number/],
    [{big: -1}, "big", /uint64 goes from 0/],
    [{real: "much"}, "real", /a number/],
    [{flag: 1}, "flag", /true or false/],
    [{data: "a"}, "data", /cut short/],
    [{data: "?"}, "data", /base64/],
    [{colour: "BLUE"}, "colour", /one of RED, GREEN/],
    [{text: 5}, "text", /quotes/],
    [{inner: []}, "inner", /an object/],
    [{inners: {}}, "inners", /a list/],
    [{inners: [{}, {numbers: [1, "x"]}]}, "inners[1].numbers[1]", /whole number/],
    [{scores: []}, "scores", /an object/],
    [{scores: {"a b": "x"}}, 'scores["a b"]', /whole number/],
    [{byNumber: {x: {}}}, "byNumber.x", /key "x" is no int32/],
    [{word: "a", thing: {}}, "thing", /"word" already/],
    [{at: "today"}, "at", /2026-01-31T12:00:00Z/],
    [{pause: "5 min"}, "pause", /1.5s/],
    [{wrapped: "x"}, "wrapped", /whole number/],
    [[], "", /an object/],
  ];
  for (const [value, at, message] of cases) {
    const found = complaint(value);
    assert.equal(found.path, at, JSON.stringify(value));
    assert.match(found.message, message);
  }
});

test("a list of messages is checked one by one", () => {
  assert.deepEqual(checkMessages(schema, kProbe, [{}, {text: "x"}]), []);
  assert.equal(checkMessages(schema, kProbe, [{}, {flag: 0}])[0].path, "[1].flag");
  assert.match(checkMessages(schema, kProbe, {})[0].message, /a list/);
});

// ---- Envelopes.

test("envelopes are read whatever pieces they come in", () => {
  const sent = ["{}", '{"a":"é"}', "x".repeat(70_000), ""];
  const bytes = envelopes(sent);
  for (const size of [1, 2, 5, 7, 1000, bytes.length]) {
    const reader = new EnvelopeReader();
    const got = [];
    for (let at = 0; at < bytes.length; at += size) got.push(...reader.feed(bytes.subarray(at, at + size)));
    assert.deepEqual(
      got.map(({flags, text}) => [flags, text]),
      sent.map((text) => [0, text]),
      `pieces of ${size}`,
    );
    assert.ok(reader.isEmpty);
  }
});

test("a message that is too large is refused by its length", () => {
  assert.throws(() => new EnvelopeReader().feed(Uint8Array.from([0, 0xff, 0xff, 0xff, 0xff])), CallError);
});

// ---- What the IDL says.

test("options are told in words, usual ones are not", () => {
  assert.deepEqual(optionTexts({priority: 3}), []);
  assert.equal(kindText({}), "rpc");
  assert.deepEqual(optionTexts({priority: 3, idempotent: true}), ["idempotent"]);
  assert.deepEqual(optionTexts({priority: 3, idempotent: true, noSideEffects: true}), ["no side effects"]);
  const voice = {
    kind: "STREAM",
    clientStreaming: true,
    serverStreaming: true,
    delivery: "DATAGRAM",
    maxAgeMs: 100,
    jitterBuffer: {},
  };
  assert.deepEqual(optionTexts(voice), [
    "duplex",
    "datagram",
    "max age 100 ms",
    "jitter buffer balanced",
    "priority 0",
  ]);
});
