// Calls each method of hello.v1.Greeter once.
#include <iostream>

#include "echostream/node.h"

#include "arguments/arguments.h"
#include "hello.echostream.h"

using echostream::Node;
using echostream::Status;
using echostream::Task;

Task<Status> talk(Node& node, std::string address, std::string name) {
  auto session = co_await node.connect(address);
  if (!session) co_return session.error();
  auto greeter = session->client<hello::v1::Greeter>();

  hello::v1::GreetRequest request;
  request.set_name(name);
  auto reply = co_await greeter.Greet(request);
  if (!reply) co_return reply.error();
  std::cout << reply->text() << '\n';

  hello::v1::Wave wave;
  wave.set_name(name);
  Status sent = co_await greeter.Waved(wave);
  if (!sent.is_ok()) co_return sent;

  hello::v1::CountRequest count;
  count.set_to(3);
  auto numbers = co_await greeter.Count(count);
  while (auto frame = co_await numbers.next()) std::cout << frame->message.value() << '\n';
  if (!numbers.status().is_ok()) co_return numbers.status();

  co_await node.shutdown(std::chrono::seconds(1));
  co_return Status::ok();
}

int main(int argument_count, char** arguments) {
  std::string address = "127.0.0.1:4433";
  std::string fingerprint;
  std::string name = "world";
  examples::Arguments flags("hello-client",
                            "Greets, waves, and asks the server to count to three.");
  flags.text("--to", "ADDRESS", "the server [127.0.0.1:4433]", address);
  flags.text("--fingerprint", "HEX", "the server's, as it printed it", fingerprint);
  flags.required();
  flags.text("--name", "NAME", "who is greeted [world]", name);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const auto fail = [](const Status& status) {
    std::cerr << "hello-client: " << status << '\n';
    return 1;
  };

  auto loop = echostream::make_loop();
  if (!loop) return fail(loop.error());
  auto pinned = echostream::Fingerprint::parse(fingerprint);
  if (!pinned) return fail(pinned.error());
  echostream::NodeOptions options;
  options.trust = echostream::Trust::pinned({*pinned});
  Node node(**loop, std::move(options));

  const Status status = echostream::run(**loop, talk(node, address, name));
  return status.is_ok() ? 0 : fail(status);
}
