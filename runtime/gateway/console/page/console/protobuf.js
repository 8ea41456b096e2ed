// Reads the protobuf wire format: just enough for descriptors.

const kVarint = 0;
const kFixed64 = 1;
const kBytes = 2;
const kFixed32 = 5;

/** Calls `visit(number, value)` for each field: a BigInt for varints, bytes for the rest. Throws on what is no message. */
export function readFields(bytes, visit) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) throw new Error("the descriptor is cut short");
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error("the descriptor has a number that is too long");
  };
  const take = (count) => {
    if (count > bytes.length - at) throw new Error("the descriptor is cut short");
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const type = tag & 7;
    let value;
    if (type === kVarint) value = varint();
    else if (type === kFixed64) value = take(8);
    else if (type === kBytes) value = take(Number(varint()));
    else if (type === kFixed32) value = take(4);
    else throw new Error(`the descriptor has a field of an unknown kind (${type})`);
    visit(tag >>> 3, value);
  }
}

const decoder = new TextDecoder();
export const textOf = (bytes) => decoder.decode(bytes);
export const numberOf = (varint) => Number(BigInt.asIntN(32, varint));

export function bytesOfBase64(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
