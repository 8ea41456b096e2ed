// Serves hello.v1.Greeter until Ctrl-C.
#include <chrono>
#include <iostream>
#include <memory>

#include "echostream/config.h"
#include "echostream/node.h"

#include "arguments/config_arguments.h"
#include "hello.echostream.h"

using echostream::Call;
using echostream::Result;
using echostream::Status;
using echostream::Task;
using namespace std::chrono_literals;

class Greeter final : public hello::v1::Greeter::Handler {
 public:
  Task<Result<hello::v1::GreetReply>> Greet(Call&, hello::v1::GreetRequest request) override {
    if (request.name().empty()) {
      co_return Status(echostream::StatusCode::kInvalidArgument, "whom shall I greet?");
    }
    hello::v1::GreetReply reply;
    reply.set_text("Hello, " + request.name() + "!");
    co_return reply;
  }

  Task<Status> Waved(Call&, hello::v1::Wave event) override {
    std::cout << event.name() << " waved" << std::endl;
    co_return Status::ok();
  }

  Task<Status> Count(Call&, hello::v1::CountRequest request,
                     echostream::Writer<hello::v1::Number> out) override {
    hello::v1::Number number;
    for (std::uint32_t value = 1; value <= request.to(); ++value) {
      number.set_value(value);
      Status status = co_await out.write(number);
      if (!status.is_ok()) co_return status;  // the client went away
      (void)co_await echostream::sleep_for(100ms);
    }
    co_return Status::ok();
  }
};

int main(int argument_count, char** arguments) {
  std::string address;
  examples::Arguments flags("hello-server", "Serves the Greeter until Ctrl-C.");
  flags.text("--listen", "ADDRESS", "where to listen [127.0.0.1:4433]", address);
  examples::ConfigArguments config(flags);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const auto fail = [](const Status& status) {
    std::cerr << "hello-server: " << status << '\n';
    return 1;
  };

  auto configuration = config.read();
  if (!configuration) return fail(configuration.error());
  auto loop = echostream::make_loop(echostream::loop_options_from(*configuration));
  if (!loop) return fail(loop.error());
  auto options = echostream::node_options_from(*configuration, (*loop)->wall_time());
  if (!options) return fail(options.error());
  if (!options->identity) {
    auto made = echostream::Identity::self_signed("hello", (*loop)->wall_time());
    if (!made) return fail(made.error());
    options->identity = *made;
  }
  const echostream::Fingerprint fingerprint = options->identity->fingerprint();
  echostream::Node node(**loop, *std::move(options));
  Status status = echostream::add_plugins(*configuration, node);
  if (status.is_ok()) status = node.serve(std::make_shared<Greeter>());
  if (status.is_ok()) status = echostream::run(**loop, node.start());
  if (!status.is_ok()) return fail(status);
  for (const auto& wish : examples::where_to_listen(address, *configuration, "127.0.0.1:4433")) {
    auto bound = node.listen(wish);
    if (!bound) return fail(bound.error());
    std::cout << "listening on " << bound->to_string() << '\n';
  }
  std::cout << "fingerprint " << fingerprint.to_string() << std::endl;

  auto signals = (*loop)->watch_stop_signals([&loop](int) { (*loop)->stop(); });
  if (!signals) return fail(signals.error());
  (*loop)->run();
}
