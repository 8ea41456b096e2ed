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
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "echostream/loop.h"

#include "tests/integration/process.h"
#include "tests/support/rebinding_relay.h"
#include "tests/support/test_certificates.h"

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

  void start_server(const std::string& idle_timeout_ms, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command = {ECHOSTREAM_INTEGRATION_SERVER,
                                        std::string(GetParam()) + ":0", idle_timeout_ms};
    command.insert(command.end(), more.begin(), more.end());
    server_.emplace(command);
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

// ---- A client whose address changes.

/// A relay on a thread of its own that rebinds its port again and again.
class RestlessRelay {
 public:
  RestlessRelay(const std::string& target, Duration interval)
      : loop_(make_loop().value()),
        relay_(*loop_, SocketAddress::parse(target).value()),
        timer_(*loop_, relay_, interval),
        thread_([this] { loop_->run(); }) {}
  ~RestlessRelay() { stop(); }
  std::string address() const { return relay_.address().to_string(); }
  /// How often the port has changed.
  int stop() {
    loop_->stop();
    if (thread_.joinable()) thread_.join();
    return relay_.rebinds();
  }

 private:
  class Timer final : public TimerNode {
   public:
    Timer(Loop& loop, RebindingRelay& relay, Duration interval)
        : loop_(loop), relay_(relay), interval_(interval) {
      loop_.arm(*this, loop_.now() + interval_);
    }

   private:
    void on_timer(LocalTime now) override {
      relay_.rebind();
      loop_.arm(*this, now + interval_);
    }
    Loop& loop_;
    RebindingRelay& relay_;
    Duration interval_;
  };

  std::unique_ptr<Loop> loop_;
  RebindingRelay relay_;
  Timer timer_;
  std::thread thread_;
};

TEST_P(TwoProcesses, AStreamGoesOnWhenANatMovesItToTheWrongThreadOfThePool) {
  (void)stop_server();
  start_server("30000", {"", "4"});
  RestlessRelay relay(address_, 200ms);
  address_ = relay.address();
  Process caller(client("stream"));
  EXPECT_EQ(caller.read_line(kPatience), "streaming");
  EXPECT_EQ(caller.read_line(kPatience), "ok");
  EXPECT_EQ(caller.wait(kPatience), 0);
  const int rebinds = relay.stop();
  // Two seconds of frames. That all of ten ports belong to one of four threads happens once in
  // 250,000 times.
  EXPECT_GE(rebinds, 5);
  const std::string said = stop_server();
  int started = -1, forwarded = -1;
  ASSERT_EQ(std::sscanf(said.c_str(), "started %d forwarded %d", &started, &forwarded), 2) << said;
  EXPECT_GT(forwarded, 0);
}

TEST_P(TwoProcesses, UseEveryKindOfMethodWithAPool) {
  (void)stop_server();
  start_server("30000", {"", "3"});
  std::vector<std::unique_ptr<Process>> callers;
  for (int i = 0; i < 3; ++i) callers.push_back(std::make_unique<Process>(client("everything")));
  for (const auto& caller : callers) {
    EXPECT_EQ(caller->read_line(kPatience), "ok");
    EXPECT_EQ(caller->wait(kPatience), 0);
  }
  EXPECT_THAT(stop_server(), StartsWith("started "));
}

// ---- Mutual TLS, from files as a CA gives them.

class CertificateFiles {
 public:
  CertificateFiles() {
    CertificateSpec authority;
    authority.common_name = "Integration CA";
    authority.is_ca = true;
    set_validity(authority);
    root_.emplace(TestCertificate::self_signed(authority));
    write("ca.pem", root_->certificate_pem());
  }
  /// CHAIN_FILE KEY_FILE CA_FILE, as the processes take them. Issued by another CA when asked.
  std::vector<std::string> issue(const std::string& name, bool by_another = false) {
    CertificateSpec spec;
    spec.common_name = name;
    spec.ip_addresses = {"127.0.0.1", "::1"};
    set_validity(spec);
    CertificateSpec authority;
    authority.common_name = "Another CA";
    authority.is_ca = true;
    set_validity(authority);
    const TestCertificate leaf =
        (by_another ? TestCertificate::self_signed(authority) : *root_).issue(spec);
    return {write(name + ".pem", leaf.certificate_pem()),
            write(name + ".key", leaf.private_key_pem()), folder_ + "ca.pem"};
  }

 private:
  static void set_validity(CertificateSpec& spec) {
    const WallTime now(std::chrono::system_clock::now().time_since_epoch());
    spec.not_before = now - 24h;
    spec.not_after = now + 24h * 30;
  }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + name;
    std::ofstream(path) << text;
    return path;
  }
  const std::string folder_ =
      ::testing::TempDir() + "echostream_mtls_" + std::to_string(getpid()) + "_";
  std::optional<TestCertificate> root_;
};

TEST_P(TwoProcesses, C02_AHandlerLearnsItsCallersNameByMutualTls) {
  CertificateFiles files;
  start_server("30000", files.issue("server"));
  const auto with_files = [this](const std::vector<std::string>& more) {
    auto command = client("whoami");
    command.insert(command.end(), more.begin(), more.end());
    return command;
  };
  Process caller(with_files(files.issue("robot-7")));
  EXPECT_EQ(caller.read_line(kPatience), "ok robot-7, verified by a CA; served by server");
  EXPECT_EQ(caller.wait(kPatience), 0);

  Process stranger(with_files(files.issue("stranger", true)));
  const auto refused = stranger.read_line(kPatience);
  ASSERT_TRUE(refused);
  EXPECT_THAT(*refused, StartsWith("failed: UNAUTHENTICATED"));
  Process nobody(client("whoami"));
  const auto nameless = nobody.read_line(kPatience);
  ASSERT_TRUE(nameless);
  EXPECT_THAT(*nameless, HasSubstr("a client certificate is required"));
  (void)stop_server();
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
