// What a node writes for debugging: qlog traces and the key log.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "echostream/node_pool.h"

#include "tests/support/lab.h"
#include "tests/support/qlog_check.h"
#include "tests/support/seeds.h"
#include "tests/support/test_files.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

using LogLines = std::vector<std::pair<LogLevel, std::string>>;

/// A lab whose nodes are told the same, and whose log is kept.
class TracedLab {
 public:
  explicit TracedLab(const std::function<void(NodeOptions&)>& tune, Lab::Options options = {}) {
    const auto both = [this, tune](NodeOptions& node) {
      tune(node);
      node.log = [this](LogLevel level, std::string_view text) {
        lines_.emplace_back(level, std::string(text));
      };
    };
    options.tune_server = both;
    options.tune_client = both;
    lab_.emplace(options);
  }
  Lab& lab() { return *lab_; }

  /// Calls and a stream, each way, and the end of the session.
  void talk() {
    lab_->connect();
    if (!lab_->at_client) return;
    for (int i = 0; i < 20; ++i) {
      lab::v1::Text request = text("hello");
      request.set_payload(std::string(5000, 'x'));
      const auto reply = lab_->run(lab_->client().Echo(request));
      ASSERT_TRUE(reply && *reply) << reply->status();
    }
    lab_->at_client->close();
    lab_->run_for(5s);
  }
  std::vector<std::string> lines(LogLevel level) const {
    std::vector<std::string> found;
    for (const auto& [of, line] : lines_) {
      if (of == level) found.push_back(line);
    }
    return found;
  }

 private:
  LogLines lines_;
  std::optional<Lab> lab_;
};

std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

/// "ab12" when there are exactly ab12_client.sqlog and ab12_server.sqlog.
std::string traced_id(const std::filesystem::path& folder) {
  const std::set<std::string> names = names_in(folder);
  EXPECT_THAT(names, SizeIs(2));
  if (names.size() != 2) return {};
  const std::string id = names.begin()->substr(0, names.begin()->find('_'));
  EXPECT_EQ(names, (std::set<std::string>{id + "_client.sqlog", id + "_server.sqlog"}));
  return id;
}

int count(const QlogTrace& trace, const std::string& event) {
  const auto found = trace.events.find(event);
  return found == trace.events.end() ? 0 : found->second;
}

TEST(Qlog, OfBothEndsOfALossySessionAreWholeAndTellTheSameStory) {
  for_each_seed(5, [](std::uint64_t seed) {
    const TemporaryFolder folder;
    Lab::Options options;
    options.seed = seed;
    options.link.delay = 10ms;
    options.link.loss = 0.08;
    TracedLab traced([&](NodeOptions& node) { node.qlog_directory = folder.path(); }, options);
    traced.talk();
    const std::string id = traced_id(folder.path());
    const QlogTrace client = check_qlog(read_file(folder / (id + "_client.sqlog")));
    const QlogTrace server = check_qlog(read_file(folder / (id + "_server.sqlog")));
    ASSERT_EQ(client.error, "");
    ASSERT_EQ(server.error, "");
    EXPECT_EQ(client.vantage_point, "client");
    EXPECT_EQ(server.vantage_point, "server");
    EXPECT_EQ(client.group_id, id);
    EXPECT_EQ(server.group_id, id);
    for (const auto& [one, other] : {std::pair(&client, &server), std::pair(&server, &client)}) {
      EXPECT_EQ(count(*one, "transport:parameters_set"), 2);
      EXPECT_GT(count(*one, "recovery:metrics_updated"), 10);
      const int sent = count(*one, "transport:packet_sent");
      const int received = count(*other, "transport:packet_received");
      EXPECT_GT(received, 20);
      EXPECT_LT(received, sent) << "a packet in twelve is lost";
    }
    EXPECT_GT(count(client, "recovery:packet_lost") + count(server, "recovery:packet_lost"), 0);
    EXPECT_THAT(traced.lines(LogLevel::kWarning), IsEmpty());
  });
}

TEST(Qlog, HasOneNameForBothEndsAlsoBehindARetry) {
  const TemporaryFolder folder;
  TracedLab traced([&](NodeOptions& node) {
    node.qlog_directory = folder.path();
    node.address_validation = AddressValidation::kAlways;
  });
  traced.talk();
  const std::string id = traced_id(folder.path());
  const QlogTrace client = check_qlog(read_file(folder / (id + "_client.sqlog")));
  EXPECT_EQ(client.error, "");
  EXPECT_EQ(check_qlog(read_file(folder / (id + "_server.sqlog"))).error, "");
}

TEST(Qlog, L06_AFolderThatIsNotThereStopsNothing) {
  const TemporaryFolder folder;
  TracedLab traced([&](NodeOptions& node) { node.qlog_directory = folder / "missing"; });
  traced.talk();
  EXPECT_THAT(traced.lines(LogLevel::kWarning),
              ElementsAre(HasSubstr("No such file"), HasSubstr("No such file")));  // each node
}

TEST(Qlog, L06_AFullDiskStopsNothing) {
  const TemporaryFolder folder;
  const FullDisk full(3000);
  TracedLab traced([&](NodeOptions& node) { node.qlog_directory = folder.path(); });
  traced.talk();
  EXPECT_THAT(traced.lines(LogLevel::kWarning),
              ElementsAre(HasSubstr("cannot write"), HasSubstr("cannot write")));
  for (const std::string& name : names_in(folder.path())) {
    EXPECT_EQ(check_qlog(read_file(folder / name)).error, "") << name;
  }
}

TEST(Qlog, IsOffByDefault) {
  const TemporaryFolder folder;
  ASSERT_EQ(setenv("QLOGDIR", folder.path().c_str(), 1), 0);
  TracedLab traced([](NodeOptions&) {});  // simulated nodes have no environment
  traced.talk();
  unsetenv("QLOGDIR");
  EXPECT_THAT(names_in(folder.path()), IsEmpty());
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

constexpr char kKeyLine[] =
    "(CLIENT|SERVER)_(HANDSHAKE_TRAFFIC_SECRET|TRAFFIC_SECRET_0) [0-9a-f]{64} [0-9a-f]{64,96}"
    "|EXPORTER_SECRET [0-9a-f]{64} [0-9a-f]{64,96}";

TEST(NodeKeyLog, C07_HasTheSecretsOfEachSessionAndTheNodeWarnsOfIt) {
  const TemporaryFolder folder;
  const std::string path = folder / "keys";
  TracedLab traced([&](NodeOptions& node) { node.key_log_file = path; });
  traced.talk();
  const auto lines = lines_of(read_file(path));
  EXPECT_THAT(lines, SizeIs(10)) << "five of each end";
  EXPECT_THAT(lines, Each(MatchesRegex(kKeyLine)));
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_THAT(traced.lines(LogLevel::kWarning),
              ElementsAre(HasSubstr("SECRETS OF ALL SESSIONS"), HasSubstr(path)));
}

TEST(NodeKeyLog, GoesOnWhenCertificatesAreReplaced) {
  const TemporaryFolder folder;
  const std::string path = folder / "keys";
  TracedLab traced([](NodeOptions&) {});
  Lab::Options options;
  options.tune_server = [&](NodeOptions& node) { node.key_log_file = path; };
  Lab lab(options);
  const auto identity = Identity::self_signed("other", lab.server_side->wall_time());
  ASSERT_TRUE(lab.server_node->set_identity(*identity).is_ok());
  ASSERT_TRUE(lab.client_node->set_trust(Trust::pinned({identity->fingerprint()})).is_ok());
  lab.connect();
  EXPECT_THAT(lines_of(read_file(path)), SizeIs(5));
}

TEST(NodeKeyLog, C07_AFileThatOthersMayReadGetsNothingAndSessionsGoOn) {
  const TemporaryFolder folder;
  const std::string path = folder / "keys";
  write_file(path, "");
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  TracedLab traced([&](NodeOptions& node) { node.key_log_file = path; });
  traced.talk();
  EXPECT_EQ(read_file(path), "");
  EXPECT_THAT(traced.lines(LogLevel::kWarning),
              ElementsAre(HasSubstr("chmod 600"), HasSubstr("chmod 600")));
}

TEST(NodeKeyLog, L06_AFullDiskStopsNothingAndIsSaidOnce) {
  const TemporaryFolder folder;
  const FullDisk full(200);
  TracedLab traced([&](NodeOptions& node) { node.key_log_file = folder / "keys"; });
  traced.talk();
  EXPECT_THAT(traced.lines(LogLevel::kWarning), SizeIs(4));  // of each node: it is on, and this
  EXPECT_THAT(traced.lines(LogLevel::kWarning), Contains(HasSubstr("cannot write")).Times(2));
}

// Packets with the QUIC bit cleared (RFC 9287).
int greased_packets(const std::function<void(NodeOptions&)>& tune_server) {
  int greased = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Lab::Options options;
    options.seed = seed;
    options.tune_server = tune_server;
    Lab lab(options);
    lab.sim.capture([&](const CapturedDatagram& datagram) {
      greased += (datagram.data[0] & 0x40) == 0 ? 1 : 0;
    });
    lab.connect();
    lab.run_for(1s);
  }
  return greased;
}

TEST(Greasing, IsOnByDefault) {
  EXPECT_GT(greased_packets([](NodeOptions&) {}), 0);
}

TEST(Greasing, IsOffInBothDirectionsWhenOneEndSaysSo) {
  EXPECT_EQ(greased_packets([](NodeOptions& node) { node.grease_quic_bit = false; }), 0);
}

TEST(Greasing, IsOffWhileAKeyLogIsWritten) {
  const TemporaryFolder folder;
  EXPECT_EQ(greased_packets([&](NodeOptions& node) { node.key_log_file = folder / "keys"; }), 0);
}

/// Two nodes on one real loop, in an environment that asks for traces.
class InEnvironment : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(setenv("SSLKEYLOGFILE", (folder_ / "keys").c_str(), 1), 0);
    ASSERT_EQ(setenv("QLOGDIR", folder_.path().c_str(), 1), 0);
  }
  void TearDown() override {
    unsetenv("SSLKEYLOGFILE");
    unsetenv("QLOGDIR");
  }
  void meet(const std::function<void(NodeOptions&)>& tune) {
    const auto loop = *make_loop();
    const auto identity = Identity::self_signed("server", loop->wall_time());
    NodeOptions server_options;
    server_options.identity = *identity;
    tune(server_options);
    Node server(*loop, server_options);
    NodeOptions client_options;
    client_options.trust = Trust::pinned({identity->fingerprint()});
    tune(client_options);
    Node client(*loop, client_options);
    const auto address = server.listen("127.0.0.1:0");
    ASSERT_TRUE(address) << address.status();
    Result<Session> session = run(*loop, client.connect(address->to_string()));
    ASSERT_TRUE(session) << session.status();
    run(*loop, client.shutdown(1s));
  }
  TemporaryFolder folder_;
};

TEST_F(InEnvironment, NodesOnARealLoopWriteWhatItAsksFor) {
  meet([](NodeOptions& node) { node.log = [](LogLevel, std::string_view) {}; });
  EXPECT_THAT(lines_of(read_file(folder_ / "keys")), SizeIs(10));
  const auto names = names_in(folder_.path());
  EXPECT_THAT(names, SizeIs(3));
  for (const std::string& name : names) {
    if (name == "keys") continue;
    EXPECT_EQ(check_qlog(read_file(folder_ / name)).error, "") << name;
  }
}

TEST_F(InEnvironment, C07_NodesThatShallNotHeedItWriteNothing) {
  meet([](NodeOptions& node) { node.use_environment = false; });
  EXPECT_THAT(names_in(folder_.path()), IsEmpty());
}

TEST_F(InEnvironment, ThreadsOfAPoolShareAKeyLogAndWriteATraceForEachSession) {
  const auto loop = *make_loop();
  const auto identity = Identity::self_signed("server", loop->wall_time());
  NodePoolOptions options;
  options.threads = 2;
  options.node.identity = *identity;
  options.node.log = [](LogLevel, std::string_view) {};
  auto pool = NodePool::make(options);
  ASSERT_TRUE(pool) << pool.status();
  const auto address = (*pool)->listen("127.0.0.1:0");
  ASSERT_TRUE(address) << address.status();
  constexpr int kSessions = 8;
  for (int i = 0; i < kSessions; ++i) {
    NodeOptions client_options;
    client_options.trust = Trust::pinned({identity->fingerprint()});
    client_options.use_environment = false;
    Node client(*loop, client_options);  // a socket of its own, so any of the threads
    Result<Session> session = run(*loop, client.connect(address->to_string()));
    ASSERT_TRUE(session) << session.status();
    run(*loop, client.shutdown(1s));
  }
  pool->reset();
  EXPECT_THAT(lines_of(read_file(folder_ / "keys")), SizeIs(5 * kSessions));
  EXPECT_THAT(names_in(folder_.path()), SizeIs(1 + kSessions));
}

TEST_F(InEnvironment, OptionsComeFirst) {
  const TemporaryFolder other;
  meet([&](NodeOptions& node) {
    node.log = [](LogLevel, std::string_view) {};
    node.key_log_file = other / "chosen";
    node.qlog_directory = other.path();
  });
  EXPECT_THAT(names_in(folder_.path()), IsEmpty());
  EXPECT_THAT(names_in(other.path()), SizeIs(3));
}

}  // namespace
}  // namespace echostream::testing
