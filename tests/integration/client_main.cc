// The client process of the integration tests.
//   integration-client SCENARIO ADDRESS FINGERPRINT IDLE_TIMEOUT_MS [CHAIN_FILE KEY_FILE CA_FILE]
// With files: shows that certificate, and trusts that CA instead of the fingerprint.
// Exit code 0 and "ok ..." when the scenario went as it should; otherwise it says what did not.
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using lab::v1::Count;
using lab::v1::Filter;
using lab::v1::Lab;
using lab::v1::Text;

Status unexpected(std::string what) { return {StatusCode::kInternal, std::move(what)}; }

// ---- Clocks and playout. Both processes read the same monotonic clock, so the truth is known: its
// offset is zero.

bool is_within(Duration time, Duration bound) { return time <= bound && time >= -bound; }

Task<Status> compare_clocks(Session session) {
  Status known = co_await session.clock().wait_until_known(20ms);
  if (!known.is_ok()) co_return known;
  for (int i = 0; i < 50; ++i) {
    const ClockEstimate estimate = session.clock().estimate();
    if (!is_within(estimate.offset, estimate.bound)) {
      co_return unexpected("the clock is wrong by " + std::to_string(estimate.offset.count()) +
                           " ns, and bounded by " + std::to_string(estimate.bound.count()));
    }
    (void)co_await sleep_for(20ms);
  }
  co_return Status::ok();
}

Task<Status> play_frames(Session session) {
  auto client = session.client<Lab>();
  Count request;
  request.set_count(100);
  auto reader = co_await client.Datagrams(request);
  JitterBufferOptions options;
  options.enabled = true;
  Status chosen = reader.set_jitter_buffer(options);
  if (!chosen.is_ok()) co_return chosen;
  std::uint64_t seen = 0, received = 0;
  LocalTime last{};
  while (auto frame = co_await reader.next()) {
    seen += frame->lost_before + 1;
    ++received;
    if (frame->playout_time < last) co_return unexpected("playout ran backwards");
    if (frame->playout_time < frame->arrival_time) co_return unexpected("played before it came");
    if (!frame->latency) co_return unexpected("a frame without a latency");
    if (frame->latency->value < -frame->latency->bound) co_return unexpected("came before it left");
    last = frame->playout_time;
  }
  if (!reader.status().is_ok()) co_return reader.status();
  if (seen + reader.lost_at_end() != 100) co_return unexpected("frames not accounted for");
  if (received < 80) co_return unexpected("too many frames were lost");
  if (reader.jitter_buffer_stats().frames_emitted != received) co_return unexpected("other counts");
  co_return Status::ok();
}

Task<Status> use_timing(Session session) {
  Status status = co_await compare_clocks(session);
  if (status.is_ok()) status = co_await play_frames(session);
  if (status.is_ok()) std::cout << "ok" << std::endl;
  co_return status;
}

// ---- Everything once.

Task<Status> use_rpcs(Session session) {
  auto client = session.client<Lab>();
  Text request = text("hello");
  request.set_payload(std::string(200'000, 'x'));
  auto reply = co_await client.Echo(request);
  if (!reply) co_return reply.error();
  if (reply->payload() != request.payload()) co_return unexpected("another echo");
  request.set_number(41);
  auto back = co_await client.CallBack(request);
  if (!back) co_return back.error();
  if (back->number() != 42) co_return unexpected("the call back did not come");
  Text failing;
  failing.set_number(static_cast<int>(StatusCode::kNotFound));
  auto failed = co_await client.Fail(failing);
  if (failed.status().code() != StatusCode::kNotFound) co_return unexpected("no error came");
  for (int i = 0; i < 10; ++i) {
    Status status = co_await client.Note(text("note"));
    if (!status.is_ok()) co_return status;
  }
  co_return Status::ok();
}

Task<Status> follow_news(Session session) {
  Filter filter;
  filter.set_prefix("news");
  auto client = session.client<Lab>();
  auto reader = co_await client.News(filter);
  std::int64_t last = -1;
  for (int i = 0; i < 20; ++i) {
    auto frame = co_await reader.next();
    if (!frame) co_return reader.status();
    if (last >= 0 && frame->message.number() != last + 1) co_return unexpected("news were lost");
    last = frame->message.number();
  }
  co_return Status::ok();
}

// Reads a stream whose sender sends `expected` frames, numbered from 0.
Task<Status> read_frames(Reader<Text> reader, std::uint64_t expected) {
  std::uint64_t seen = 0, received = 0;
  while (auto frame = co_await reader.next()) {
    seen += frame->lost_before + 1;
    ++received;
    if (frame->message.number() + 1 != static_cast<std::int64_t>(seen)) {
      co_return unexpected("a frame out of order");
    }
  }
  if (!reader.status().is_ok()) co_return reader.status();
  if (seen + reader.lost_at_end() != expected) co_return unexpected("frames not accounted for");
  // On loopback hardly any is lost.
  if (received * 10 < expected * 8) co_return unexpected("too many frames were lost");
  co_return Status::ok();
}

// The same for frames that come back: some may have been lost on their way there.
Task<Status> read_echoes(Reader<Text> reader, std::uint64_t sent) {
  std::uint64_t received = 0;
  std::int64_t last = -1;
  while (auto frame = co_await reader.next()) {
    if (frame->message.number() <= last) co_return unexpected("an echo out of order");
    last = frame->message.number();
    ++received;
  }
  if (!reader.status().is_ok()) co_return reader.status();
  if (received * 10 < sent * 8) co_return unexpected("too many echoes were lost");
  co_return Status::ok();
}

Task<Status> write_frames(Writer<Text> writer, int many) {
  Text frame;
  frame.set_payload(std::string(3000, 'f'));
  for (int i = 0; i < many; ++i) {
    frame.set_number(i);
    Status status = co_await writer.write(frame);
    if (!status.is_ok()) co_return status;
    (void)co_await sleep_for(2ms);
  }
  Status status = co_await writer.finish();
  // The call ends when both halves are gone: hold this one until the echo has come.
  (void)co_await sleep_for(500ms);
  co_return status;
}

Task<Status> mirror(DuplexStream<Text, Text> stream, int many) {
  auto both =
      co_await when_all(write_frames(std::move(stream.writer), many),
                        read_echoes(std::move(stream.reader), static_cast<std::uint64_t>(many)));
  co_return std::get<0>(both).is_ok() ? std::get<1>(both) : std::get<0>(both);
}

Task<Status> use_streams(Session session) {
  auto client = session.client<Lab>();
  Count request;
  request.set_count(5000);
  auto numbers = co_await client.CountUp(request);
  std::int64_t expected = 0;
  while (auto frame = co_await numbers.next()) {
    if (frame->message.count() != expected++) co_return unexpected("a number out of order");
  }
  if (!numbers.status().is_ok()) co_return numbers.status();
  if (expected != 5000) co_return unexpected("numbers are missing");
  request.set_count(30);
  auto expiring = co_await client.Expiring(request);
  auto datagrams = co_await client.Datagrams(request);
  auto both = co_await when_all(read_frames(std::move(expiring), 30),
                                read_frames(std::move(datagrams), 30));
  if (!std::get<0>(both).is_ok()) co_return std::get<0>(both).with_context("expiring");
  if (!std::get<1>(both).is_ok()) co_return std::get<1>(both).with_context("datagrams");
  auto reliable = co_await client.Mirror();
  auto mirrored = co_await client.ExpiringMirror();
  auto bounced = co_await client.DatagramMirror();
  auto all = co_await when_all(mirror(std::move(reliable), 100), mirror(std::move(mirrored), 100),
                               mirror(std::move(bounced), 100));
  for (const Status& status : {std::get<0>(all), std::get<1>(all), std::get<2>(all)}) {
    if (!status.is_ok()) co_return status.with_context("mirror");
  }
  co_return Status::ok();
}

// A stream and calls for some seconds, while something happens to the network.
Task<Status> keep_going(Session session) {
  auto client = session.client<Lab>();
  auto stream = co_await client.Mirror();
  std::cout << "streaming" << std::endl;
  constexpr int kFrames = 1000;  // 2 ms apart
  auto both = co_await when_all(mirror(std::move(stream), kFrames), use_rpcs(session));
  if (!std::get<0>(both).is_ok()) co_return std::get<0>(both).with_context("mirror");
  if (!std::get<1>(both).is_ok()) co_return std::get<1>(both).with_context("rpcs");
  std::cout << "ok" << std::endl;
  co_return Status::ok();
}

Task<Status> everything(Session session) {
  auto all = co_await when_all(use_rpcs(session), follow_news(session), use_streams(session));
  if (!std::get<0>(all).is_ok()) co_return std::get<0>(all).with_context("rpcs");
  if (!std::get<1>(all).is_ok()) co_return std::get<1>(all).with_context("news");
  if (!std::get<2>(all).is_ok()) co_return std::get<2>(all).with_context("streams");
  std::cout << "ok" << std::endl;
  co_return Status::ok();
}

// ---- Calls without a pause, until the server goes.

struct Load {
  int answered = 0;
  int refused = 0;
  Status other;
};

Task<void> keep_asking(Session session, Load& load) {
  auto client = session.client<Lab>();
  Text request;
  request.set_number(20);
  for (;;) {
    auto reply = co_await client.Delay(request);
    if (reply) {
      ++load.answered;
      continue;
    }
    if (reply.error().code() == StatusCode::kUnavailable) {
      ++load.refused;
    } else {
      load.other = reply.error();
    }
    co_return;
  }
}

Task<Status> load(Session session, Loop& loop) {
  constexpr int kCallers = 100;
  Load counts;
  TaskGroup callers(loop);
  for (int i = 0; i < kCallers; ++i) callers.spawn(keep_asking(session, counts));
  std::cout << "calling" << std::endl;
  co_await callers.join();
  if (!counts.other.is_ok()) co_return counts.other;
  std::cout << "ok answered " << counts.answered << " refused " << counts.refused << std::endl;
  co_return Status::ok();
}

// ---- A call that cannot end well.

Task<Status> wait_for_the_end(Session session, Loop& loop) {
  auto client = session.client<Lab>();
  Text request;
  request.set_number(50'000);
  auto warm_up = co_await client.Echo(request);
  if (!warm_up) co_return warm_up.error();
  std::cout << "calling" << std::endl;
  const LocalTime before = loop.now();
  auto reply = co_await client.Delay(request);
  const auto waited = (loop.now() - before) / 1ms;
  std::cout << "ok " << to_string(reply.status().code()) << " after " << waited << std::endl;
  co_return Status::ok();
}

// ---- A server that is killed and started again.

Task<Status> stay_connected(Node& node, std::string address) {
  ReconnectOptions options;
  options.attempt_timeout = 500ms;
  options.max_delay = 500ms;
  auto kept = node.keep_connected(address, options);
  if (!kept) co_return kept.error();
  auto client = kept->client<Lab>();
  auto news = co_await client.News({});
  auto first = co_await news.next();
  if (!first) co_return news.status();
  std::cout << "following" << std::endl;
  std::uint32_t losses = 0;
  while (losses == 0) {
    auto frame = co_await news.next();
    if (!frame) co_return news.status();
    if (frame->resumed) losses = frame->resumed->losses;
  }
  auto reply = co_await client.Echo(text("hello again"));
  if (!reply) co_return reply.error();
  std::cout << "ok losses " << losses << " sessions " << kept->status().sessions << std::endl;
  kept->close();
  co_return Status::ok();
}

// ---- Sessions that resume those of a process before, by tickets in a file.

Task<Status> call_early(Session session) {
  const bool has_waited = session.is_open();
  auto client = session.client<Lab>();
  auto reply = co_await client.Echo(text("early"));
  if (!reply) co_return reply.error();
  Status connected = co_await session.wait_connected();
  if (!connected.is_ok()) co_return connected;
  (void)co_await sleep_for(200ms);  // the tickets come behind the handshake
  std::cout << "ok " << (has_waited ? "waited" : "early")
            << (session.is_resumed() ? " resumed" : "")
            << (session.early_data_accepted().value_or(false) ? " accepted" : "") << std::endl;
  session.close();
  (void)co_await session.wait_closed();
  co_return Status::ok();
}

constexpr std::string_view kEarly = "early:";  // and the file

// ---- Mutual TLS.

Task<Status> ask_who_i_am(Session session) {
  auto client = session.client<Lab>();
  Text request;
  auto reply = co_await client.WhoAmI(request);
  if (!reply) co_return reply.error();
  const std::optional<PeerIdentity> server = session.peer_identity();
  if (!server) co_return unexpected("the server has shown no certificate");
  std::cout << "ok " << reply->text() << "; served by " << server->common_name() << std::endl;
  co_return Status::ok();
}

// ---- A stream that goes on while the network changes under it.

Task<Status> roam(Session session, int& migrations) {
  constexpr std::int64_t kFrames = 400;
  lab::v1::Ticks request;
  request.set_count(kFrames);
  request.set_pause_ms(10);
  auto reader = co_await session.client<Lab>().Tick(request);
  std::int64_t received = 0;
  while (auto frame = co_await reader.next()) {
    if (frame->message.count() != received) co_return unexpected("a frame is missing");
    // The test changes the network now; some frames later everything must have settled.
    if (++received == 50) {
      std::cout << "streaming " << session.local_address().to_string() << std::endl;
    }
  }
  if (!reader.status().is_ok()) co_return reader.status();
  if (received != kFrames) co_return unexpected("the stream ended early");
  auto echoed = co_await session.client<Lab>().Echo(text("still here"));
  if (!echoed) co_return echoed.error();
  std::cout << "ok migrations " << migrations << " local " << session.local_address().to_string()
            << std::endl;
  co_return Status::ok();
}

Task<Status> run_scenario(std::string scenario, Node& node, std::string address, int& migrations) {
  if (scenario == "keep") co_return co_await stay_connected(node, address);
  ConnectOptions connect;
  connect.early_data = scenario.starts_with(kEarly);
  auto session = co_await node.connect(address, connect);
  if (!session) co_return session.error();
  if (connect.early_data) co_return co_await call_early(*session);
  if (scenario == "timing") co_return co_await use_timing(*session);
  if (scenario == "stream") co_return co_await keep_going(*session);
  if (scenario == "everything") co_return co_await everything(*session);
  if (scenario == "load") co_return co_await load(*session, node.loop());
  if (scenario == "whoami") co_return co_await ask_who_i_am(*session);
  if (scenario == "wait") co_return co_await wait_for_the_end(*session, node.loop());
  if (scenario == "roam") co_return co_await roam(*session, migrations);
  co_return unexpected("no scenario is called " + scenario);
}

int play(const std::string& scenario, const std::string& address, const std::string& fingerprint,
         Duration idle_timeout, const std::vector<std::string>& files) {
  auto loop = make_loop();
  auto pinned = Fingerprint::parse(fingerprint);
  if (!loop || !pinned) return 2;
  NodeOptions options;
  options.trust = Trust::pinned({*pinned});
  if (scenario.starts_with(kEarly)) {
    auto tickets = make_file_ticket_cache(scenario.substr(kEarly.size()));
    if (!tickets) {
      std::cout << "failed: " << tickets.error() << std::endl;
      return 1;
    }
    options.ticket_cache = *tickets;
  }
  if (!files.empty()) {
    auto identity = Identity::from_pem_files(files[0], files[1]);
    auto trust = Trust::certificate_authorities_file(files[2]);
    if (!identity || !trust) return 2;
    options.identity = *identity;
    options.trust = *trust;
  }
  options.idle_timeout = idle_timeout;
  options.handshake_timeout = std::min(options.handshake_timeout, idle_timeout);
  int migrations = 0;
  if (scenario == "roam") {
    // Nothing but the stream is sent: what is found out about the network comes from the system.
    options.synchronise_clocks = false;
    options.log = [&migrations](LogLevel, std::string_view line) {
      migrations += line.find(" moved to ") != std::string_view::npos;
    };
  }
  Node node(**loop, std::move(options));
  Status status = node.serve(std::make_shared<LabHandler>());
  if (status.is_ok()) status = run(**loop, run_scenario(scenario, node, address, migrations));
  if (status.is_ok()) return 0;
  std::cout << "failed: " << status << std::endl;
  return 1;
}

}  // namespace
}  // namespace echostream::testing

int main(int argument_count, char** arguments) {
  if (argument_count != 5 && argument_count != 8) return 2;
  return echostream::testing::play(arguments[1], arguments[2], arguments[3],
                                   std::chrono::milliseconds(std::atoi(arguments[4])),
                                   {arguments + 5, arguments + argument_count});
}
