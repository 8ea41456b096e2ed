// Calls the Lab with connect-web over HTTP/3 (quiche), and prints what came of it as JSON.
//   connect_web.mjs <port> <CA certificate> <descriptor set of lab.proto> <proto|json> <connect|grpc-web>
import { readFileSync } from "node:fs";
import { fromBinary, createFileRegistry, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { connectAsync } from "@currentspace/http3";

const [port, ca, descriptors, format, protocol] = process.argv.slice(2);
const lab = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors))).getService("lab.v1.Lab");
const session = await connectAsync(`https://localhost:${port}`, { ca: readFileSync(ca), connectTimeoutMs: 10_000 });

const verbs = {};
// What browsers have, for what connect-web asks of it.
async function fetchOverHttp3(input, init) {
  const request = new Request(input, init);
  const url = new URL(request.url);
  verbs[url.pathname.split("/").pop()] ??= request.method;
  const head = { ":method": request.method, ":scheme": "https", ":authority": url.host, ":path": url.pathname + url.search };
  for (const [name, value] of request.headers) head[name] = value;
  const body = Buffer.from(await request.arrayBuffer());
  const stream = session.request(head, { endStream: body.length === 0 });
  const leave = () => stream.close(0x10c);
  init?.signal?.addEventListener("abort", leave);
  const answered = new Promise((resolve, reject) => {
    stream.once("response", resolve);
    stream.once("error", reject);
    stream.once("close", () => reject(new TypeError("the stream was closed")));
  });
  // Listened to from the start: nothing is kept for who comes later.
  const answer = new ReadableStream({
    start(controller) {
      const quietly = (action) => { try { action(); } catch { /* it was left, or is over already */ } };
      stream.on("data", (piece) => quietly(() => controller.enqueue(new Uint8Array(piece))));
      stream.once("end", () => quietly(() => controller.close()));
      stream.once("error", (error) => quietly(() => controller.error(error)));
    },
    cancel: leave,
  });
  if (body.length > 0) stream.end(body);
  const response = await answered;
  const headers = new Headers();
  for (const [name, value] of Object.entries(response)) {
    if (!name.startsWith(":")) headers.append(name, String(value));
  }
  return new Response(answer, { status: Number(response[":status"]), headers });
}

const create = protocol === "connect" ? createConnectTransport : createGrpcWebTransport;
const clientThat = (useHttpGet) => createClient(lab, create({
  baseUrl: `https://localhost:${port}`,
  useBinaryFormat: format === "proto",
  useHttpGet,
  fetch: fetchOverHttp3,
}));
const client = clientThat(true);

const failure = async (call) => {
  try {
    await call();
    return "no error";
  } catch (error) {
    const { code, rawMessage, metadata } = ConnectError.from(error);
    return { code: Code[code], message: rawMessage, trailer: metadata.get("x-trailer") };
  }
};

const said = {};
const plain = (message) => toJson(lab.method.echo.output, message);
said.echo = plain(await client.echo({ text: "from connect-web", number: 7n, payload: new Uint8Array([1, 2, 255]) }));
let header;
await client.echo({}, { headers: { "x-echo": "there" }, onHeader: (headers) => { header = headers.get("x-echo"); } });
said.header = header;
said.delayed = plain(await client.delay({ text: "later", number: 20n }));
// As a GET it would have to fit into the head.
said.large = (await clientThat(false).echo({ text: "x".repeat(300_000) })).text.length;
said.errors = {};
for (let code = 1; code <= 16; ++code) {
  const { code: name, message } = await failure(() => client.fail({ text: "no such robot", number: BigInt(code) }));
  said.errors[code] = [name, message];
}
said.late = (await failure(() => client.delay({ number: 5000n }, { timeoutMs: 100 }))).code;
const counted = [];
for await (const { count } of client.countUp({ count: 5n })) counted.push(Number(count));
said.counted = counted;
// A stream that the client leaves.
let ticks = 0;
for await (const _ of client.tick({ count: 1_000_000n, pauseMs: 5n })) {
  if (++ticks === 3) break;
}
said.ticks = ticks;
said.many = (await Promise.all([...Array(100).keys()].map((i) => client.echo({ text: `${i}` })))).map(({ text }) => text);
said.verbs = verbs;
console.log(JSON.stringify(said));
await session.close();
process.exit(0);
