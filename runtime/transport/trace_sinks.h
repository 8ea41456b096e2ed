// What connections tell for debugging: their secrets and a trace of what they do. Whoever makes the
// endpoint decides where it goes; the transport opens no files.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "echostream/base/bytes.h"

namespace echostream::transport {

/// Gets the secrets of all connections of the TlsContexts that it was given to, which keep it: with
/// them a capture can be decrypted. Called on the threads of all these connections.
class KeyLogSink {
 public:
  virtual ~KeyLogSink() = default;
  /// A line in NSS key log format, without its end.
  virtual void on_key_log(std::string_view line) = 0;
};

/// The qlog trace of one connection (draft-ietf-quic-qlog-main-schema): a sequence of JSON records
/// (RFC 7464). Lives on the connection's thread, and not longer than the connection does.
class QlogSink {
 public:
  virtual ~QlogSink() = default;
  /// One record: from its record separator to its line feed.
  virtual void on_qlog(BytesView record) = 0;
};

/// What a trace is called: both ends know the connection by the first id that the client sent to.
struct QlogName {
  std::string original_id;  // hexadecimal
  bool is_server = false;
};

}  // namespace echostream::transport
