// https://www.w3.org/TR/trace-context-1/
#include <algorithm>
#include <span>

#include "echostream/plugins/tracing.h"
#include "echostream/typed_state.h"

namespace echostream {
namespace {

constexpr std::size_t kTraceparentLength = 55;
// What the recommendation asks everybody to hand on (3.3.1.5), and the most members (3.3.1.1).
constexpr std::size_t kMostTraceState = 512;
constexpr std::ptrdiff_t kMostTraceStateMembers = 32;

// Lower case alone is valid.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool parse_hex(std::string_view text, std::span<std::uint8_t> out) {
  int all = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    all |= high | low;
    out[i] = static_cast<std::uint8_t>((high << 4) | (low & 15));
  }
  return all >= 0;
}

template <class Id>
bool is_zero(const Id& id) {
  return std::all_of(id.begin(), id.end(), [](std::uint8_t byte) { return byte == 0; });
}

// Whether it may be handed on. Its members are other systems' business.
bool is_valid_trace_state(std::string_view text) {
  return !text.empty() && text.size() <= kMostTraceState &&
         std::count(text.begin(), text.end(), ',') < kMostTraceStateMembers &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

}  // namespace

std::string TraceContext::to_traceparent() const {
  std::string text;
  text.reserve(kTraceparentLength);
  text += "00-";
  text += trace_id_hex();
  text += '-';
  text += span_id_hex();
  text += sampled ? "-01" : "-00";
  return text;
}

std::optional<TraceContext> TraceContext::parse(std::string_view text) {
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  std::optional<TraceContext> context;
  if (text.size() < kTraceparentLength || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return context;
  }
  context.emplace();
  if (!parse_hex(text, version) || !parse_hex(text.substr(3), context->trace_id) ||
      !parse_hex(text.substr(36), context->span_id) || !parse_hex(text.substr(53), flags)) {
    context.reset();
    return context;
  }
  // Versions to come may have more after a '-'; ff never will be one (3.2.2.1, 4.3).
  const bool ends_well =
      text.size() == kTraceparentLength || (version[0] != 0 && text[kTraceparentLength] == '-');
  if (version[0] == 0xff || !ends_well || is_zero(context->trace_id) || is_zero(context->span_id)) {
    context.reset();
    return context;
  }
  context->sampled = (flags[0] & 1) != 0;
  return context;
}

std::optional<TraceContext> TraceContext::from(const Metadata& metadata) {
  std::optional<std::string_view> parent;
  std::string state;
  bool has_state = false;
  for (const auto& [key, value] : metadata.entries()) {
    if (key == "traceparent") {
      if (parent) return std::nullopt;
      parent = value;
    } else if (key == "tracestate" && state.size() <= kMostTraceState) {
      // Several are one list (3.3.1).
      if (has_state) state += ',';
      state += std::string_view(value).substr(0, kMostTraceState + 1);
      has_state = true;
    }
  }
  if (!parent) return std::nullopt;
  std::optional<TraceContext> context = parse(*parent);
  if (context && is_valid_trace_state(state)) context->trace_state = std::move(state);
  return context;
}

std::optional<TraceContext> trace_context(const Metadata& metadata, const TypedState& state) {
  if (const auto* context = state.get<TraceContext>()) return *context;
  return TraceContext::from(metadata);
}

}  // namespace echostream
