#include "runtime/core/delivery/datagram_sender.h"
#include "runtime/core/delivery/expiring_sender.h"
#include "runtime/core/delivery/reliable_sender.h"

namespace echostream::core {

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
