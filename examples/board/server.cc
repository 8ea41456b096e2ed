// Serves board.v1.Board on several threads until Ctrl-C.
#include <chrono>
#include <iostream>
#include <memory>
#include <vector>

#include "echostream/config.h"
#include "echostream/node_pool.h"

#include "arguments/config_arguments.h"
#include "board.echostream.h"

using echostream::Call;
using echostream::Node;
using echostream::NodePool;
using echostream::Result;
using echostream::Status;
using echostream::Task;
using namespace std::chrono_literals;

class Board;

// What the threads share. Nothing in it changes once the pool listens, so that it needs no lock.
struct Threads {
  std::vector<std::shared_ptr<Board>> boards;  // one for each thread, which alone uses it
  std::unique_ptr<NodePool> pool;
};

class Board final : public board::v1::Board::Handler {
 public:
  Board(Threads& threads, std::size_t thread) : threads_(threads), thread_(thread) {}

  // Subscribers may be at any thread, so the note goes to all of them.
  Task<Result<board::v1::PinReply>> Pin(Call&, board::v1::Note note) override {
    threads_.pool->for_each([&boards = threads_.boards, note](std::size_t thread, Node&) {
      boards[thread]->PublishPinned(note);
    });
    board::v1::PinReply reply;
    reply.set_thread(static_cast<std::uint32_t>(thread_));
    co_return reply;
  }

  bool Pinned(const board::v1::Filter& filter, const board::v1::Note& note) override {
    return filter.author().empty() || filter.author() == note.author();
  }

 private:
  Threads& threads_;
  std::size_t thread_;
};

int main(int argument_count, char** arguments) {
  std::string address;
  std::uint64_t thread_count = 0;
  examples::Arguments flags("board-server", "Serves the Board until Ctrl-C.");
  flags.text("--listen", "ADDRESS", "where to listen [127.0.0.1:4433]", address);
  flags.whole_number("--threads", "how many serve; 0: one for each core [0]", thread_count);
  examples::ConfigArguments config(flags);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const auto fail = [](const Status& status) {
    std::cerr << "board-server: " << status << '\n';
    return 1;
  };

  auto configuration = config.read();
  if (!configuration) return fail(configuration.error());
  // This thread only waits for Ctrl-C.
  auto loop = echostream::make_loop();
  if (!loop) return fail(loop.error());
  auto options = echostream::node_pool_options_from(*configuration, (*loop)->wall_time());
  if (!options) return fail(options.error());
  if (thread_count > 0) options->threads = thread_count;
  if (!options->node.identity) {
    auto made = echostream::Identity::self_signed("board", (*loop)->wall_time());
    if (!made) return fail(made.error());
    options->node.identity = *made;
  }
  const echostream::Fingerprint fingerprint = options->node.identity->fingerprint();
  Threads threads;
  auto pool = NodePool::make(*std::move(options));
  if (!pool) return fail(pool.error());
  threads.pool = *std::move(pool);
  threads.boards.resize(threads.pool->size());
  Status status = echostream::add_plugins(*configuration, *threads.pool);
  if (!status.is_ok()) return fail(status);
  status = threads.pool->serve([&threads](std::size_t thread) {
    return threads.boards[thread] = std::make_shared<Board>(threads, thread);
  });
  if (status.is_ok()) status = threads.pool->start();
  if (!status.is_ok()) return fail(status);
  for (const auto& wish : examples::where_to_listen(address, *configuration, "127.0.0.1:4433")) {
    auto bound = threads.pool->listen(wish);
    if (!bound) return fail(bound.error());
    std::cout << threads.pool->size() << " threads listen on " << bound->to_string() << '\n';
  }
  std::cout << "fingerprint " << fingerprint.to_string() << std::endl;

  auto signals = (*loop)->watch_stop_signals([&loop](int) { (*loop)->stop(); });
  if (!signals) return fail(signals.error());
  (*loop)->run();
  const Status ended = threads.pool->shutdown(2s);
  return ended.is_ok() ? 0 : fail(ended);
}
