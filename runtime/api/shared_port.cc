#include "runtime/api/shared_port.h"

#include <utility>

namespace echostream::internal {

bool SharedPort::Batch::has_room_for(std::size_t size) const noexcept {
  return entries.size() < kMostWaitingDatagrams && bytes.size() + size <= kMostWaitingBytes;
}

void SharedPort::Batch::add(const ReceivedDatagram& datagram) {
  entries.push_back(
      {datagram.local, datagram.remote, datagram.ecn, datagram.received_at, datagram.data.size()});
  bytes.insert(bytes.end(), datagram.data.begin(), datagram.data.end());
}

void SharedPort::Batch::clear() noexcept {
  entries.clear();
  bytes.clear();
}

void SharedPort::join(std::size_t member, Executor& executor, UdpHandler& handler) {
  Mailbox& mailbox = mailboxes_[member];
  const std::lock_guard lock(mailbox.mutex);
  mailbox.executor = &executor;
  mailbox.handler = &handler;
}

void SharedPort::leave(std::size_t member) {
  Mailbox& mailbox = mailboxes_[member];
  const std::lock_guard lock(mailbox.mutex);
  mailbox.executor = nullptr;
  mailbox.handler = nullptr;
  mailbox.counts.forwarded -= mailbox.waiting.entries.size();
  mailbox.counts.dropped += mailbox.waiting.entries.size();
  mailbox.waiting.clear();
}

void SharedPort::forward(std::size_t owner, const ReceivedDatagram& datagram) {
  Mailbox& mailbox = mailboxes_[owner];
  // Held while posting: after leave() the executor may go away.
  const std::lock_guard lock(mailbox.mutex);
  if (mailbox.executor == nullptr || !mailbox.waiting.has_room_for(datagram.data.size())) {
    ++mailbox.counts.dropped;
    return;
  }
  ++mailbox.counts.forwarded;
  mailbox.waiting.add(datagram);
  // Those behind the first are covered by its wake-up.
  if (mailbox.waiting.entries.size() > 1) return;
  mailbox.executor->post([self = shared_from_this(), owner] { self->deliver(owner); });
}

void SharedPort::deliver(std::size_t member) {
  Mailbox& mailbox = mailboxes_[member];
  Batch batch;
  UdpHandler* handler = nullptr;
  {
    const std::lock_guard lock(mailbox.mutex);
    handler = mailbox.handler;
    batch = std::exchange(mailbox.waiting, std::exchange(mailbox.spare, {}));
  }
  // It left, on this thread, and left nothing behind.
  if (handler == nullptr || batch.entries.empty()) return;
  BytesView rest = batch.bytes;
  for (const Batch::Entry& entry : batch.entries) {
    handler->handle_datagram(
        {entry.local, entry.remote, entry.ecn, entry.received_at, rest.first(entry.size)});
    rest = rest.subspan(entry.size);
  }
  handler->handle_batch_end();
  batch.clear();
  const std::lock_guard lock(mailbox.mutex);
  mailbox.spare = std::move(batch);
}

SharedPort::Counts SharedPort::counts(std::size_t member) const {
  const Mailbox& mailbox = mailboxes_[member];
  const std::lock_guard lock(mailbox.mutex);
  return mailbox.counts;
}

}  // namespace echostream::internal
