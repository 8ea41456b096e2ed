// Visits a house: reads its guest book, and stays until Ctrl-C or for as long as it was told.
#include <chrono>
#include <iostream>
#include <string>

#include "echostream/node.h"

#include "arguments/arguments.h"
#include "guest_book.echostream.h"

using echostream::Node;
using echostream::Status;
using echostream::Task;

namespace {

Task<Status> visit(Node& node, std::string address, echostream::Duration stay) {
  auto session = co_await node.connect(address);
  if (!session) co_return session.error();
  auto book = session->client<guestbook::v1::GuestBook>();
  auto guests = co_await book.Read(google::protobuf::Empty());
  if (!guests) co_return guests.error();
  std::cout << "present: " << guests->present_size() << ", in all: " << guests->total()
            << std::endl;
  (void)co_await echostream::sleep_for(stay);
  co_await node.shutdown(std::chrono::seconds(1));
  co_return Status::ok();
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::string address = "127.0.0.1:4433";
  std::string fingerprint;
  echostream::Duration stay{};
  examples::Arguments flags("guest", "Visits a house, and reads its guest book.");
  flags.text("--to", "ADDRESS", "the house [127.0.0.1:4433]", address);
  flags.text("--fingerprint", "HEX", "the house's, as it printed it", fingerprint);
  flags.required();
  flags.duration("--stay", "how long to stay, as 500ms or 5s [0]", stay);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const auto fail = [](const Status& status) {
    std::cerr << "guest: " << status << '\n';
    return 1;
  };

  auto loop = echostream::make_loop();
  if (!loop) return fail(loop.error());
  auto pinned = echostream::Fingerprint::parse(fingerprint);
  if (!pinned) return fail(pinned.error());
  echostream::NodeOptions options;
  options.trust = echostream::Trust::pinned({*pinned});
  Node node(**loop, std::move(options));
  const Status status = echostream::run(**loop, visit(node, address, stay));
  return status.is_ok() ? 0 : fail(status);
}
