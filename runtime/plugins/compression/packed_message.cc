#include "runtime/plugins/compression/packed_message.h"

#include <algorithm>
#include <optional>
#include <string>

namespace echostream::compression {
namespace {

constexpr std::uint8_t kPlain = 0;
// Above it a size would not fit the four bytes that we write.
constexpr std::size_t kMostBytes = (std::size_t{1} << 30) - 1;

// A varint as in RFC 9000 16; always four bytes, which come with the two highest bits 10.
constexpr std::size_t kHeadBytes = 5;
void write_head(MutableBytes out, std::uint8_t form, std::size_t size) {
  out[0] = form;
  out[1] = static_cast<std::uint8_t>(0x80 | size >> 24);
  out[2] = static_cast<std::uint8_t>(size >> 16);
  out[3] = static_cast<std::uint8_t>(size >> 8);
  out[4] = static_cast<std::uint8_t>(size);
}

std::optional<std::uint64_t> read_varint(BytesView& bytes) {
  if (bytes.empty()) return std::nullopt;
  const std::size_t length = std::size_t{1} << (bytes[0] >> 6);
  if (bytes.size() < length) return std::nullopt;
  std::uint64_t value = bytes[0] & 0x3f;
  for (std::size_t i = 1; i < length; ++i) value = value << 8 | bytes[i];
  bytes = bytes.subspan(length);
  return value;
}

Status malformed(std::string what) {
  return {StatusCode::kInvalidArgument, "a message of an encoded call " + std::move(what)};
}

bool is_allowed(std::size_t size, std::size_t compressed) {
  return size <= kFreeBytes || (size - kFreeBytes) / kMostRatio <= compressed;
}

Result<Buffer> unpack_compressed(BytesView data, Codec& codec, std::size_t most_bytes) {
  const auto size = read_varint(data);
  if (!size || *size == 0) return malformed("that does not say its size");
  if (*size > most_bytes) {
    return Status(StatusCode::kResourceExhausted, "a compressed message of " +
                                                      std::to_string(*size) + " bytes; at most " +
                                                      std::to_string(most_bytes) + " are taken");
  }
  if (!is_allowed(*size, data.size())) {
    return Status(StatusCode::kResourceExhausted,
                  std::to_string(*size) + " bytes compressed to " + std::to_string(data.size()) +
                      "; more than " + std::to_string(kMostRatio) + " to 1 is refused");
  }
  Status status;
  Buffer message =
      Buffer::build(*size, [&](MutableBytes out) { status = codec.decompress(data, out); });
  if (!status.is_ok()) return status;
  return message;
}

}  // namespace

Buffer pack_plain(BytesView message) {
  return Buffer::build(message.size() + 1, [&](MutableBytes out) {
    out[0] = kPlain;
    std::copy(message.begin(), message.end(), out.begin() + 1);
  });
}

Buffer pack_compressed(BytesView message, Codec& codec, std::vector<std::uint8_t>& scratch) {
  // The codec stops where it no longer pays.
  const std::size_t most = message.size() - message.size() / 8;
  if (most <= kHeadBytes || message.size() > kMostBytes) return {};
  if (scratch.size() < most) scratch.resize(most);
  const MutableBytes out = MutableBytes(scratch).first(most);
  const std::size_t size = codec.compress(message, out.subspan(kHeadBytes));
  if (size == 0 || !is_allowed(message.size(), size)) return {};
  write_head(out, codec.form(), message.size());
  return Buffer::copy(out.first(kHeadBytes + size));
}

Result<Buffer> unpack(const Buffer& packed, Codec& codec, std::size_t most_bytes) {
  if (packed.empty()) return malformed("has at least one byte");
  const std::uint8_t form = packed.view()[0];
  if (form == kPlain) return packed.slice(1);
  if (form == codec.form()) return unpack_compressed(packed.view().subspan(1), codec, most_bytes);
  return malformed("has form 0 or " + std::to_string(codec.form()) + ", not " +
                   std::to_string(form));
}

}  // namespace echostream::compression
