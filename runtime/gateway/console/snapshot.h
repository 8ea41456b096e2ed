// Makes what a node is doing at the moment a message.
#pragma once

#include <memory>

#include "echostream/console.echostream.h"
#include "echostream/node.h"

#include "runtime/gateway/console/running_streams.h"

namespace echostream::gateway {

class SnapshotMaker {
 public:
  /// The node outlives it.
  SnapshotMaker(Node& node, std::shared_ptr<RunningStreams> streams) noexcept
      : node_(node), streams_(std::move(streams)) {}

  console::v1::Snapshot make(LocalTime now);

 private:
  void add_session(console::v1::Session& out, const Session& session, LocalTime now);
  void add_stream(console::v1::Stream& out, std::uint64_t id, const RunningStream& stream,
                  LocalTime now);
  std::uint64_t id_of(const Session& session);

  Node& node_;
  const std::shared_ptr<RunningStreams> streams_;
  std::uint64_t last_session_ = 0;
};

}  // namespace echostream::gateway
