// Requests of HTTP/1.1 (RFC 9112) out of bytes, on llhttp in its strict mode, and what that leaves
// open. One request at a time; no sockets, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "echostream/base/bytes.h"

#include "runtime/http3/fields.h"

namespace echostream::http1 {

/// A request's head as HTTP/3 would have it: ":method", ":scheme", ":path", ":authority" (where a
/// host was named), then the other fields but for those of the connection itself.
struct RequestHead {
  http3::Fields fields;
  bool is_http_1_0 = false;
  bool keeps_alive = false;
  bool expects_continue = false;
  bool has_body = false;
};

class RequestParser {
 public:
  enum class State : std::uint8_t { kNothing, kHead, kBody, kComplete, kFailed };
  /// Called from inside feed().
  class Events {
   public:
    virtual void on_request_head(RequestHead head) = 0;
    virtual void on_request_body(BytesView data) = 0;
    virtual void on_request_end() = 0;

   protected:
    ~Events() = default;
  };
  /// What is wrong with a request: the status to answer, and why.
  struct Problem {
    int status = 0;
    std::string text;
  };

  /// `max_head_bytes`: as RFC 9114 4.2.2 counts, of the head with its target; trailers count too.
  RequestParser(std::size_t max_head_bytes, Events& events);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Reads up to the end of the request; how many bytes that were. The rest is the next one's.
  std::size_t feed(BytesView bytes);
  State state() const;
  /// In kFailed.
  const Problem& problem() const;
  /// In kComplete: another request may come.
  void start_next();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream::http1
