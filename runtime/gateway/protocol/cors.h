// What pages of other origins may do (fetch.spec.whatwg.org, "CORS protocol").
#pragma once

#include <string>
#include <string_view>

#include "echostream/base/status.h"

#include "runtime/gateway/protocol/exchange.h"

namespace echostream::gateway {

/// Whether whoever sends the request may: no page, or one of an origin that is listed, or our own,
/// which is that of `authority` over https. Browsers tell no origin when they get what a page shows
/// or links to, but where that page is from ("sec-fetch-site").
bool is_allowed_sender(const http3::Fields& head, std::string_view authority,
                       const GatewayRules& rules);

/// INVALID_ARGUMENT for what no browser calls an origin, as with a path: no page would ever be let
/// in by it.
Status check_allowed_origin(std::string_view origin);

/// What an answer tells the browser. Pages of listed origins may send cookies and use client
/// certificates; what "*" lets in may not.
class CorsGrant {
 public:
  /// `origin` is empty when the request had none.
  CorsGrant(const GatewayRules& rules, std::string_view origin);
  /// The fields that grant; what `head` has besides is what the page gets to see, so this is last.
  void add_to(http3::Fields& head) const;
  /// Only those that let the page in, for a preflight.
  void add_origin_to(http3::Fields& head) const;

 private:
  std::string origin_;  // empty: nothing is granted
  bool is_listed_ = false;
  bool varies_ = false;
};

bool is_preflight(const http3::Fields& head);
/// Of an allowed origin.
ResponsePart answer_preflight(const http3::Fields& head, const GatewayRules& rules);

}  // namespace echostream::gateway
