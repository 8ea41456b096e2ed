#include "tests/support/lab.h"

#include <stdexcept>

namespace echostream::testing {

using lab::v1::Count;
using lab::v1::Filter;
using lab::v1::Text;
using lab::v1::Ticks;
using namespace std::chrono_literals;

Text text(std::string value) {
  Text message;
  message.set_text(std::move(value));
  return message;
}

namespace {

// Counts a handler as running until it ends, however it ends.
class Running {
 public:
  Running(LabHandler& handler, Call& call) : handler_(handler), call_(call) {
    ++handler_.started;
    ++handler_.running;
  }
  ~Running() {
    --handler_.running;
    if (call_.is_cancelled()) ++handler_.cancelled;
  }

 private:
  LabHandler& handler_;
  Call& call_;
};

Task<Status> mirror(LabHandler& handler, Call& call, Reader<Text> in, Writer<Text> out) {
  const Running guard(handler, call);
  while (auto frame = co_await in.next()) {
    Status status = co_await out.write(std::move(frame->message));
    if (!status.is_ok()) co_return status;
  }
  handler.stream_ends.push_back(in.status());
  co_return Status::ok();
}

Task<Status> frames(LabHandler& handler, Call& call, Count request, Writer<Text> out) {
  const Running guard(handler, call);
  Text frame;
  frame.set_payload(std::string(handler.frame_bytes, 'x'));
  for (std::int64_t i = 0; i < request.count(); ++i) {
    frame.set_number(i);
    Status status = co_await out.write(frame);
    if (!status.is_ok()) co_return status;
    (void)co_await sleep_for(20ms);
  }
  co_return Status::ok();
}

}  // namespace

Task<Result<Text>> LabHandler::Echo(Call& call, Text request) {
  last_metadata = call.metadata();
  ++calls;
  was_early = call.is_early_data();
  last_deadline = call.deadline();
  if (request.text() == kWaitConnected) {
    Status status = co_await call.peer().wait_connected();
    if (!status.is_ok()) co_return status;
    request.set_number(call.peer().is_open());
  }
  // For clients that are programs of their own, and see nothing but replies.
  if (request.text() == "show your metadata") {
    for (const auto& [key, value] : call.metadata().entries()) {
      request.mutable_payload()->append(key + "=" + value + "\n");
    }
  }
  if (request.text() == "be large") {
    request.set_payload(std::string(static_cast<std::size_t>(request.number()), 'x'));
  }
  if (auto value = call.metadata().find("x-echo")) {
    call.set_response_metadata({{"x-echo", std::string(*value)}});
    call.add_trailing_metadata("x-trailer", "end");
  }
  co_return request;
}

Task<Result<Text>> LabHandler::Delay(Call& call, Text request) {
  const Running guard(*this, call);
  ++calls;
  was_early = call.is_early_data();
  last_deadline = call.deadline();
  const WaitResult result = co_await sleep_for(std::chrono::milliseconds(request.number()));
  if (result == WaitResult::kCancelled) co_return Status(StatusCode::kCancelled, "stopped");
  co_return request;
}

Task<Result<Text>> LabHandler::Fail(Call&, Text request) {
  Status status(status_code_from_wire(static_cast<std::uint64_t>(request.number())),
                request.text());
  status.add_detail({"type.example/lab.v1.Text", request.payload()});
  co_return status;
}

Task<Result<Text>> LabHandler::Throw(Call&, Text) {
  (void)co_await sleep_for(1ms);
  throw std::runtime_error("a handler's mistake");
}

Task<Result<Text>> LabHandler::WhoAmI(Call& call, Text) {
  const Running guard(*this, call);
  const std::optional<PeerIdentity> caller = call.peer().peer_identity();
  if (!caller) co_return Status(StatusCode::kUnauthenticated, "the caller has shown nothing");
  const char* verifier = "nobody";
  if (caller->verified_by() == Trust::Mode::kPinned) verifier = "a pin";
  if (caller->verified_by() == Trust::Mode::kAuthorities) verifier = "a CA";
  Text answer = text(caller->common_name() + ", verified by " + verifier);
  co_return answer;
}

Task<Result<Text>> LabHandler::CallBack(Call& call, Text request) {
  auto caller = call.peer().client<lab::v1::Lab>();
  auto reply = co_await caller.Echo(request);
  if (!reply) co_return reply.error();
  reply->set_number(reply->number() + 1);
  co_return reply;
}

Task<Status> LabHandler::Note(Call& call, Text event) {
  const Running guard(*this, call);
  if (event.number() > 0) (void)co_await sleep_for(std::chrono::milliseconds(event.number()));
  notes.push_back(event.text());
  co_return Status::ok();
}

bool LabHandler::News(const Filter& filter, const Text& event) {
  if (filter.prefix() == "throw") throw std::runtime_error("a filter's mistake");
  return event.text().starts_with(filter.prefix());
}

bool LabHandler::Fragile(const Filter& filter, const Text& event) { return News(filter, event); }

Task<Status> LabHandler::CountUp(Call& call, Count request, Writer<Count> out) {
  const Running guard(*this, call);
  for (std::int64_t i = 0; i < request.count(); ++i) {
    Count count;
    count.set_count(i);
    Status status = co_await out.write(count);
    if (!status.is_ok()) co_return status;
  }
  co_return Status::ok();
}

Task<Status> LabHandler::Tick(Call& call, Ticks request, Writer<Count> out) {
  const Running guard(*this, call);
  for (std::int64_t i = 0; i < request.count(); ++i) {
    Count count;
    count.set_count(i);
    WriteOptions options;
    options.capture_time =
        LocalTime(std::chrono::milliseconds(request.captured_ms() + i * request.interval_ms()));
    Status status = co_await out.write(count, options);
    if (!status.is_ok()) co_return status;
    ++ticks;
    if (request.pause_ms() > 0)
      (void)co_await sleep_for(std::chrono::milliseconds(request.pause_ms()));
  }
  co_return Status::ok();
}

Task<Result<Count>> LabHandler::Sum(Call& call, Reader<Count> in) {
  const Running guard(*this, call);
  Count sum;
  while (auto frame = co_await in.next()) sum.set_count(sum.count() + frame->message.count());
  if (!in.status().is_ok()) co_return in.status();
  co_return sum;
}

Task<Status> LabHandler::Mirror(Call& call, Reader<Text> in, Writer<Text> out) {
  return mirror(*this, call, std::move(in), std::move(out));
}
Task<Status> LabHandler::ExpiringMirror(Call& call, Reader<Text> in, Writer<Text> out) {
  return mirror(*this, call, std::move(in), std::move(out));
}
Task<Status> LabHandler::DatagramMirror(Call& call, Reader<Text> in, Writer<Text> out) {
  return mirror(*this, call, std::move(in), std::move(out));
}
Task<Status> LabHandler::Expiring(Call& call, Count request, Writer<Text> out) {
  return frames(*this, call, std::move(request), std::move(out));
}
Task<Status> LabHandler::Datagrams(Call& call, Count request, Writer<Text> out) {
  return frames(*this, call, std::move(request), std::move(out));
}

Lab::Lab() : Lab(Options{}) {}

Lab::Lab(const Options& chosen) : options(chosen), sim(chosen.seed) {
  const auto address = [](std::uint8_t last) { return SocketAddress::ipv4({10, 0, 0, last}, 0); };
  ClockOptions client_clock;
  client_clock.offset = options.client_clock_offset;
  server_side = &sim.add_node("server", address(1));
  client_side = &sim.add_node("client", address(2), client_clock);
  sim.set_link("server", "client", options.link);

  NodeOptions server;
  auto identity = Identity::self_signed("server", server_side->wall_time());
  EXPECT_TRUE(identity) << identity.status();
  server.identity = *identity;
  server.limits = options.server_limits;
  server.idle_timeout = options.idle_timeout;
  server.on_session = [this](const Session& session) { at_server = session; };
  server.on_session_closed = [this](const Session&, const Status& status) {
    closed_at_server.push_back(status);
  };
  NodeOptions client;
  client.trust = Trust::pinned({identity->fingerprint()});
  client.limits = options.client_limits;
  client.idle_timeout = options.idle_timeout;
  client.on_session_closed = [this](const Session&, const Status& status) {
    closed_at_client.push_back(status);
  };
  if (options.tune_server) options.tune_server(server);
  if (options.tune_client) options.tune_client(client);
  server_node = std::make_unique<Node>(*server_side, std::move(server));
  Loop& clients_loop = options.wire == Wire::kMemory ? *server_side : *client_side;
  client_node = std::make_unique<Node>(clients_loop, std::move(client));
  EXPECT_TRUE(server_node->serve(server_handler).is_ok());
  EXPECT_TRUE(client_node->serve(client_handler).is_ok());
}

Lab::~Lab() {
  at_client.reset();
  at_server.reset();
}

void Lab::connect() {
  if (options.wire == Wire::kMemory) {
    // As listening and dialling do by themselves.
    for (Node* node : {server_node.get(), client_node.get()}) {
      const auto started = run(node->start());
      ASSERT_TRUE(started && started->is_ok());
    }
    auto [a, b] = connect_in_memory(*client_node, *server_node);
    at_client = a;
    at_server = b;
    return;
  }
  auto bound = server_node->listen("10.0.0.1:4433");
  ASSERT_TRUE(bound) << bound.status();
  auto session = run(client_node->connect("10.0.0.1:4433"));
  ASSERT_TRUE(session.has_value());
  ASSERT_TRUE(*session) << session->status();
  at_client = **session;
  ASSERT_TRUE(sim.run_until([&] { return at_server.has_value(); }, 5s));
}

}  // namespace echostream::testing
