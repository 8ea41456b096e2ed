// What an HTTP client writes for debugging: the key log and the qlog traces that its options, or
// the environment, ask for.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "echostream/loop.h"

#include "runtime/api/qlog_files.h"
#include "runtime/gateway/client/http_client.h"
#include "runtime/transport/quic_endpoint.h"

namespace echostream::gateway {

class ClientTraces {
 public:
  /// What cannot be opened is told as a warning, and left out. `loop` outlives it.
  ClientTraces(Loop& loop, const HttpClientOptions& options);
  ClientTraces(const ClientTraces&) = delete;
  ClientTraces& operator=(const ClientTraces&) = delete;

  /// Null when there is no key log.
  const std::shared_ptr<transport::KeyLogSink>& key_log() const noexcept { return key_log_; }
  /// For endpoints that this outlives.
  void apply_to(transport::QuicEndpoint::Options& endpoint);
  void warn(std::string text) { warn_soon_(std::move(text)); }

 private:
  void open_key_log(const std::string& path);

  std::shared_ptr<transport::KeyLogSink> key_log_;
  std::unique_ptr<internal::QlogFiles> qlog_;
  // From the ready queue: nothing of the program's runs inside the transport.
  std::function<void(std::string)> warn_soon_;
};

}  // namespace echostream::gateway
