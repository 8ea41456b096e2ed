// One HTTP request and its response, as one call: Connect, gRPC and gRPC-Web over HTTP, in words
// that the session's engine knows. Bytes in, bytes out: no network, no clock, no schema.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "echostream/base/block_pool.h"
#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/metadata.h"
#include "echostream/method.h"

#include "runtime/base/pooled_allocator.h"
#include "runtime/http3/fields.h"

namespace echostream::gateway {

/// Messages, or the pieces of one.
using Buffers = PooledVector<Buffer>;

/// How a request talks.
enum class Protocol : std::uint8_t {
  kConnectUnary,   // POST, the body is the message (connectrpc.com/docs/protocol)
  kConnectGet,     // GET, the message is in the query
  kConnectStream,  // enveloped messages, the end in a last envelope
  kGrpc,           // the same envelopes, the end in trailers
  kGrpcWeb,        // the end in a last envelope
  kGrpcWebText,    // the same in base64
};

/// What messages are written in.
enum class Codec : std::uint8_t { kProto, kJson };
enum class Compression : std::uint8_t { kNone, kGzip };

/// What the head of a request says.
struct RequestHead {
  Protocol protocol = Protocol::kConnectUnary;
  Codec codec = Codec::kProto;
  Compression compression = Compression::kNone;           // of the messages that come
  Compression response_compression = Compression::kNone;  // the best one that the client takes
  PooledString method;                                    // "acme.v1.Robot/Grip"
  Duration timeout{};                                     // zero: none was told
  Metadata metadata;
  std::optional<Buffer> message;  // kConnectGet: what the query holds
};

/// A whole response, or a part of one: `head` comes once and first, `body` may be empty, and
/// `trailers` are set by what is the end of a response that has some.
struct ResponsePart {
  http3::Fields head;
  Buffers body;
  http3::Fields trailers;
  bool is_end = false;
};

/// Limits and allowances that all requests share.
struct GatewayRules {
  /// One message, as it comes and unpacked.
  std::size_t max_message_bytes = 1024 * 1024;
  std::size_t max_metadata_bytes = 8 * 1024;
  /// Answers of at least that many bytes are compressed for clients that take gzip.
  std::size_t compress_from_bytes = 1024;
  /// "https://console.example" each; "*" allows any page. Empty: no page of another origin; nor
  /// may one link to a GET. Pages of listed origins may send cookies and use client certificates;
  /// "*" does not allow that.
  std::vector<std::string> allowed_origins;
  /// Names (without port) that ":authority" may have, against DNS rebinding; empty: any.
  std::vector<std::string> allowed_hosts;
};

/// What a head asks for: a call, or an answer that needs no call (a refusal, a CORS preflight).
std::variant<RequestHead, ResponsePart> read_head(const http3::Fields& head,
                                                  const GatewayRules& rules);

/// Why nothing may be answered to a head for that host (400, 421); nullopt when it may. Part of
/// read_head(), for what is served beside calls.
std::optional<ResponsePart> refuse_host(const http3::Fields& head, const GatewayRules& rules);

/// Cuts the body of a request into messages, unpacked and still in the codec of the request. Holds
/// at most one message. A GET has its message in the head, and none here.
class RequestBody : public internal::PooledObject {
 public:
  virtual ~RequestBody() = default;
  /// Adds what is complete to `messages`. An error ends the request, and is what to answer.
  virtual Status feed(BytesView data, Buffers& messages) = 0;
  /// As feed(), but stops behind a message; `data` keeps what is left. A KiB of gzip can hold a
  /// MiB: who has no room for more messages keeps the bytes instead. (Of gRPC-Web's text up to 1
  /// KiB is taken at once, whatever is in it.)
  virtual Status feed_some(BytesView& data, Buffers& messages) {
    return feed(std::exchange(data, {}), messages);
  }
  /// The body is complete.
  virtual Status finish(Buffers& messages) = 0;
  virtual std::size_t held_bytes() const = 0;
};
std::unique_ptr<RequestBody> make_request_body(const RequestHead& head, const GatewayRules& rules);

/// Makes the response of a request that became a call. Parts come in the order of the calls; an
/// answer of the unary kind has all its parts in that of end().
class ResponseMaker : public internal::PooledObject {
 public:
  virtual ~ResponseMaker() = default;
  /// Once, before the first message; left out when the call ends without one.
  virtual ResponsePart begin(const Metadata& metadata) = 0;
  /// `message` is in the codec of the request.
  virtual ResponsePart message(Buffer message) = 0;
  /// How the call ended. `metadata`: the trailing one.
  virtual ResponsePart end(const Status& status, const Metadata& metadata) = 0;
};
/// `origin`: what the request's "origin" says, for CORS; may be empty.
std::unique_ptr<ResponseMaker> make_response(const RequestHead& head, const GatewayRules& rules,
                                             std::string origin);

/// Why the method does not take such a request: a unary request for a stream (415), a GET of what
/// has side effects (405), and their like; nullopt when it does.
std::optional<ResponsePart> refuse_method(const RequestHead& head, const MethodInfo& method,
                                          const GatewayRules& rules, std::string origin);

/// The answer when nobody serves the method, in the request's protocol: `why` (UNIMPLEMENTED),
/// which is a 404 for Connect's unary requests.
ResponsePart refuse_unknown_method(const RequestHead& head, const Status& why,
                                   const GatewayRules& rules, std::string origin);

}  // namespace echostream::gateway
