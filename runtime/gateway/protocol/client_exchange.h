// The other end of an exchange, for a program that calls a server of Connect, gRPC or gRPC-Web:
// what to send, and what comes back. Bytes in, bytes out, as exchange.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/status.h"
#include "echostream/base/time.h"
#include "echostream/metadata.h"

#include "runtime/gateway/protocol/exchange.h"
#include "runtime/http3/fields.h"

namespace echostream::gateway {

struct ClientCall {
  Protocol protocol = Protocol::kConnectUnary;  // any but kConnectGet
  Codec codec = Codec::kProto;
  std::string method;     // "acme.v1.Robot/Grip"
  std::string authority;  // "console.example:4433"
  Duration timeout{};     // zero: none is told
  Metadata metadata;      // entries that fields cannot carry are left out
  /// Of the messages that are sent. Connect's unary ones are sent as they are.
  Compression compression = Compression::kNone;
};

/// The head of the request. Answers may be packed with gzip.
http3::Fields make_request_head(const ClientCall& call);
/// One message, as the body carries it. `message` is in the call's codec.
Buffers make_request_message(const ClientCall& call, Buffer message);

/// Reads the answer. on_head() first, feed() for the body, on_trailers() if some come, finish() at
/// the end. Once a call has returned an error nothing more has to be fed, and that error is how the
/// call ended. Holds one message at most.
class ResponseReader {
 public:
  virtual ~ResponseReader() = default;
  virtual Status on_head(const http3::Fields& head) = 0;
  /// Adds what is complete to `messages`, unpacked and in the call's codec.
  virtual Status feed(BytesView data, Buffers& messages) = 0;
  virtual Status on_trailers(const http3::Fields& trailers) = 0;
  /// The answer is complete. How the call ended, as the server says; INTERNAL or UNKNOWN where it
  /// does not say.
  virtual Status finish(Buffers& messages) = 0;
  virtual std::size_t held_bytes() const = 0;

  /// Valid from on_head() on; the trailing one at the end. Both are kept when the call failed.
  const Metadata& metadata() const { return metadata_; }
  const Metadata& trailing_metadata() const { return trailing_metadata_; }

 protected:
  Metadata metadata_;
  Metadata trailing_metadata_;
};
std::unique_ptr<ResponseReader> make_response_reader(const ClientCall& call,
                                                     std::size_t max_message_bytes,
                                                     std::size_t max_metadata_bytes);

}  // namespace echostream::gateway
