#include "runtime/plugins/recorder/method_metadata.h"

#include <array>
#include <charconv>
#include <limits>

namespace echostream::recorder {
namespace {

// In the order of the enums in method.h.
constexpr std::array<std::string_view, 4> kKinds = {"rpc", "event", "published", "stream"};
constexpr std::array<std::string_view, 3> kDeliveries = {"reliable", "expiring", "datagram"};
// A QUIC varint (RFC 9000 section 16).
constexpr std::uint64_t kMostId = (std::uint64_t{1} << 62) - 1;
constexpr std::uint64_t kMostNanoseconds = std::numeric_limits<Duration::rep>::max();

std::string number(std::uint64_t value) { return std::to_string(value); }
std::string truth(bool value) { return value ? "true" : "false"; }

Status wrong(std::string_view key, std::string_view value) {
  return {StatusCode::kInvalidArgument, "the recording says of a method that its " +
                                            std::string(key) + " is '" + std::string(value) +
                                            "', which is none"};
}

bool read_number(std::string_view text, std::uint64_t most, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value <= most;
}

template <std::size_t kSize>
bool read_choice(std::string_view text, const std::array<std::string_view, kSize>& choices,
                 std::size_t& value) {
  for (std::size_t i = 0; i < kSize; ++i) {
    if (choices[i] != text) continue;
    value = i;
    return true;
  }
  return false;
}

}  // namespace

std::string_view RecordedMethod::service() const {
  const std::string_view name = full_name_;
  return name.substr(0, name.find('/'));
}

MethodInfo RecordedMethod::info() const {
  MethodInfo info = info_;
  info.full_name = full_name_;
  info.name = info.full_name.substr(info.full_name.find('/') + 1);
  return info;
}

Status RecordedMethod::set(std::string_view key, std::string_view value) {
  std::uint64_t n = 0;
  std::size_t choice = 0;
  bool is_good = true;
  if (key == "method_id") {
    is_good = read_number(value, kMostId, info_.id);
  } else if (key == "kind") {
    is_good = read_choice(value, kKinds, choice);
    info_.kind = static_cast<MethodKind>(choice);
  } else if (key == "delivery") {
    is_good = read_choice(value, kDeliveries, choice);
    info_.delivery = static_cast<Delivery>(choice);
  } else if (key == "client_streaming") {
    info_.client_streaming = value == "true";
  } else if (key == "server_streaming") {
    info_.server_streaming = value == "true";
  } else if (key == "idempotent") {
    info_.idempotent = value == "true";
  } else if (key == "no_side_effects") {
    info_.no_side_effects = value == "true";
  } else if (key == "priority") {
    is_good = read_number(value, 7, n);
    info_.priority = static_cast<std::uint8_t>(n);
  } else if (key == "max_age_ns") {
    is_good = read_number(value, kMostNanoseconds, n);
    info_.max_age = Duration(static_cast<Duration::rep>(n));
  }
  return is_good ? Status::ok() : wrong(key, value);
}

mcap::StringMap describe_method(const MethodInfo& method) {
  mcap::StringMap map = {
      {"method", std::string(method.full_name)},
      {"method_id", number(method.id)},
      {"kind", std::string(kKinds.at(static_cast<std::size_t>(method.kind)))},
      {"client_streaming", truth(method.client_streaming)},
      {"server_streaming", truth(method.server_streaming)},
      {"idempotent", truth(method.idempotent)},
      {"no_side_effects", truth(method.no_side_effects)},
      {"delivery", std::string(kDeliveries.at(static_cast<std::size_t>(method.delivery)))},
      {"priority", number(method.priority)},
      {"max_age_ns", number(static_cast<std::uint64_t>(method.max_age.count()))},
  };
  return map;
}

}  // namespace echostream::recorder
