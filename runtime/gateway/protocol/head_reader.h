// Reads the heads of one connection's requests. Clients call the same methods again and again, with
// the same head: what a head says is remembered.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <variant>

#include "runtime/gateway/protocol/exchange.h"
#include "runtime/http3/fields.h"

namespace echostream::gateway {

class HeadReader {
 public:
  /// The rules outlive it, and do not change.
  explicit HeadReader(const GatewayRules& rules) : rules_(rules) {}

  using Read = std::variant<std::shared_ptr<const RequestHead>, ResponsePart>;
  /// As read_head().
  Read read(const http3::Fields& head);

 private:
  struct Known {
    http3::Fields head;
    std::shared_ptr<const RequestHead> request;
  };
  static constexpr std::size_t kMostKnown = 4;

  bool has_fitting_length(const http3::Fields& head) const;

  const GatewayRules& rules_;
  std::array<Known, kMostKnown> known_;
  std::size_t next_ = 0;  // to be replaced
};

}  // namespace echostream::gateway
