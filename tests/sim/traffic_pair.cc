#include "tests/sim/traffic_pair.h"

#include "tests/support/test_certificates.h"

namespace echostream::testing {

using namespace std::chrono_literals;
using traffic::v1::Answer;
using traffic::v1::Note;
using traffic::v1::Order;
using traffic::v1::Piece;
using traffic::v1::Question;
using traffic::v1::Receipt;

// Counts a handler as running until it ends, however it ends.
class TrafficHandler::Running {
 public:
  Running(TrafficHandler& handler, Call& call) : handler_(handler), call_(call) {
    handler_.most_running = std::max(handler_.most_running, ++handler_.running);
  }
  ~Running() {
    --handler_.running;
    if (call_.is_cancelled()) ++handler_.cancelled;
  }

 private:
  TrafficHandler& handler_;
  Call& call_;
};

Task<Result<Answer>> TrafficHandler::Ask(Call& call, Question request) {
  const Running guard(*this, call);
  latencies.push_back(call.latency());
  EXPECT_TRUE(asked.insert(request.id()).second) << "question " << request.id() << " came twice";
  if (request.work_ms() > 0) {
    const WaitResult result = co_await sleep_for(std::chrono::milliseconds(request.work_ms()));
    if (result == WaitResult::kCancelled) co_return Status(StatusCode::kCancelled, "stopped");
  }
  if (request.fail_code() != 0) {
    co_return Status(static_cast<StatusCode>(request.fail_code()), "as it was asked for");
  }
  if (request.ask_back()) {
    // The ids of the questions back are negative: unique too.
    Question back = question(-request.id(), 10);
    auto caller = call.peer().client<traffic::v1::Traffic>();
    auto answer = co_await caller.Ask(back);
    if (!answer) co_return answer.error();
    EXPECT_EQ(answer->id(), -request.id());
  }
  Answer answer;
  answer.set_id(request.id());
  answer.set_payload(request.payload());
  co_return answer;
}

Task<Status> TrafficHandler::Tell(Call& call, Note note) {
  const Running guard(*this, call);
  told.push_back(note.number());
  latencies.push_back(call.latency());
  if (note.work_ms() > 0) (void)co_await sleep_for(std::chrono::milliseconds(note.work_ms()));
  co_return Status::ok();
}

Task<Status> TrafficHandler::send(Call& call, Order request, Writer<Piece> out) {
  const Running guard(*this, call);
  for (std::int64_t i = 0; i < request.count(); ++i) {
    const bool is_big = request.big_every() > 0 && (i + 1) % request.big_every() == 0;
    Piece piece;
    piece.set_number(i);
    piece.set_sent_ns(sim_.elapsed().count());
    piece.set_payload(
        pattern(i, static_cast<std::size_t>(is_big ? request.big_bytes() : request.bytes())));
    Status status = co_await out.write(std::move(piece));
    if (!status.is_ok()) co_return status;
    ++pieces_written;
    feedback = out.feedback();
    if (request.interval_us() > 0) {
      (void)co_await sleep_for(std::chrono::microseconds(request.interval_us()));
    }
  }
  co_return Status::ok();
}

Task<Result<Receipt>> TrafficHandler::receive(Call& call, Reader<Piece> in, Delivery delivery) {
  const Running guard(*this, call);
  PieceCheck check(sim_, loop_, delivery, path);
  while (auto frame = co_await in.next()) check.on_frame(*frame);
  if (!in.status().is_ok()) co_return in.status();
  check.on_end(in.lost_at_end());
  Receipt receipt;
  receipt.set_received(check.received());
  receipt.set_lost(check.lost());
  co_return receipt;
}

Task<Status> TrafficHandler::Download(Call& call, Order request, Writer<Piece> out) {
  return send(call, std::move(request), std::move(out));
}
Task<Status> TrafficHandler::Expiring(Call& call, Order request, Writer<Piece> out) {
  return send(call, std::move(request), std::move(out));
}
Task<Status> TrafficHandler::Datagrams(Call& call, Order request, Writer<Piece> out) {
  return send(call, std::move(request), std::move(out));
}
Task<Status> TrafficHandler::Voice(Call& call, Order request, Writer<Piece> out) {
  return send(call, std::move(request), std::move(out));
}
Task<Status> TrafficHandler::Picture(Call& call, Order request, Writer<Piece> out) {
  return send(call, std::move(request), std::move(out));
}
Task<Status> TrafficHandler::VoiceAlone(Call& call, Order request, Writer<Piece> out) {
  return send(call, std::move(request), std::move(out));
}
Task<Status> TrafficHandler::Sensor(Call& call, Order request, Writer<Piece> out) {
  return send(call, std::move(request), std::move(out));
}
Task<Status> TrafficHandler::Bulk(Call& call, Order request, Writer<Piece> out) {
  return send(call, std::move(request), std::move(out));
}
Task<Status> TrafficHandler::Urgent(Call& call, Order request, Writer<Piece> out) {
  return send(call, std::move(request), std::move(out));
}
Task<Result<Receipt>> TrafficHandler::Upload(Call& call, Reader<Piece> in) {
  return receive(call, std::move(in), Delivery::kReliable);
}
Task<Result<Receipt>> TrafficHandler::ExpiringUpload(Call& call, Reader<Piece> in) {
  return receive(call, std::move(in), Delivery::kExpiring);
}
Task<Result<Receipt>> TrafficHandler::DatagramUpload(Call& call, Reader<Piece> in) {
  return receive(call, std::move(in), Delivery::kDatagram);
}

Task<Result<Receipt>> TrafficHandler::VoiceUpload(Call& call, Reader<Piece> in) {
  const Running guard(*this, call);
  Receipt receipt;
  while (auto frame = co_await in.next()) {
    receipt.set_received(receipt.received() + 1);
    receipt.set_lost(receipt.lost() + static_cast<std::int64_t>(frame->lost_before));
  }
  receipt.set_lost(receipt.lost() + static_cast<std::int64_t>(in.lost_at_end()));
  co_return receipt;
}

const Identity& fixed_size_identity() {
  static const Identity identity = [] {
    CertificateSpec spec;
    spec.common_name = "server";
    spec.key = KeyKind::kRsa2048;
    return TestCertificate::self_signed(spec).identity();
  }();
  return identity;
}

TrafficPair::TrafficPair(const TrafficOptions& chosen) : options(chosen), sim(chosen.seed) {
  server.name = "server";
  client.name = "client";
  add(server, 1, options.server_clock);
  add(client, 2, options.client_clock);
  set_link(options.to_server, options.to_client);
}

TrafficPair::~TrafficPair() {
  client.session.reset();
  server.session.reset();
}

void TrafficPair::add(Side& side, std::uint8_t last, const ClockOptions& clock) {
  side.loop = &sim.add_node(side.name, SocketAddress::ipv4({10, 0, 0, last}, 0), clock);
  side.handler = std::make_shared<TrafficHandler>(sim, *side.loop);
  NodeOptions node;
  if (&side == &server) {
    node.identity = fixed_size_identity();
    node.on_session = [&side](const Session& session) { side.session = session; };
    if (options.tune_server) options.tune_server(node);
  } else {
    node.trust = Trust::pinned({fixed_size_identity().fingerprint()});
    if (options.tune_client) options.tune_client(node);
  }
  node.on_session_closed = [&side](const Session&, const Status& status) {
    side.closed.push_back(status);
  };
  side.node = std::make_unique<Node>(*side.loop, std::move(node));
  EXPECT_TRUE(side.node->serve(side.handler).is_ok());
}

Status TrafficPair::connect(Duration limit) {
  if (auto bound = server.node->listen("10.0.0.1:4433"); !bound) return bound.error();
  auto dialled = run(client.node->connect("10.0.0.1:4433"), limit);
  if (!dialled) return {StatusCode::kDeadlineExceeded, "the dial did not end"};
  if (!*dialled) return dialled->error();
  client.session = **dialled;
  const bool accepted = sim.run_until([this] { return server.session.has_value(); }, limit);
  return accepted ? Status::ok() : Status(StatusCode::kUnavailable, "the server has no session");
}

void TrafficPair::set_link(const LinkOptions& to_server, const LinkOptions& to_client) {
  options.to_server = to_server;
  options.to_client = to_client;
  sim.set_link_one_way("client", "server", to_server);
  sim.set_link_one_way("server", "client", to_client);
  server.handler->path = longest_path(to_server);
  client.handler->path = longest_path(to_client);
}

void TrafficPair::set_cut(bool cut) {
  options.to_server.cut = cut;
  options.to_client.cut = cut;
  set_link(options.to_server, options.to_client);
}

Question question(std::int64_t id, std::size_t bytes) {
  Question out;
  out.set_id(id);
  out.set_payload(pattern(id, bytes));
  return out;
}

Order order(std::int64_t count, Duration interval, std::int64_t bytes) {
  Order out;
  out.set_count(count);
  out.set_interval_us(std::chrono::duration_cast<std::chrono::microseconds>(interval).count());
  out.set_bytes(bytes);
  return out;
}

Task<StreamResult> read_pieces(TrafficPair& pair, TrafficPair::Side& side, Reader<Piece> reader,
                               Delivery delivery) {
  PieceCheck check(pair.sim, *side.loop, delivery, side.handler->path);
  while (auto frame = co_await reader.next()) check.on_frame(*frame);
  StreamResult result;
  result.status = reader.status();
  if (result.status.is_ok()) check.on_end(reader.lost_at_end());
  result.received = check.received();
  result.lost = check.lost();
  result.greatest_age = check.greatest_age();
  co_return result;
}

Task<Status> write_pieces(Simulation& sim, ClientStream<Piece, Receipt> stream, Order request) {
  for (std::int64_t i = 0; i < request.count(); ++i) {
    const bool is_big = request.big_every() > 0 && (i + 1) % request.big_every() == 0;
    Piece piece;
    piece.set_number(i);
    piece.set_sent_ns(sim.elapsed().count());
    piece.set_payload(
        pattern(i, static_cast<std::size_t>(is_big ? request.big_bytes() : request.bytes())));
    Status status = co_await stream.write(std::move(piece));
    if (!status.is_ok()) co_return status;
    if (request.interval_us() > 0) {
      (void)co_await sleep_for(std::chrono::microseconds(request.interval_us()));
    }
  }
  auto receipt = co_await stream.finish();
  if (!receipt) co_return receipt.error();
  EXPECT_EQ(receipt->received() + receipt->lost(), request.count());
  co_return Status::ok();
}

}  // namespace echostream::testing
