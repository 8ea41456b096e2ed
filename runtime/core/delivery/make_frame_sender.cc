#include <algorithm>

#include "runtime/core/delivery/datagram_sender.h"
#include "runtime/core/delivery/expiring_sender.h"
#include "runtime/core/delivery/reliable_sender.h"

namespace echostream::core {

LocalTime expiry_of(LocalTime now, const FrameHeader& header, Duration max_age) {
  if (max_age <= Duration::zero()) return kNever;
  // Our own stamps are of our own clock; zero says that nobody knows.
  const LocalTime captured{header.capture_time.time_since_epoch()};
  const bool is_known = captured > LocalTime{} && captured < now;
  return deadline_after(is_known ? captured : now, max_age);
}

LocalTime FrameSender::deadline_of(LocalTime now, const FrameHeader& header,
                                   Duration max_age) const {
  return std::min(expiry_of(now, header, max_age), expiry_of(now, header, playout_limit_));
}

std::unique_ptr<FrameSender> make_frame_sender(Delivery delivery, const SenderContext& context) {
  switch (delivery) {
    case Delivery::kReliable:
      return std::make_unique<ReliableSender>(context);
    case Delivery::kExpiring:
      return std::make_unique<ExpiringSender>(context);
    case Delivery::kDatagram:
      return std::make_unique<DatagramSender>(context);
  }
  return nullptr;
}

}  // namespace echostream::core
