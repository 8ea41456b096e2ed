// echostream list and echostream describe: what a node serves.
#include <iostream>
#include <string>

#include "tools/echostream/call/call_commands.h"
#include "tools/echostream/call/describe_text.h"
#include "tools/echostream/remote/remote_command.h"

namespace echostream::tool {

namespace {

constexpr const char* kListExplanation =
    R"(Asks the node what it serves (docs/reflection.md), and shows each service with its methods: what kind they are and
which messages they take and give. With --json, an object for each service.

Examples:
  echostream list 192.0.2.7:4433 --fingerprint 4f2a...
  echostream list robot.example:4433 --ca ca.pem --json | jq -r .service)";

constexpr const char* kDescribeExplanation =
    R"(Shows a service with the options of its methods; a method with its messages; or a message or enum. The end of a name
does where only one has it: Robot for acme.v1.Robot, Grip for acme.v1.Robot/Grip. Without NAME, all services.

Examples:
  echostream describe 192.0.2.7:4433 Robot --fingerprint 4f2a...
  echostream describe 192.0.2.7:4433 Robot/Grip --fingerprint 4f2a...
  echostream describe 192.0.2.7:4433 acme.v1.GripRequest --fingerprint 4f2a...)";

class ListServicesCommand final : public RemoteCommand {
 public:
  explicit ListServicesCommand(CLI::App& program)
      : RemoteCommand(*program.add_subcommand("list", "Show what a node serves"),
                      kListExplanation) {}

 private:
  Task<Status> use(Loop&, Remote& remote) override {
    auto schema = co_await remote.describe({});
    if (!schema && schema.error().code() == StatusCode::kUnimplemented) {
      co_return dial_options().tells_nothing();
    }
    if (!schema) co_return schema.error();
    if (!wants_json()) {
      std::cout << list_text(*schema) << std::flush;
      co_return Status::ok();
    }
    for (const SchemaService& service : schema->services()) {
      std::cout << service_json(service) << '\n';
    }
    co_return Status::ok();
  }
};

class DescribeCommand final : public RemoteCommand {
 public:
  explicit DescribeCommand(CLI::App& program)
      : RemoteCommand(*program.add_subcommand("describe", "Show a service, method or message"),
                      kDescribeExplanation) {
    app().add_option("NAME", name_, "of the service, method, message or enum");
    dial_options().add_schema_options();
  }

 private:
  Task<Status> use(Loop&, Remote& remote) override {
    auto schema = co_await dial_options().schema(remote);
    if (!schema) co_return schema.error();
    if (!name_.empty()) {
      auto text = describe_text(*schema, name_, wants_json());
      if (text) std::cout << *text << std::flush;
      co_return text.status();
    }
    for (const SchemaService& service : schema->services()) {
      if (wants_json()) {
        std::cout << service_json(service) << '\n';
      } else {
        std::cout << service_text(service) << '\n';
      }
    }
    co_return Status::ok();
  }

  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_list_command(CLI::App& program) {
  return std::make_unique<ListServicesCommand>(program);
}

std::unique_ptr<Command> make_describe_command(CLI::App& program) {
  return std::make_unique<DescribeCommand>(program);
}

}  // namespace echostream::tool
