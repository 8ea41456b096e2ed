#include "runtime/plugins/auth_token/remembering.h"

#include <algorithm>
#include <charconv>

namespace echostream::auth_token {

std::optional<std::int64_t> number_in(const Metadata& metadata, std::string_view key) {
  constexpr std::int64_t kMost = std::int64_t{1} << 53;
  std::optional<std::string_view> text;
  for (const auto& [name, value] : metadata.entries()) {
    if (name != key) continue;
    if (text) return std::nullopt;  // which one is meant?
    text = value;
  }
  if (!text) return std::nullopt;
  std::int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || rest != end || number < 1 || number > kMost) return std::nullopt;
  return number;
}

bool KeptPrincipal::keep(Peer peer, std::int64_t number, LocalTime until) {
  if (number < number_) return false;
  peer_ = std::move(peer);
  number_ = number;
  until_ = until;
  again_until_ = LocalTime::min();
  allowed_ = nullptr;
  return true;
}

const KeptPrincipal::Peer& KeptPrincipal::find(LocalTime now, WallTime expired) {
  if (peer_ && (now >= until_ || (peer_->expires && *peer_->expires <= expired))) {
    peer_ = nullptr;
    allowed_ = nullptr;
  }
  again_until_ = peer_ ? std::min(until_, deadline_after(now, std::chrono::seconds(1))) : now;
  return peer_;
}

const std::pair<const MethodInfo*, bool>* KeptByPeer::find(const MethodInfo& method) const {
  for (const auto& known : methods_) {
    if (known.first == &method) return &known;
  }
  return nullptr;
}

KeptByPeer::Way KeptByPeer::way_of(const MethodInfo& method, std::int64_t number,
                                   LocalTime now) const {
  if (number != number_) return Way::kAsk;
  const auto* known = find(method);
  if (known == nullptr) return methods_.size() < kMostMethods ? Way::kAsk : Way::kShow;
  if (!known->second) return Way::kShow;
  return now < until_ ? Way::kRely : Way::kAsk;
}

void KeptByPeer::handle_answer(const MethodInfo& method, std::int64_t number,
                               std::optional<LocalTime> until) {
  if (number < number_) return;
  if (number > number_) {
    number_ = number;
    until_ = LocalTime{};
    methods_.clear();
  }
  if (until) until_ = std::max(until_, *until);
  const auto* known = find(method);
  if (known != nullptr) {
    methods_[static_cast<std::size_t>(known - methods_.data())].second = until.has_value();
  } else if (methods_.size() < kMostMethods) {
    methods_.emplace_back(&method, until.has_value());
  }
}

}  // namespace echostream::auth_token
