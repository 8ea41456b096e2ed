// Answers to requests that are no call of any protocol: a person's browser sees them as well as a
// client does.
#pragma once

#include <string>

#include "runtime/gateway/protocol/exchange.h"

namespace echostream::gateway {

/// The HTTP status, `extra` fields, and Connect's JSON of the error as the body.
ResponsePart refuse(int http_status, const Status& status, const http3::Fields& extra = {});

/// 405: the method of HTTP is none of `allowed`.
ResponsePart refuse_verb(const std::string& allowed);
/// 415, and what would be taken instead (empty: not said).
ResponsePart refuse_content_type(std::string message, const std::string& accepted);

}  // namespace echostream::gateway
