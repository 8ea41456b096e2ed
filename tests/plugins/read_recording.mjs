// Reads a recording with Foxglove's own library, by its index and from beginning to end, and prints
// what it found as JSON. Run in a folder where npm has installed @mcap/core, fzstd and protobufjs.
import { open } from "node:fs/promises";

import { McapIndexedReader, McapStreamReader } from "@mcap/core";
import { decompress } from "fzstd";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor/index.js";

const decompressHandlers = { zstd: (bytes, size) => decompress(bytes, new Uint8Array(Number(size))) };
const file = await open(process.argv[2]);
const { size } = await file.stat();
const readable = {
  size: async () => BigInt(size),
  read: async (offset, length) => {
    const { bytesRead, buffer } = await file.read(new Uint8Array(Number(length)), 0, Number(length), Number(offset));
    if (bytesRead !== Number(length)) throw new Error("the file ends too early");
    return buffer;
  },
};

// By the index.
const reader = await McapIndexedReader.Initialize({ readable, decompressHandlers });
const types = new Map();
for (const schema of reader.schemasById.values()) {
  if (schema.encoding !== "protobuf") throw new Error(`schema ${schema.name}: ${schema.encoding}`);
  const root = protobuf.Root.fromDescriptor(descriptor.FileDescriptorSet.decode(schema.data));
  types.set(schema.id, root.lookupType(schema.name));
}
const indexed = [];
let last = 0n;
for await (const message of reader.readMessages()) {
  if (message.logTime < last) throw new Error("messages are not in the order of their times");
  last = message.logTime;
  const channel = reader.channelsById.get(message.channelId);
  indexed.push({
    topic: channel.topic,
    type: reader.schemasById.get(channel.schemaId).name,
    logTime: message.logTime.toString(),
    publishTime: message.publishTime.toString(),
    sequence: message.sequence,
    bytes: message.data.length,
    data: types.get(channel.schemaId).decode(message.data).toJSON(),
  });
}
const metadata = [];
for await (const record of reader.readMetadata()) metadata.push(Object.fromEntries(record.metadata));

// From beginning to end, with all checksums.
const stream = new McapStreamReader({ includeChunks: false, decompressHandlers, validateCrcs: true });
const counts = {};
const records = {};
const bytes = new Uint8Array(size);
await file.read(bytes, 0, size, 0);
stream.append(bytes);
for (let record; (record = stream.nextRecord()); ) {
  records[record.type] = (records[record.type] ?? 0) + 1;
  if (record.type === "Message") {
    const { topic } = reader.channelsById.get(record.channelId);
    counts[topic] = (counts[topic] ?? 0) + 1;
  }
}
await file.close();

const { library } = reader.header;
const statistics = {
  messages: Number(reader.statistics.messageCount),
  channels: reader.statistics.channelCount,
  chunks: reader.statistics.chunkCount,
  metadata: reader.statistics.metadataCount,
};
console.log(JSON.stringify({ library, statistics, metadata, counts, records, done: stream.done(), indexed }));
