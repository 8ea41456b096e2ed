// Our one-way events: one stream for each priority, opened with the first event that has it.
#pragma once

#include <map>

#include "echostream/base/bytes.h"
#include "echostream/base/status.h"
#include "echostream/limits.h"
#include "echostream/method.h"

#include "runtime/core/frame/frames.h"
#include "runtime/core/session/transport_port.h"

namespace echostream::core {

class EventSender {
 public:
  EventSender(TransportPort& transport, const Limits& limits)
      : transport_(transport), limits_(limits) {}

  /// Sends the event behind those sent before with the same priority. UNAVAILABLE when there is no
  /// stream for it.
  Status send(LocalTime now, const MethodInfo& method, const Metadata& metadata,
              const Buffer& message);
  bool is_writable(Priority priority) const;
  bool all_sent() const;
  /// The peer stopped a stream; true when it was one of ours. The next event opens another.
  bool handle_stop_sending(StreamId id);

 private:
  StreamId stream_for(Priority priority);

  TransportPort& transport_;
  const Limits& limits_;
  std::map<Priority, StreamId> streams_;
};

}  // namespace echostream::core
