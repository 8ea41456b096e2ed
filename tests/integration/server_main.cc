// The server process of the integration tests: serves Lab until SIGTERM, then drains.
//   integration-server ADDRESS IDLE_TIMEOUT_MS
//       [IDENTITY_FILE [THREADS] | CHAIN_FILE KEY_FILE CLIENT_CA_FILE]
// With one file it is who that file says, or writes there who it is, to be the same after a
// restart. With three: that certificate, and clients must show one of that CA's.
// Writes "listening ADDRESS FINGERPRINT" once it does, and what it did at the end.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "echostream/node_pool.h"

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

Task<void> publish(LabHandler& handler) {
  for (std::int64_t number = 0;; ++number) {
    lab::v1::Text event = text("news");
    event.set_number(number);
    handler.PublishNews(event);
    (void)co_await sleep_for(10ms);
  }
}

Task<void> serve_until(Node& node, WaitPoint& stop, std::shared_ptr<LabHandler> handler) {
  TaskGroup publishing(node.loop());
  publishing.spawn(publish(*handler));
  (void)co_await stop.wait();
  co_await node.shutdown(10s);
}

int fail(const Status& status) {
  std::cerr << "integration-server: " << status << '\n';
  return 1;
}

Result<Identity> identity_of(const std::vector<std::string>& files, WallTime now) {
  if (files.size() == 3) return Identity::from_pem_files(files[0], files[1]);
  if (files.empty()) return Identity::self_signed("server", now);
  const std::string& file = files.front();
  if (std::filesystem::exists(file)) return Identity::from_pem_files(file, file);
  auto made = Identity::self_signed("server", now);
  if (made) std::ofstream(file) << made->certificate_chain_pem() << made->private_key_pem();
  return made;
}

int serve(const std::string& address, Duration idle_timeout,
          const std::vector<std::string>& files) {
  auto loop = make_loop();
  if (!loop) return fail(loop.error());
  auto identity = identity_of(files, (*loop)->wall_time());
  if (!identity) return fail(identity.error());
  NodeOptions options;
  if (files.size() == 3) {
    auto trust = Trust::certificate_authorities_file(files[2]);
    if (!trust) return fail(trust.error());
    options.client_trust = *trust;
  }
  options.identity = *identity;
  options.idle_timeout = idle_timeout;
  Node node(**loop, std::move(options));
  auto handler = std::make_shared<LabHandler>();
  if (Status status = node.serve(handler); !status.is_ok()) return fail(status);
  auto bound = node.listen(address);
  if (!bound) return fail(bound.error());
  WaitPoint stop;
  auto signals = (*loop)->watch_stop_signals([&stop](int) { stop.notify_all(); });
  if (!signals) return fail(signals.error());
  std::cout << "listening " << bound->to_string() << ' ' << identity->fingerprint().to_string()
            << std::endl;
  run(**loop, serve_until(node, stop, handler));
  std::cout << "started " << handler->started << " cancelled " << handler->cancelled << " notes "
            << handler->notes.size() << std::endl;
  return 0;
}

// The same on several threads, each with a handler of its own; this one waits for the signal.
int serve_pool(const std::string& address, Duration idle_timeout,
               const std::vector<std::string>& files, std::size_t threads) {
  auto loop = make_loop();
  if (!loop) return fail(loop.error());
  auto identity = identity_of(files, (*loop)->wall_time());
  if (!identity) return fail(identity.error());
  NodePoolOptions options;
  options.threads = threads;
  options.node.identity = *identity;
  options.node.idle_timeout = idle_timeout;
  auto pool = NodePool::make(std::move(options));
  if (!pool) return fail(pool.error());
  std::vector<std::shared_ptr<LabHandler>> handlers(threads);
  Status served = (*pool)->serve(
      [&](std::size_t thread) { return handlers.at(thread) = std::make_shared<LabHandler>(); });
  if (!served.is_ok()) return fail(served);
  auto bound = (*pool)->listen(address);
  if (!bound) return fail(bound.error());
  (*pool)->for_each(
      [&](std::size_t thread, Node& node) { node.tasks().spawn(publish(*handlers.at(thread))); });
  auto signals = (*loop)->watch_stop_signals([&](int) { (*loop)->stop(); });
  if (!signals) return fail(signals.error());
  std::cout << "listening " << bound->to_string() << ' ' << identity->fingerprint().to_string()
            << std::endl;
  (*loop)->run();
  Status ended = (*pool)->shutdown(10s);
  if (!ended.is_ok()) return fail(ended);
  int started = 0;
  for (const auto& handler : handlers) started += handler->started;
  std::uint64_t forwarded = 0;
  for (const NodePoolStats& stats : (*pool)->stats()) forwarded += stats.datagrams_forwarded;
  std::cout << "started " << started << " forwarded " << forwarded << std::endl;
  return 0;
}

}  // namespace
}  // namespace echostream::testing

int main(int argument_count, char** arguments) {
  if (argument_count < 3 || argument_count > 6) return 2;
  const std::chrono::milliseconds idle_timeout(std::atoi(arguments[2]));
  if (argument_count == 5) {
    return echostream::testing::serve_pool(arguments[1], idle_timeout,
                                           {arguments + 3, arguments + 4},
                                           static_cast<std::size_t>(std::atoi(arguments[4])));
  }
  return echostream::testing::serve(arguments[1], idle_timeout,
                                    {arguments + 3, arguments + argument_count});
}
