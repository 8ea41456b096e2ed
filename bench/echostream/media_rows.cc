// Media frames: how old they are when they arrive, beside a bulk transfer and over a network that
// loses packets.
#include <utility>

#include "bench/echostream/client.h"
#include "bench/support/media.h"

namespace bench {

using echostream::Result;
using echostream::StatusCode;
using echostream::TaskGroup;

// Sends one frame each kFrameInterval over the stream, which it ends. Gives back the ages of those
// that arrived; `sent` counts all.
echostream::Task<Result<std::vector<double>>> Client::send_media(MediaStream stream,
                                                                 std::uint64_t& sent) {
  MediaFrames frames;
  v1::Blob frame;
  echostream::LocalTime due = node_.loop().now();
  Budget budget(options_);
  while (budget.take()) {
    frame.set_payload(frames.next());
    Status status = co_await stream.write(frame);
    if (!status.is_ok()) co_return status;
    ++sent;
    due += kFrameInterval;
    (void)co_await echostream::sleep_until(due);
  }
  auto reply = co_await stream.finish();
  if (!reply) co_return reply.error();
  if (reply->age_us().empty()) {
    co_return Status(StatusCode::kDataLoss, "no media frame arrived");
  }
  co_return std::vector<double>(reply->age_us().begin(), reply->age_us().end());
}

echostream::Task<void> Client::keep_uploading(const bool& stop, std::uint64_t& bytes,
                                              Status& failure) {
  v1::Blob blob;
  blob.set_payload(std::string(kBulkBytes, 'x'));
  auto stream = co_await stub().Upload();
  while (!stop && failure.is_ok()) failure = co_await stream.write(blob);
  if (!failure.is_ok()) co_return;
  auto received = co_await stream.finish();
  if (!received) {
    failure = received.error();
  } else {
    bytes = received->bytes();
  }
}

echostream::Task<echostream::Status> Client::media_beside_bulk() {
  Status status = co_await warm_up();
  if (!status.is_ok()) co_return status;
  std::uint64_t sent = 0;
  auto quiet_stream = co_await stub().MediaDatagram();
  auto quiet = co_await send_media(std::move(quiet_stream), sent);
  if (!quiet) co_return quiet.error();

  bool stop = false;
  std::uint64_t bulk_bytes = 0;
  TaskGroup bulk(node_.loop());
  bulk.spawn(keep_uploading(stop, bulk_bytes, status));
  sent = 0;
  Budget elapsed(options_);
  auto loud_stream = co_await stub().MediaDatagram();
  auto loud = co_await send_media(std::move(loud_stream), sent);
  stop = true;
  co_await bulk.join();
  if (!loud) co_return loud.error();
  if (!status.is_ok()) co_return status;

  const double quiet_p99 = percentile(*quiet, 0.99);
  const double loud_p99 = percentile(*loud, 0.99);
  report_.add(kMediaBesideBulk, "idle_p99_us", quiet_p99);
  report_.add(kMediaBesideBulk, "p99_us", loud_p99);
  report_.add(kMediaBesideBulk, "added_p99_us", loud_p99 - quiet_p99);
  report_.add(kMediaBesideBulk, "delivered",
              static_cast<double>(loud->size()) / static_cast<double>(sent));
  report_.add(kMediaBesideBulk, "bulk_mb_per_s",
              1e-6 * static_cast<double>(bulk_bytes) / elapsed.elapsed_seconds());
  co_return Status::ok();
}

echostream::Task<echostream::Status> Client::loss() {
  // A first call, so that the round trip is known; each of the streams then has the same start.
  auto usage = co_await stub().GetUsage(v1::UsageRequest());
  if (!usage) co_return usage.error();
  const char* const prefixes[] = {"datagram_", "expiring_", "reliable_"};
  for (const std::string prefix : prefixes) {
    std::optional<MediaStream> stream;
    if (prefix == "datagram_") {
      stream = co_await stub().MediaDatagram();
    } else if (prefix == "expiring_") {
      stream = co_await stub().MediaExpiring();
    } else {
      stream = co_await stub().MediaReliable();
    }
    std::uint64_t sent = 0;
    auto ages = co_await send_media(std::move(*stream), sent);
    if (!ages) co_return ages.error();
    report_.add(kLoss, prefix + "delivered",
                static_cast<double>(ages->size()) / static_cast<double>(sent));
    report_.add_times(kLoss, *ages, prefix);
  }
  co_return Status::ok();
}

}  // namespace bench
