// Two real processes, real sockets on loopback, real time: few tests, and each bounded.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>

#include "tests/integration/process.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Process::Timeout kPatience = 60s;

bool has_ipv6_loopback() {
  const int probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool bound = bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return bound;
}

// A server that listens, and clients for it.
class TwoProcesses : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "[::1]" && !has_ipv6_loopback()) {
      GTEST_SKIP() << "this machine has no IPv6";
    }
    start_server("30000");
  }

  void start_server(const std::string& idle_timeout_ms) {
    server_.emplace(std::vector<std::string>{ECHOSTREAM_INTEGRATION_SERVER,
                                             std::string(GetParam()) + ":0", idle_timeout_ms});
    const auto line = server_->read_line(kPatience);
    ASSERT_TRUE(line) << "the server does not say where it listens";
    std::istringstream words(*line);
    std::string word;
    words >> word >> address_ >> fingerprint_;
    ASSERT_EQ(word, "listening") << *line;
  }
  std::vector<std::string> client(const std::string& scenario,
                                  const std::string& idle_timeout_ms = "30000") const {
    return {ECHOSTREAM_INTEGRATION_CLIENT, scenario, address_, fingerprint_, idle_timeout_ms};
  }
  std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(address_.substr(address_.rfind(':') + 1)));
  }
  // Ends the server politely; what it says of itself.
  std::string stop_server() {
    server_->send_signal(SIGTERM);
    EXPECT_EQ(server_->wait(kPatience), 0);
    return server_->read_all(1s);
  }

  std::optional<Process> server_;
  std::string address_;
  std::string fingerprint_;
};

TEST_P(TwoProcesses, AgreeOnTheClockThatTheyShareAndPlayFramesByIt) {
  Process caller(client("timing"));
  EXPECT_EQ(caller.read_line(kPatience), "ok");
  EXPECT_EQ(caller.wait(kPatience), 0);
  (void)stop_server();
}

TEST_P(TwoProcesses, UseEveryKindOfMethodInBothDirections) {
  Process caller(client("everything"));
  EXPECT_EQ(caller.read_line(kPatience), "ok");
  EXPECT_EQ(caller.wait(kPatience), 0);
  EXPECT_THAT(stop_server(), HasSubstr("notes 10"));
}

TEST_P(TwoProcesses, ResumeTheSessionOfAnEarlierProcessWithEarlyData) {
  std::string folder = (std::filesystem::temp_directory_path() / "tickets-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  for (const char* expected :
       {"ok waited", "ok early resumed accepted", "ok early resumed accepted"}) {
    Process caller(client("early:" + folder + "/tickets"));
    EXPECT_EQ(caller.read_line(kPatience), expected);
    EXPECT_EQ(caller.wait(kPatience), 0);
  }
  std::filesystem::remove_all(folder);
  (void)stop_server();
}

TEST_P(TwoProcesses, L01_SigtermUnderLoadFailsNoCallThatHasStarted) {
  Process caller(client("load"));
  ASSERT_EQ(caller.read_line(kPatience), "calling");
  // A second of load: the client goes on until it is refused.
  EXPECT_EQ(caller.wait(1s), std::nullopt);
  const std::string said = stop_server();
  int started = -1, cancelled = -1, answered = -1, refused = -1;
  ASSERT_EQ(std::sscanf(said.c_str(), "started %d cancelled %d", &started, &cancelled), 2) << said;
  const auto line = caller.read_line(kPatience);
  ASSERT_TRUE(line);
  ASSERT_EQ(std::sscanf(line->c_str(), "ok answered %d refused %d", &answered, &refused), 2)
      << *line;
  EXPECT_EQ(caller.wait(kPatience), 0);
  EXPECT_EQ(cancelled, 0);
  EXPECT_EQ(answered, started);
  EXPECT_EQ(refused, 100);
  EXPECT_GT(answered, 500);
}

TEST_P(TwoProcesses, AKilledServerIsNoticedWithinTheIdleTimeout) {
  Process caller(client("wait", "1000"));
  ASSERT_EQ(caller.read_line(kPatience), "calling");
  // The call is under way once the server has nothing more to say.
  EXPECT_EQ(caller.wait(100ms), std::nullopt);
  server_->send_signal(SIGKILL);
  EXPECT_EQ(server_->wait(kPatience), -SIGKILL);
  const auto line = caller.read_line(kPatience);
  ASSERT_TRUE(line);
  int waited = -1;
  ASSERT_EQ(std::sscanf(line->c_str(), "ok UNAVAILABLE after %d", &waited), 1) << *line;
  // Generous above: the machine may be busy.
  EXPECT_GE(waited, 100);
  EXPECT_LE(waited, 5000);
  EXPECT_EQ(caller.wait(kPatience), 0);
}

TEST_P(TwoProcesses, ASubscriptionGoesOnWhenAKilledServerIsStartedAgain) {
  (void)stop_server();
  const std::string name = "/echostream-" + std::to_string(getpid()) + "-identity.pem";
  const std::string identity_file = ::testing::TempDir() + name;
  const auto start = [&](const std::string& address) {
    server_.emplace(
        std::vector<std::string>{ECHOSTREAM_INTEGRATION_SERVER, address, "1000", identity_file});
    const auto line = server_->read_line(kPatience);
    ASSERT_TRUE(line) << "the server does not say where it listens";
    std::istringstream words(*line);
    std::string word;
    words >> word >> address_ >> fingerprint_;
    ASSERT_EQ(word, "listening") << *line;
  };
  start(std::string(GetParam()) + ":0");
  const std::string before = address_ + fingerprint_;
  Process caller(client("keep", "1000"));
  ASSERT_EQ(caller.read_line(kPatience), "following");
  server_->send_signal(SIGKILL);
  EXPECT_EQ(server_->wait(kPatience), -SIGKILL);
  start(address_);
  EXPECT_EQ(address_ + fingerprint_, before);
  EXPECT_EQ(caller.read_line(kPatience), "ok losses 1 sessions 2");
  EXPECT_EQ(caller.wait(kPatience), 0);
  (void)stop_server();
  std::remove(identity_file.c_str());
}

TEST_P(TwoProcesses, AWrongFingerprintIsAClearError) {
  const std::string right = std::exchange(fingerprint_, std::string(64, 'a'));
  Process caller(client("everything"));
  const auto line = caller.read_line(kPatience);
  ASSERT_TRUE(line);
  EXPECT_THAT(*line, StartsWith("failed: UNAUTHENTICATED"));
  EXPECT_THAT(*line, HasSubstr(right)) << "it should name the certificate that was shown";
  EXPECT_EQ(caller.wait(kPatience), 1);
}

TEST_P(TwoProcesses, NobodyListeningIsUnavailable) {
  EXPECT_THAT(stop_server(), StartsWith("started 0"));
  Process caller(client("everything", "1000"));
  const auto line = caller.read_line(kPatience);
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->starts_with("failed: UNAVAILABLE") ||
              line->starts_with("failed: DEADLINE_EXCEEDED"))
      << *line;
}

// ---- Strangers on the port.

class Stranger {
 public:
  Stranger(bool is_ipv6, std::uint16_t port)
      : socket_(socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (is_ipv6) {
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      to.sin6_port = htons(port);
      to.sin6_addr = in6addr_loopback;
      connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    } else {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
  }
  ~Stranger() { close(socket_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;
  bool is_connected() const { return connected_; }
  void send(const std::string& bytes) const {
    (void)::send(socket_, bytes.data(), bytes.size(), 0);
  }

 private:
  int socket_;
  bool connected_ = false;
};

// Noise, short headers, Initials that do not decrypt, unknown versions, nothing at all.
std::string rubbish(std::mt19937_64& random) {
  std::string bytes(random() % 1500, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  if (bytes.size() > 7) {
    switch (random() % 4) {
      case 0:  // an Initial of version 1 with a connection id of 8 bytes
        bytes.replace(0, 6, std::string("\xc3\x00\x00\x00\x01\x08", 6));
        bytes.resize(1200, 'i');
        break;
      case 1:  // a version that nobody knows
        bytes.replace(0, 6, std::string("\xc3\xba\xba\xba\xba\x08", 6));
        break;
      case 2:  // a short header
        bytes[0] = '\x43';
        break;
      default:
        break;
    }
  }
  return bytes;
}

TEST_P(TwoProcesses, RubbishOnThePortDisturbsNobody) {
  Process caller(client("everything"));
  const Stranger stranger(std::string(GetParam()) == "[::1]", port());
  ASSERT_TRUE(stranger.is_connected());
  std::mt19937_64 random(1);
  std::size_t sent = 0;
  do {
    for (int i = 0; i < 100; ++i, ++sent) stranger.send(rubbish(random));
  } while (!caller.wait(5ms) && sent < 1'000'000);
  EXPECT_EQ(caller.wait(kPatience), 0) << caller.read_all(1s);
  EXPECT_GT(sent, 1000u);
  EXPECT_THAT(stop_server(), HasSubstr("notes 10"));
}

INSTANTIATE_TEST_SUITE_P(Loopback, TwoProcesses, ::testing::Values("127.0.0.1", "[::1]"),
                         [](const auto& test) {
                           return std::string(test.param) == "[::1]" ? "Ipv6" : "Ipv4";
                         });

}  // namespace
}  // namespace echostream::testing
