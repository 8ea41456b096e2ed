// The head of a response of HTTP/1.1 (RFC 9112 4 and 5).
#pragma once

#include <string>
#include <string_view>

#include "runtime/http3/fields.h"

namespace echostream::http1 {

/// `head` as HTTP/3 has it, with ":status" first; `more` ends it: fields of this connection, in
/// the order given. Fields that would break out of their line are left out.
std::string write_response_head(const http3::Fields& head, const http3::Fields& more);

/// No body follows, and no length of one (RFC 9110 6.4.1).
bool has_no_body(std::string_view status);

}  // namespace echostream::http1
