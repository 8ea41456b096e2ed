// L06: the system has no more file descriptors, or no room for what is logged. Real sockets.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

// UBSan opens a pipe to find out whether memory can be read; without one it reports good objects.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
constexpr bool kSanitizersNeedDescriptors = true;
#else
constexpr bool kSanitizersNeedDescriptors = false;
#endif
#else
constexpr bool kSanitizersNeedDescriptors = false;
#endif

/// While it lives the process gets no new descriptor.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT_GE(next, 0);
    close(next);
    rlimit none = before_;
    // The lowest free number: nothing below it can be given out.
    none.rlim_cur = static_cast<rlim_t>(next);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    EXPECT_LT(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
  }
  ~NoDescriptors() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

class SystemLimits : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kSanitizersNeedDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors itself";
    start();
  }
  void start() {
    loop_ = *make_loop();
    auto identity = Identity::self_signed("localhost", loop_->wall_time());
    EXPECT_TRUE(identity) << identity.status();
    trust_ = Trust::pinned({identity->fingerprint()});
    NodeOptions server;
    server.identity = *identity;
    tune_server(server);
    server_ = std::make_unique<Node>(*loop_, std::move(server));
    EXPECT_TRUE(server_->serve(std::make_shared<LabHandler>()).is_ok());
    auto address = server_->listen("127.0.0.1:0");
    EXPECT_TRUE(address) << address.status();
    target_ = address->to_string();
    client_ = make_client();
  }
  virtual void tune_server(NodeOptions&) {}

  std::unique_ptr<Node> make_client() const {
    NodeOptions client;
    client.trust = trust_;
    return std::make_unique<Node>(*loop_, std::move(client));
  }
  Result<Session> connect(Node& node) { return run(*loop_, node.connect(target_)); }
  Status echo(const Session& session) {
    return run(*loop_, session.client<lab::v1::Lab>().Echo(text("hello"))).status();
  }

  std::unique_ptr<Loop> loop_;
  std::optional<Trust> trust_;
  std::unique_ptr<Node> server_;
  std::unique_ptr<Node> client_;
  std::string target_;
};

TEST_F(SystemLimits, L06_WithoutDescriptorsSessionsGoOnAndNewOnesAreStillAccepted) {
  auto first = connect(*client_);
  ASSERT_TRUE(first) << first.status();
  const NoDescriptors none;
  EXPECT_TRUE(echo(*first).is_ok());
  // All sessions of a node share its socket.
  auto second = connect(*client_);
  ASSERT_TRUE(second) << second.status();
  EXPECT_TRUE(echo(*second).is_ok());
}

TEST_F(SystemLimits, L06_WithoutDescriptorsListeningAndDiallingSayWhyAndWorkLater) {
  auto other = make_client();
  {
    const NoDescriptors none;
    auto heard = server_->listen("127.0.0.1:0");
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code(), StatusCode::kUnavailable) << heard.error();
    EXPECT_THAT(std::string(heard.error().message()), HasSubstr("Too many open files"));
    auto dialled = connect(*other);
    ASSERT_FALSE(dialled);
    EXPECT_EQ(dialled.error().code(), StatusCode::kUnavailable) << dialled.error();
    EXPECT_THAT(std::string(dialled.error().message()), HasSubstr("Too many open files"));
    auto loop = make_loop();
    ASSERT_FALSE(loop);
    EXPECT_EQ(loop.error().code(), StatusCode::kUnavailable) << loop.error();
    EXPECT_THAT(std::string(loop.error().message()), HasSubstr("Too many open files"));
  }
  auto heard = server_->listen("127.0.0.1:0");
  EXPECT_TRUE(heard) << heard.status();
  auto dialled = connect(*other);
  ASSERT_TRUE(dialled) << dialled.status();
  EXPECT_TRUE(echo(*dialled).is_ok());
  EXPECT_TRUE(make_loop());
}

TEST_F(SystemLimits, L06_WithoutDescriptorsASessionStaysWhereItIs) {
  auto session = connect(*client_);
  ASSERT_TRUE(session) << session.status();
  {
    const NoDescriptors none;
    const Status moved = run(*loop_, session->migrate());
    EXPECT_EQ(moved.code(), StatusCode::kUnavailable) << moved;
    EXPECT_THAT(std::string(moved.message()), HasSubstr("Too many open files"));
    EXPECT_TRUE(echo(*session).is_ok());
  }
  const Status moved = run(*loop_, session->migrate());
  EXPECT_TRUE(moved.is_ok()) << moved;
  EXPECT_TRUE(echo(*session).is_ok());
}

TEST_F(SystemLimits, L06_APersistentSessionWaitsUntilThereAreDescriptors) {
  auto other = make_client();
  ReconnectOptions options;
  options.initial_delay = 1ms;
  options.max_delay = 20ms;
  std::optional<PersistentSession> kept;
  {
    const NoDescriptors none;
    auto session = other->keep_connected(target_, options);
    ASSERT_TRUE(session) << session.status();
    kept = *session;
    run(*loop_, [](PersistentSession& one) -> Task<void> {
      while (one.status().failed_attempts < 3) (void)co_await sleep_for(1ms);
    }(*kept));
    EXPECT_THAT(std::string(kept->status().last_error.message()), HasSubstr("Too many open files"));
  }
  auto reply = run(*loop_, kept->client<lab::v1::Lab>().Echo(text("at last")));
  EXPECT_TRUE(reply) << reply.status();
}

TEST_F(SystemLimits, L06_FilesThatCannotBeReadAreNamed) {
  const NoDescriptors none;
  auto identity = Identity::from_pem_files("/etc/hostname", "/etc/hostname");
  ASSERT_FALSE(identity);
  EXPECT_THAT(std::string(identity.error().message()), HasSubstr("/etc/hostname"));
  EXPECT_THAT(std::string(identity.error().message()), HasSubstr("Too many open files"));
}

class FullLog : public SystemLimits {
 protected:
  void SetUp() override { start(); }
  void tune_server(NodeOptions& options) override {
    // Each session then writes a line.
    options.on_session = [this](const Session&) {
      called_ = true;
      throw std::runtime_error("something to log");
    };
  }
  bool called_ = false;
};

TEST_F(FullLog, L06_ALogThatCannotBeWrittenStopsNothing) {
  std::fflush(nullptr);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (std::freopen("/dev/full", "w", stderr) == nullptr) _exit(2);
    auto session = connect(*client_);
    const bool is_well = session && echo(*session).is_ok();
    _exit(is_well && called_ ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace echostream::testing
