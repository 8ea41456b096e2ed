// Two nodes on the loopback interface: an rpc, an event and a stream over real QUIC.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <echostream/node.h>

#include "greeter.echostream.h"

namespace {

using consumer::v1::Greeter;
using consumer::v1::Text;
using echostream::Call;
using echostream::Identity;
using echostream::Node;
using echostream::NodeOptions;
using echostream::Result;
using echostream::Status;
using echostream::Task;

Text text(std::string value) {
  Text message;
  message.set_text(std::move(value));
  return message;
}

class Handler final : public Greeter::Handler {
 public:
  Task<Result<Text>> Greet(Call&, Text request) override {
    co_return text("Hello, " + request.text());
  }
  Task<Status> Notice(Call&, Text event) override {
    notice = event.text();
    co_return Status::ok();
  }
  Task<Status> Letters(Call&, Text request, echostream::Writer<Text> out) override {
    for (const char letter : request.text()) {
      Status status = co_await out.write(text(std::string(1, letter)));
      if (!status.is_ok()) co_return status;
    }
    co_return Status::ok();
  }
  std::string notice;
};

Status failure(const std::string& what) { return Status(echostream::StatusCode::kInternal, what); }

Task<Status> talk(Node& node, Handler& handler, std::string address) {
  auto session = co_await node.connect(address);
  if (!session) co_return session.error();
  auto greeter = session->client<Greeter>();

  auto reply = co_await greeter.Greet(text("consumer"));
  if (!reply) co_return reply.error();
  if (reply->text() != "Hello, consumer") co_return failure("the reply is " + reply->text());

  auto emitted = co_await greeter.Notice(text("noted"));
  if (!emitted.is_ok()) co_return emitted;

  auto reader = co_await greeter.Letters(text("stream"));
  std::string letters;
  while (auto frame = co_await reader.next()) letters += frame->message.text();
  if (!reader.status().is_ok()) co_return reader.status();
  if (letters != "stream") co_return failure("the stream brought '" + letters + "'");

  // Events travel on their own; this one was sent before the stream was asked for.
  for (int i = 0; i < 500 && handler.notice.empty(); ++i) {
    (void)co_await echostream::sleep_for(std::chrono::milliseconds(10));
  }
  if (handler.notice != "noted") co_return failure("the event did not arrive");
  co_return Status::ok();
}

Status run() {
  auto loop = echostream::make_loop();
  if (!loop) return loop.error();
  auto identity = Identity::self_signed("localhost", (*loop)->wall_time());
  if (!identity) return identity.error();

  NodeOptions serving;
  serving.identity = *identity;
  Node server(**loop, std::move(serving));
  auto handler = std::make_shared<Handler>();
  Status served = server.serve(handler);
  if (!served.is_ok()) return served;
  auto address = server.listen("127.0.0.1:0");
  if (!address) return address.error();

  NodeOptions dialling;
  dialling.trust = echostream::Trust::pinned({identity->fingerprint()});
  Node client(**loop, std::move(dialling));
  return echostream::run(**loop, talk(client, *handler, address->to_string()));
}

}  // namespace

int main() {
  const Status status = run();
  if (!status.is_ok()) {
    std::fprintf(stderr, "consumer: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  std::puts("consumer: rpc, event and stream arrived");
  return 0;
}
