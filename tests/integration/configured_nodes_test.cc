// Two nodes that know of each other what files say, on real sockets: what is set there holds.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "echostream/config.h"

#include "tests/support/lab.h"
#include "tests/support/test_certificates.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ConfiguredNodes : public ::testing::Test {
 protected:
  ConfiguredNodes() {
    std::string folder = ::testing::TempDir() + "echostream_configured_XXXXXX";
    folder_ = mkdtemp(folder.data());
    loop_ = *make_loop();
    write_certificates();
  }
  ~ConfiguredNodes() override {
    client_.reset();
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string write(const std::string& name, const std::string& content, mode_t mode = 0600) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << content;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }

  void write_certificates() {
    const WallTime now = loop_->wall_time();
    CertificateSpec spec;
    spec.not_before = now - 1h;
    spec.not_after = now + 24h;
    spec.common_name = "Test CA";
    spec.is_ca = true;
    const TestCertificate authority = TestCertificate::self_signed(spec);
    spec.is_ca = false;
    spec.common_name = "server";
    spec.ip_addresses = {"127.0.0.1"};
    const TestCertificate server = authority.issue(spec);
    spec.common_name = "client";
    const TestCertificate client = authority.issue(spec);
    write("ca.pem", authority.certificate_pem());
    write("server.pem", server.certificate_pem() + server.private_key_pem());
    write("client.pem", client.certificate_pem() + client.private_key_pem());
    write("secret", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
  }

  // The name of the file, and settings over it.
  std::unique_ptr<Node> make_node(const std::string& path, std::vector<std::string> settings = {}) {
    ConfigOverrides overrides;
    overrides.settings = std::move(settings);
    auto configuration = read_config(path, overrides);
    EXPECT_TRUE(configuration) << configuration.status();
    if (!configuration) return nullptr;
    auto options = node_options_from(*configuration, loop_->wall_time());
    EXPECT_TRUE(options) << options.status();
    if (!options) return nullptr;
    configuration_ = *configuration;
    return std::make_unique<Node>(*loop_, *std::move(options));
  }

  void start_server(const std::string& path) {
    server_ = make_node(path);
    ASSERT_TRUE(server_);
    ASSERT_TRUE(server_->serve(std::make_shared<LabHandler>()).is_ok());
    ASSERT_EQ(configuration_.message().listen_size(), 1);
    auto bound = server_->listen(configuration_.message().listen(0));
    ASSERT_TRUE(bound) << bound.error();
    address_ = bound->to_string();
  }

  std::string folder_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Node> server_;
  std::unique_ptr<Node> client_;
  // Of the node that was made last.
  Configuration configuration_;
  std::string address_;
};

constexpr const char* kServer = R"({
  "node": {
    "identity": {"certificate_chain_file": "server.pem", "private_key_file": "server.pem"},
    "client_trust": {"authorities_file": "ca.pem"},
    "static_secret_file": "secret",
    "limits": {"max_message_bytes": 2000}
  },
  "listen": ["127.0.0.1:0"]
})";

constexpr const char* kClient = R"(
node {
  identity { certificate_chain_file: "client.pem" private_key_file: "client.pem" }
  trust { authorities_file: "ca.pem" }
  ticket_cache { file: "tickets" }
}
peers { name: "server" target: "to be set" reconnect { initial_delay_ms: 20 fail_fast: true } }
)";

Task<Result<lab::v1::Text>> who_am_i(Channel channel) {
  lab::v1::Text request;
  lab::v1::Lab::Client lab(channel);
  auto reply = co_await lab.WhoAmI(request);
  co_return reply;
}

Task<Status> echo(Channel channel, std::size_t bytes) {
  lab::v1::Text request;
  request.set_text(std::string(bytes, 'x'));
  lab::v1::Lab::Client lab(channel);
  auto reply = co_await lab.Echo(request);
  co_return reply.status();
}

TEST_F(ConfiguredNodes, AreWhoTheirFilesSayAndHoldWhatTheySay) {
  ASSERT_NO_FATAL_FAILURE(start_server(write("server.json", kServer)));
  client_ = make_node(write("client.textproto", kClient), {"peers.0.target=" + address_});
  ASSERT_TRUE(client_);
  const config::PeerConfig& peer = configuration_.message().peers(0);
  EXPECT_TRUE(reconnect_options_from(peer).fail_fast);
  auto session = run(*loop_, client_->connect(peer.target(), connect_options_from(peer)));
  ASSERT_TRUE(session) << session.error();
  const auto me = run(*loop_, who_am_i(session->channel()));
  ASSERT_TRUE(me) << me.error();
  EXPECT_THAT(me->text(), StartsWith("client, verified by a CA"));

  EXPECT_TRUE(run(*loop_, echo(session->channel(), 1500)).is_ok());
  const Status refused = run(*loop_, echo(session->channel(), 2500));
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted) << refused;
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/tickets"));
}

TEST_F(ConfiguredNodes, KeepTheSessionsThatTheFileNames) {
  ASSERT_NO_FATAL_FAILURE(start_server(write("server.json", kServer)));
  client_ = make_node(write("client.textproto", kClient), {"peers.0.target=" + address_});
  ASSERT_TRUE(client_);
  const config::PeerConfig& peer = configuration_.message().peers(0);
  auto kept = client_->keep_connected(peer.target(), reconnect_options_from(peer));
  ASSERT_TRUE(kept) << kept.error();
  EXPECT_TRUE(run(*loop_, kept->wait_connected()).is_ok());
  EXPECT_TRUE(run(*loop_, echo(kept->channel(), 10)).is_ok());
}

TEST_F(ConfiguredNodes, AStrangerIsRefused) {
  ASSERT_NO_FATAL_FAILURE(start_server(write("server.json", kServer)));
  client_ =
      make_node(write("stranger.textproto", "node { trust { authorities_file: \"ca.pem\" } }"));
  ASSERT_TRUE(client_);
  auto session = run(*loop_, client_->connect(address_));
  const Status status = session ? run(*loop_, echo(session->channel(), 10)) : session.status();
  EXPECT_EQ(status.code(), StatusCode::kUnauthenticated) << status;
}

// ---- docs/configuration.md.

std::string page() {
  std::ifstream in(ECHOSTREAM_SOURCE_DIR "/docs/configuration.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

// The block that follows "```<language>\n" and begins with `first`.
std::string example(const std::string& language, const std::string& first) {
  const std::string text = page();
  const std::string opening = "```" + language + "\n" + first;
  const std::size_t at = text.find(opening);
  EXPECT_NE(at, text.npos) << "docs/configuration.md has no example " << opening;
  if (at == text.npos) return {};
  const std::size_t begin = at + language.size() + 4;
  return text.substr(begin, text.find("```", begin) - begin);
}

TEST(ConfigurationPage, ItsFullExamplesAreRightAndSayTheSame) {
  const auto text = parse_config(example("textproto", "# robot.textproto"), "robot.textproto");
  ASSERT_TRUE(text) << text.error();
  const auto json = parse_config(example("json", "{\n  \"node\""), "robot.json");
  ASSERT_TRUE(json) << json.error();
  EXPECT_EQ(print_config(*text, ConfigFormat::kText), print_config(*json, ConfigFormat::kText));
}

TEST(ConfigurationPage, ItsPluginsAreRight) {
  const auto read = parse_config(example("textproto", "# plugins"), "robot.textproto");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->message().plugins_size(), 5);
}

TEST(ConfigurationPage, ItsErrorsAreWhatIsSaid) {
  const auto read = parse_config(example("json", "{\n  \"listn\""), "robot.json");
  ASSERT_FALSE(read);
  EXPECT_THAT(page(), HasSubstr(std::string(read.error().message())));
}

}  // namespace
}  // namespace echostream::testing
