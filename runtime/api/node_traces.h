// What a node writes for debugging: the key log and the qlog traces that NodeOptions, or the
// environment, ask for.
#pragma once

#include <memory>
#include <string>

#include "echostream/loop.h"

#include "runtime/api/node_context.h"
#include "runtime/api/qlog_files.h"
#include "runtime/transport/quic_endpoint.h"

namespace echostream::internal {

class NodeTraces {
 public:
  /// What cannot be opened is logged, and left out. `loop` and `context` outlive it.
  NodeTraces(Loop& loop, NodeContext& context);
  NodeTraces(const NodeTraces&) = delete;
  NodeTraces& operator=(const NodeTraces&) = delete;

  /// For TlsContexts; null when there is no key log. May outlive the node, on other threads.
  const std::shared_ptr<transport::KeyLogSink>& key_log() const noexcept { return key_log_; }
  /// For endpoints that this outlives.
  void apply_to(transport::QuicEndpoint::Options& endpoint);

 private:
  void open_key_log(const std::string& path, const char* asked_by);
  void log_soon(LogLevel level, std::string text);

  Loop& loop_;
  NodeContext& context_;
  std::shared_ptr<transport::KeyLogSink> key_log_;
  std::unique_ptr<QlogFiles> qlog_;
  // Expires with this: threads that share the key log report to its loop.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace echostream::internal
