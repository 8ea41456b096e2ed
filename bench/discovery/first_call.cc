// How long it takes from an announcement to the first call, and from a goodbye until others have
// seen it. bench/discovery/first_call.py runs the two roles on the two machines of scripts/lan,
// whose clocks are one.
//
//   echostream_bench_first_call camera    listens, announces; leaves when its input ends
//   echostream_bench_first_call viewer    looks for a camera, calls it, waits until it is gone
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "echostream/base/wait.h"
#include "echostream/discovery/advertiser.h"
#include "echostream/discovery/browser.h"
#include "echostream/discovery/mdns_resolver.h"
#include "echostream/known_peers.h"
#include "echostream/node.h"

#include "first_call.echostream.h"

namespace bench {
namespace {

namespace dns_sd = echostream::discovery;
using echostream::Call;
using echostream::Loop;
using echostream::Node;
using echostream::NodeOptions;
using echostream::Result;
using echostream::Status;
using echostream::Task;

constexpr char kTarget[] = "echostream+mdns:bench.discovery.v1.Camera";
constexpr char kService[] = "bench.discovery.v1.Camera";

// Seconds on the clock that both roles share.
void tell(const char* what, echostream::LocalTime at) {
  std::printf("%s %.6f\n", what, std::chrono::duration<double>(at.time_since_epoch()).count());
  std::fflush(stdout);
}

namespace v1 = bench::discovery::v1;

class Handler final : public v1::Camera::Handler {
 public:
  Task<Result<v1::LookReply>> Look(Call&, v1::LookRequest) override { co_return v1::LookReply(); }
};

Task<Status> end_of_input(Loop& loop) {
  echostream::WaitPoint ended;
  auto watch = loop.watch_fd(STDIN_FILENO, true, false, [&ended] { ended.notify_all(); });
  if (!watch) co_return watch.error();
  (void)co_await ended.wait();
  co_return Status::ok();
}

Task<Status> be_camera(Loop& loop) {
  NodeOptions options;
  auto identity = echostream::Identity::self_signed("camera", loop.wall_time());
  if (!identity) co_return identity.error();
  options.identity = *std::move(identity);
  Node node(loop, std::move(options));
  Status served = node.serve(std::make_shared<Handler>());
  if (!served.is_ok()) co_return served;
  auto address = node.listen("[::]:0");
  if (!address) co_return address.error();
  auto network = dns_sd::make_system_dns_sd(loop);
  const echostream::LocalTime began = loop.now();
  dns_sd::AnnounceOptions announcing;
  announcing.name = "camera";
  auto advertiser = dns_sd::announce(node, network, std::move(announcing));
  if (!advertiser) co_return advertiser.error();
  tell("announce", began);
  Status asked = co_await end_of_input(loop);
  if (!asked.is_ok()) co_return asked;
  tell("leave", loop.now());
  co_return Status::ok();
}

Task<Status> be_viewer(Loop& loop) {
  NodeOptions options;
  options.trust = echostream::Trust::known_peers(echostream::make_memory_known_peers(),
                                                 echostream::FirstUse::kAccept);
  options.handshake_timeout = std::chrono::seconds(30);
  Node node(loop, std::move(options));
  auto network = dns_sd::make_system_dns_sd(loop);
  Status added = node.add_resolver(dns_sd::make_mdns_resolver(loop, network));
  if (!added.is_ok()) co_return added;
  dns_sd::BrowseFilter filter;
  filter.service = kService;
  dns_sd::Browser browser(loop, network, std::move(filter));
  tell("look", loop.now());
  auto session = co_await node.connect(kTarget);
  if (!session) co_return session.error();
  auto client = session->client<v1::Camera>();
  v1::LookRequest request;
  auto reply = co_await client.Look(request);
  if (!reply) co_return reply.error();
  tell("called", loop.now());
  for (;;) {
    auto event = co_await browser.next();
    if (!event) co_return event.error();
    if (event->kind == dns_sd::NodeEvent::Kind::kGone) break;
  }
  tell("gone", loop.now());
  co_return Status::ok();
}

int run(std::string_view role) {
  if (role != "camera" && role != "viewer") {
    std::fputs("echostream_bench_first_call: say which role: camera or viewer\n", stderr);
    return 2;
  }
  auto loop = echostream::make_loop();
  if (!loop) {
    std::fprintf(stderr, "%s\n", loop.status().to_string().c_str());
    return 1;
  }
  const Status status =
      echostream::run(**loop, role == "camera" ? be_camera(**loop) : be_viewer(**loop));
  if (status.is_ok()) return 0;
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(role.size()), role.data(),
               status.to_string().c_str());
  return 1;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(argc == 2 ? argv[1] : ""); }
