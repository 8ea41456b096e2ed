#include "echostream/node_stats.h"

namespace echostream {

std::string_view to_string(Misbehaviour kind) {
  switch (kind) {
    case Misbehaviour::kUselessPackets:
      return "useless_packets";
    case Misbehaviour::kBrokenStreams:
      return "broken_streams";
    case Misbehaviour::kConnectionIds:
      return "connection_ids";
    case Misbehaviour::kPaths:
      return "paths";
    case Misbehaviour::kKeyUpdates:
      return "key_updates";
    case Misbehaviour::kMemory:
      return "memory";
    case Misbehaviour::kProtocol:
      return "protocol";
    case Misbehaviour::kLimit:
      return "limit";
  }
  return "unknown";
}

}  // namespace echostream
