// The benchmark's rows over ZeroC Ice with its ssl transport.
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "Bench.h"
#include "bench/peers/ice/communicator.h"
#include "bench/support/peer.h"

namespace bench::ice {
namespace {

using Piece = std::pair<const Ice::Byte*, const Ice::Byte*>;
using Proxy = std::shared_ptr<slice::WorkPrx>;

// Small messages that go out with one write.
constexpr std::uint64_t kBatch = 64;

// Keeps calls out, each next one started by the thread that brings a reply.
class Callers {
 public:
  Callers(Proxy proxy, Piece payload, Budget& budget)
      : proxy_(std::move(proxy)), payload_(payload), budget_(budget) {}

  Failure run(std::size_t outstanding, std::uint64_t& done) {
    for (std::size_t i = 0; i < outstanding; ++i) start_next();
    std::unique_lock lock(mutex_);
    none_out_.wait(lock, [this] { return out_ == 0; });
    done += done_;
    return failure_;
  }

 private:
  void start_next() {
    {
      const std::lock_guard lock(mutex_);
      if (!failure_.empty() || !budget_.take()) return;
      ++out_;
    }
    proxy_->echoAsync(
        payload_,
        [this](const slice::Bytes& reply) {
          handle_end(is_same(reply) ? "" : "the reply is not what was sent");
        },
        [this](std::exception_ptr error) { handle_error(error); });
  }

  bool is_same(const slice::Bytes& reply) const {
    return std::equal(reply.begin(), reply.end(), payload_.first, payload_.second);
  }

  void handle_error(std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      handle_end(exception.what());
    }
  }

  void handle_end(const Failure& failure) {
    if (!failure.empty()) {
      const std::lock_guard lock(mutex_);
      failure_ = failure;
    } else {
      start_next();
    }
    const std::lock_guard lock(mutex_);
    if (failure.empty()) ++done_;
    if (--out_ == 0) none_out_.notify_all();
  }

  const Proxy proxy_;
  const Piece payload_;
  std::mutex mutex_;
  std::condition_variable none_out_;
  Budget& budget_;
  std::size_t out_ = 0;
  std::uint64_t done_ = 0;
  Failure failure_;
};

class IcePeer final : public Peer {
 public:
  explicit IcePeer(const ClientOptions& options)
      : communicator_(make_communicator(options.credential, "")),
        proxy_(Ice::uncheckedCast<slice::WorkPrx>(
            communicator_->stringToProxy("bench:" + endpoint_of(options.connect)))),
        payload_(kBulkBytes, 'x') {}

  bool has(const std::string& row) const override {
    return row != kMediaBesideBulk && row != kLoss && row != kGrowth;
  }

  Failure echo() override { return call(proxy_); }

  Failure echo_many(std::size_t outstanding, Budget& budget, std::uint64_t& done) override {
    Callers callers(proxy_, piece(kUnaryBytes), budget);
    return callers.run(outstanding, done);
  }

  Failure upload(std::size_t bytes, Budget& budget, std::uint64_t& sent) override {
    const auto before = proxy_->count().messages;
    // Large messages gain nothing from being gathered.
    const bool gathers = bytes * kBatch <= 256 * 1024;
    const Proxy oneway = gathers ? proxy_->ice_batchOneway() : proxy_->ice_oneway();
    while (budget.take()) {
      oneway->write(piece(bytes));
      if (++sent % kBatch == 0 && gathers) oneway->ice_flushBatchRequests();
    }
    if (gathers) oneway->ice_flushBatchRequests();
    const auto counted = static_cast<std::uint64_t>(proxy_->count().messages - before);
    return counted == sent ? "" : "the server counted other messages than were sent";
  }

  Failure usage(ServerUsage& usage) override {
    const slice::Usage reply = proxy_->getUsage();
    usage = {reply.cpuSeconds, static_cast<double>(reply.residentBytes)};
    return {};
  }

  Failure echo_on_new_connection(bool hold) override {
    const Proxy proxy = proxy_->ice_connectionId(Ice::generateUUID());
    Failure failure = call(proxy);
    if (hold) {
      held_.push_back(proxy);
    } else if (const auto connection = proxy->ice_getCachedConnection()) {
      connection->close(Ice::ConnectionClose::Gracefully);
    }
    return failure;
  }

 private:
  Piece piece(std::size_t bytes) const { return {payload_.data(), payload_.data() + bytes}; }

  Failure call(const Proxy& proxy) const {
    const Piece sent = piece(kUnaryBytes);
    const slice::Bytes reply = proxy->echo(sent);
    return std::equal(reply.begin(), reply.end(), sent.first, sent.second)
               ? ""
               : "the reply is not what was sent";
  }

  Ice::CommunicatorHolder communicator_;
  Proxy proxy_;
  slice::Bytes payload_;
  std::vector<Proxy> held_;
};

std::unique_ptr<Peer> make(const ClientOptions& options, Failure&) {
  return std::make_unique<IcePeer>(options);
}

}  // namespace
}  // namespace bench::ice

int main(int argc, char** argv) {
  const bench::ClientProgram program{"echostream_bench_ice_client", "--certificate",
                                     "FILE, the server's certificate (PEM)"};
  // Ice reports by exceptions.
  try {
    return bench::run_peer(argc, argv, program, "ice", bench::ice::make);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "echostream_bench_ice_client: %s\n", exception.what());
  }
  return 1;
}
