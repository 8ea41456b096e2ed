// Writes a recording with Foxglove's own library: 100 messages of JSON on two channels.
import { writeFile } from "node:fs/promises";

import { McapWriter } from "@mcap/core";

const pieces = [];
let position = 0n;
const writable = {
  position: () => position,
  write: async (bytes) => {
    pieces.push(bytes.slice());
    position += BigInt(bytes.byteLength);
  },
};
const writer = new McapWriter({ writable, useChunks: process.argv[3] === "chunks", chunkSize: 1000 });
await writer.start({ profile: "", library: "somebody else" });
const channels = [];
for (const topic of ["/a", "/b"]) {
  channels.push(
    await writer.registerChannel({ schemaId: 0, topic, messageEncoding: "json", metadata: new Map([["k", "v"]]) }),
  );
}
await writer.addMetadata({ name: "about", metadata: new Map([["who", "somebody"]]) });
for (let i = 0; i < 100; ++i) {
  await writer.addMessage({
    channelId: channels[i % 2],
    sequence: i,
    logTime: BigInt(1_000 * i),
    publishTime: BigInt(1_000 * i),
    data: new TextEncoder().encode(JSON.stringify({ i })),
  });
}
await writer.addAttachment({
  name: "picture", logTime: 0n, createTime: 0n, mediaType: "image/png", data: new Uint8Array(100_000),
});
await writer.end();
await writeFile(process.argv[2], Buffer.concat(pieces));
