// L05: the n-th allocation of a session fails. Either a handler or a callback hears of it, and
// everything else goes on; or the program ends at once, saying why. Nothing in between: no other
// signal, no damage that shows later.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "tests/sim/failing_new.h"
#include "tests/sim/traffic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

TrafficOptions world() {
  TrafficOptions options;
  LinkOptions link;
  link.delay = 5ms;
  options.set_link(link);
  return options;
}

// A call of each kind.
Task<Status> talk(TrafficPair& pair) {
  auto client = pair.client.client();
  auto answer = co_await client.Ask(question(1, 3000));
  if (!answer) co_return answer.error();
  traffic::v1::Note note;
  note.set_number(1);
  Status told = co_await client.Tell(note);
  if (!told.is_ok()) co_return told;
  Reader<traffic::v1::Piece> reader = co_await client.Expiring(order(5, 2ms, 2000));
  while (auto frame = co_await reader.next()) {
  }
  if (!reader.status().is_ok()) co_return reader.status();
  auto stream = co_await client.Upload();
  auto writing = write_pieces(pair.sim, std::move(stream), order(5, 1ms, 2000));
  Status written = co_await std::move(writing);
  co_return written;
}

// A session from its first packet to its last; true when nothing went wrong.
bool run_session(TrafficPair& pair) {
  if (!pair.connect().is_ok()) return false;
  auto status = pair.run(talk(pair), 5s);
  if (!status || !status->is_ok()) return false;
  pair.client.session->close();
  pair.sim.run_for(100ms);
  return true;
}

enum Outcome : int { kNoticedNothing = 0, kWentOn = 1, kBroken = 2 };

// What the child does. noexcept: an exception that leaves the task it was thrown in ends it here.
Outcome run_child(std::uint64_t failing, bool for_good) noexcept {
  TrafficPair pair(world());
  allocations = {true, 0, failing, for_good};
  const bool was_fine = run_session(pair);
  allocations.counted = false;
  if (was_fine) return kNoticedNothing;
  // It heard of it, and lives: then it must be well.
  auto session = pair.sim.run(*pair.client.loop, pair.client.node->connect("10.0.0.1:4433"), 30s);
  if (!session || !*session) return kBroken;
  pair.client.session = **session;
  auto status = pair.sim.run(*pair.client.loop, talk(pair), 30s);
  return status && status->is_ok() ? kWentOn : kBroken;
}

struct Figures {
  int noticed_nothing = 0;
  int went_on = 0;
  int ended = 0;
};

void fail_allocation(std::uint64_t failing, bool for_good, Figures& figures) {
  SCOPED_TRACE("allocation " + std::to_string(failing) + (for_good ? " and all after it" : ""));
  std::FILE* said = std::tmpfile();
  ASSERT_NE(said, nullptr);
  std::fflush(nullptr);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(60);  // a child that hangs ends by SIGALRM
    (void)dup2(fileno(said), STDOUT_FILENO);
    (void)dup2(fileno(said), STDERR_FILENO);
    _exit(run_child(failing, for_good));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  std::string text(8192, '\0');
  std::rewind(said);
  text.resize(std::fread(text.data(), 1, text.size(), said));
  std::fclose(said);
  if (WIFSIGNALED(status)) {
    EXPECT_EQ(WTERMSIG(status), SIGABRT) << text;
    // By std::terminate(), or with the message of a spawned task that threw.
    const bool says_why = text.find("terminate called") != std::string::npos ||
                          text.find("a spawned task threw: std::bad_alloc") != std::string::npos;
    EXPECT_TRUE(says_why) << text;
    ++figures.ended;
    return;
  }
  EXPECT_NE(WEXITSTATUS(status), kBroken) << text;
  EXPECT_LE(WEXITSTATUS(status), kBroken) << text;  // a sanitizer's report
  ++(WEXITSTATUS(status) == kWentOn ? figures.went_on : figures.noticed_nothing);
}

TEST(OutOfMemory, L05_AFailedAllocationEndsACallOrTheProgramAndNothingElse) {
  (void)fixed_size_identity();
  std::uint64_t count = 0;
  {
    TrafficPair warm_up(world());
    ASSERT_TRUE(run_session(warm_up));
    TrafficPair pair(world());
    allocations = {true, 0, 0, false};
    const bool was_fine = run_session(pair);
    allocations.counted = false;
    ASSERT_TRUE(was_fine);
    count = allocations.number;
  }
  Figures figures;
  for (std::uint64_t n = 1; n <= count && !HasFailure(); ++n) {
    fail_allocation(n, false, figures);
    if (n % 8 == 0) fail_allocation(n, true, figures);
  }
  std::printf("of %llu allocations: %d ended the program, %d a call, %d nothing\n",
              static_cast<unsigned long long>(count), figures.ended, figures.went_on,
              figures.noticed_nothing);
}

}  // namespace
}  // namespace echostream::testing
