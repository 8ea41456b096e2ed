// Requests and responses of an HTTP client.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "echostream/base/bytes.h"
#include "echostream/base/task.h"
#include "echostream/base/time.h"

#include "runtime/http3/fields.h"

namespace echostream::gateway {

/// What is asked of a server. The client adds ":scheme", ":authority" and, for a whole body,
/// "content-length".
class HttpRequest {
 public:
  HttpRequest() = default;
  HttpRequest(std::string method_in, std::string path_in)
      : method(std::move(method_in)), path(std::move(path_in)) {}

  std::string method = "GET";
  /// With the query: "/robots?name=r1".
  std::string path = "/";
  /// Names in lower case; no pseudo-headers.
  http3::Fields fields;
  /// All of it, unless `streams_body`.
  Buffer body;
  /// More follows by HttpExchange::write() until finish().
  bool streams_body = false;
  /// For the request and all of its response, waiting for a free stream included. Unset: no limit
  /// but the deadline of the call that the asking task works for.
  std::optional<Duration> timeout;
};
static_assert(kSafeInAwait<HttpRequest>);

/// The beginning of a response; interim ones (1xx) are never seen.
class HttpHead {
 public:
  HttpHead() = default;

  int status = 0;
  /// Without ":status".
  http3::Fields fields;
};
static_assert(kSafeInAwait<HttpHead>);

/// A whole one.
class HttpResponse {
 public:
  HttpResponse() = default;

  int status = 0;
  http3::Fields fields;
  Buffer body;
  http3::Fields trailers;
};
static_assert(kSafeInAwait<HttpResponse>);

}  // namespace echostream::gateway
