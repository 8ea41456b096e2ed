// Pins notes to a board.v1.Board, or reads it.
#include <iostream>
#include <vector>

#include "echostream/config.h"
#include "echostream/node.h"

#include "arguments/config_arguments.h"
#include "board.echostream.h"

using echostream::Node;
using echostream::Session;
using echostream::Status;
using echostream::Task;

Task<Status> pin(Session session, std::string author, std::vector<std::string> texts) {
  auto board = session.client<board::v1::Board>();
  for (const std::string& text : texts) {
    board::v1::Note note;
    note.set_author(author);
    note.set_text(text);
    auto reply = co_await board.Pin(note);
    if (!reply) co_return reply.error();
    std::cout << "thread " << reply->thread() << " took it\n";
  }
  co_return Status::ok();
}

Task<Status> read(Session session, std::string author) {
  board::v1::Filter filter;
  filter.set_author(author);
  auto board = session.client<board::v1::Board>();
  auto notes = co_await board.Pinned(filter);
  while (auto note = co_await notes.next()) {
    std::cout << note->message.author() << ": " << note->message.text() << std::endl;
  }
  co_return notes.status();
}

Task<Status> use_board(Node& node, echostream::config::PeerConfig server, std::string author,
                       std::vector<std::string> texts) {
  auto session = co_await node.connect(server.target(), echostream::connect_options_from(server));
  if (!session) co_return session.error();
  if (texts.empty()) co_return co_await read(*session, author);
  Status pinned = co_await pin(*session, author, texts);
  co_await node.shutdown(std::chrono::seconds(1));
  co_return pinned;
}

int main(int argument_count, char** arguments) {
  std::string address;
  std::string fingerprint;
  std::string author;
  std::vector<std::string> texts;
  examples::Arguments flags("board-client",
                            "Pins the given notes; without any it reads the board until Ctrl-C.");
  flags.text("--to", "ADDRESS", "the server [127.0.0.1:4433]", address);
  flags.text("--fingerprint", "HEX", "the server's, as it printed it", fingerprint);
  flags.text("--author", "NAME", "who pins, or whose notes are read [everybody's]", author);
  flags.texts("--pin", "TEXT", "a note; may be given more than once", texts);
  examples::ConfigArguments config(flags);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const auto fail = [](const Status& status) {
    std::cerr << "board-client: " << status << '\n';
    return 1;
  };

  auto configuration = config.read();
  if (!configuration) return fail(configuration.error());
  auto loop = echostream::make_loop(echostream::loop_options_from(*configuration));
  if (!loop) return fail(loop.error());
  auto options = echostream::node_options_from(*configuration, (*loop)->wall_time());
  if (!options) return fail(options.error());
  Status trusted = examples::believe(fingerprint, *options);
  if (!trusted.is_ok()) return fail(trusted);
  Node node(**loop, *std::move(options));
  Status added = echostream::add_plugins(*configuration, node);
  if (!added.is_ok()) return fail(added);

  const auto server = examples::whom_to_dial(address, *configuration, "127.0.0.1:4433");
  const Status status = echostream::run(**loop, use_board(node, server, author, texts));
  return status.is_ok() ? 0 : fail(status);
}
