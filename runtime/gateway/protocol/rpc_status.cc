#include "runtime/gateway/protocol/rpc_status.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace echostream::gateway {
namespace {

// protobuf's encoding: a tag is field << 3 | kind.
constexpr std::uint64_t kVarint = 0;
constexpr std::uint64_t kFixed64 = 1;
constexpr std::uint64_t kLengthDelimited = 2;
constexpr std::uint64_t kFixed32 = 5;

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_bytes(std::string& out, std::uint64_t field, std::string_view bytes) {
  append_varint(out, field << 3 | kLengthDelimited);
  append_varint(out, bytes.size());
  out += bytes;
}

struct WireField {
  std::uint64_t number = 0;
  std::uint64_t kind = 0;
  std::uint64_t varint = 0;
  std::string_view bytes;  // kLengthDelimited
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  /// None at the end, and where something is wrong: then is_good() is false.
  std::optional<WireField> next() {
    if (rest_.empty()) return std::nullopt;
    WireField field;
    const auto tag = varint();
    field.number = tag.value_or(0) >> 3;
    field.kind = tag.value_or(0) & 7;
    bool is_there = tag && field.number != 0;
    if (is_there && field.kind == kVarint) {
      const auto value = varint();
      field.varint = value.value_or(0);
      is_there = value.has_value();
    } else if (is_there) {
      const auto size = size_of(field.kind);
      is_there = size && *size <= rest_.size();
      if (is_there) field.bytes = rest_.substr(0, static_cast<std::size_t>(*size));
      if (is_there) rest_.remove_prefix(static_cast<std::size_t>(*size));
    }
    is_good_ = is_there;
    return is_there ? std::optional(field) : std::nullopt;
  }
  bool is_good() const { return is_good_; }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<std::uint64_t> size_of(std::uint64_t kind) {
    if (kind == kLengthDelimited) return varint();
    if (kind == kFixed64) return 8;
    if (kind == kFixed32) return 4;
    return std::nullopt;
  }

  std::string_view rest_;
  bool is_good_ = true;
};

bool is_bytes(const WireField& field, std::uint64_t number) {
  return field.number == number && field.kind == kLengthDelimited;
}

std::optional<StatusDetail> parse_any(std::string_view bytes) {
  StatusDetail detail;
  WireReader reader(bytes);
  while (const auto field = reader.next()) {
    if (is_bytes(*field, 1)) detail.type_url = field->bytes;
    if (is_bytes(*field, 2)) detail.value = field->bytes;
  }
  if (!reader.is_good()) return std::nullopt;
  return detail;
}

}  // namespace

std::string to_rpc_status(const Status& status) {
  std::string out;
  append_varint(out, 1 << 3 | kVarint);
  append_varint(out, static_cast<std::uint64_t>(status.code()));
  if (!status.message().empty()) append_bytes(out, 2, status.message());
  for (const StatusDetail& detail : status.details()) {
    std::string any;
    if (!detail.type_url.empty()) append_bytes(any, 1, detail.type_url);
    if (!detail.value.empty()) append_bytes(any, 2, detail.value);
    append_bytes(out, 3, any);
  }
  return out;
}

std::optional<Status> parse_rpc_status(BytesView bytes) {
  std::uint64_t code = 0;
  std::string message;
  std::vector<StatusDetail> details;
  WireReader reader(as_text(bytes));
  while (const auto field = reader.next()) {
    if (field->number == 1 && field->kind == kVarint) code = field->varint;
    if (is_bytes(*field, 2)) message = field->bytes;
    if (!is_bytes(*field, 3)) continue;
    auto detail = parse_any(field->bytes);
    if (!detail) return std::nullopt;
    details.push_back(*std::move(detail));
  }
  if (!reader.is_good()) return std::nullopt;
  Status status(status_code_from_wire(code), std::move(message));
  for (StatusDetail& detail : details) status.add_detail(std::move(detail));
  return status;
}

}  // namespace echostream::gateway
