#include "runtime/gateway/protocol/head_reader.h"

#include <memory>
#include <string_view>
#include <utility>

#include "runtime/gateway/protocol/field_values.h"

namespace echostream::gateway {
namespace {

constexpr std::string_view kLength = "content-length";
// Larger heads cost more memory than time.
constexpr std::size_t kMostRememberedBytes = 1024;

}  // namespace

HeadReader::Read HeadReader::read(const http3::Fields& head) {
  for (const Known& known : known_) {
    if (!known.head.empty() && known.head == head) return known.request;
  }
  if (has_fitting_length(head)) {
    for (const Known& known : known_) {
      if (!known.head.empty() && known.head.equals_except(kLength, head)) return known.request;
    }
  }
  auto read = read_head(head, rules_);
  auto* answer = std::get_if<ResponsePart>(&read);
  if (answer != nullptr) return std::move(*answer);
  auto request = std::make_shared<const RequestHead>(std::move(std::get<RequestHead>(read)));
  // The query of a GET has its message.
  if (!request->message && head.byte_size() <= kMostRememberedBytes) {
    known_[next_] = {head, request};
    next_ = (next_ + 1) % kMostKnown;
  }
  return request;
}

// The only field that differs from message to message; read_head() says what is wrong with it.
bool HeadReader::has_fitting_length(const http3::Fields& head) const {
  const std::string_view text = head.get(kLength);
  if (text.empty()) return !head.has(kLength);
  const long long length = parse_digits(text, 18);
  return length >= 0 && static_cast<unsigned long long>(length) <= rules_.max_message_bytes;
}

}  // namespace echostream::gateway
