// The plugins that come with EchoStream, all at once and from one file, between two nodes on real
// sockets.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "echostream/config.h"

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kServer = R"(
node { identity { self_signed { name: "server" } } }
listen: "127.0.0.1:0"
plugins { logging { file: "server.log" calls: INFO } }
plugins { metrics {} }
plugins { tracing { service_name: "server" file: "server.spans" interval_ms: 10 } }
plugins {
  auth_token {
    static_tokens { subject: "robot" token_file: "token" }
    rules { methods: "lab.v1.Lab/WhoAmI" allow { anyone: true } }
    rules { methods: "*" allow { any_token: true } }
  }
}
plugins { rate_limit { rules { methods: "lab.v1.Lab/Note" per_second: 1000 } } }
plugins { timeout { rules { methods: "lab.v1.Lab/Delay" handler_timeout_ms: 50 } } }
plugins { compression { encodings: DEFLATE min_bytes: 100 } }
plugins { recorder { path: "server.mcap" methods: "lab.v1.Lab/Echo" flush_interval_ms: 10 } }
plugins { health {} }
)";

constexpr const char* kClient = R"(
plugins { logging { file: "client.log" } }
plugins { tracing { service_name: "client" file: "client.spans" interval_ms: 10 } }
plugins { auth_token { send { token_file: "token" } } }
plugins { retry { policies { max_attempts: 2 } } }
plugins { compression { min_bytes: 100 } }
)";

class ConfiguredPlugins : public ::testing::Test {
 protected:
  ConfiguredPlugins() {
    std::string folder = ::testing::TempDir() + "echostream_plugins_XXXXXX";
    folder_ = mkdtemp(folder.data());
    loop_ = *make_loop();
    write("token", "a-token-of-sixteen-letters-or-more\n");
  }
  ~ConfiguredPlugins() override {
    client_.reset();
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string write(const std::string& name, const std::string& content) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << content;
    EXPECT_EQ(chmod(path.c_str(), 0600), 0);
    return path;
  }
  std::string content_of(const std::string& name) const {
    std::ifstream in(folder_ + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::unique_ptr<Node> make_node(const std::string& path, const std::string& fingerprint = "") {
    ConfigOverrides overrides;
    if (!fingerprint.empty()) overrides.settings = {"node.trust.fingerprints=" + fingerprint};
    auto configuration = read_config(path, overrides);
    EXPECT_TRUE(configuration) << configuration.status();
    if (!configuration) return nullptr;
    auto options = node_options_from(*configuration, loop_->wall_time());
    EXPECT_TRUE(options) << options.status();
    if (!options) return nullptr;
    if (options->identity) fingerprint_ = options->identity->fingerprint().to_string();
    auto node = std::make_unique<Node>(*loop_, *std::move(options));
    Status status = add_plugins(*configuration, *node);
    if (status.is_ok()) status = node->serve(std::make_shared<LabHandler>());
    if (status.is_ok()) status = run(*loop_, node->start());
    EXPECT_TRUE(status.is_ok()) << status;
    return node;
  }

  void start(const char* client) {
    server_ = make_node(write("server.textproto", kServer));
    ASSERT_TRUE(server_);
    auto bound = server_->listen("127.0.0.1:0");
    ASSERT_TRUE(bound) << bound.error();
    client_ = make_node(write("client.textproto", client), fingerprint_);
    ASSERT_TRUE(client_);
    auto session = run(*loop_, client_->connect(bound->to_string()));
    ASSERT_TRUE(session) << session.error();
    session_ = *session;
  }

  std::string folder_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Node> server_;
  std::unique_ptr<Node> client_;
  std::string fingerprint_;
  std::optional<Session> session_;
};

Task<Result<lab::v1::Text>> echo(Session session, std::string what) {
  auto lab = session.client<lab::v1::Lab>();
  lab::v1::Text request = text(std::move(what));
  auto reply = co_await lab.Echo(request);
  co_return reply;
}

Task<Status> delay(Session session, std::int64_t milliseconds) {
  auto lab = session.client<lab::v1::Lab>();
  lab::v1::Text request;
  request.set_number(milliseconds);
  auto reply = co_await lab.Delay(request);
  co_return reply.status();
}

Task<Status> leave(Node& node) {
  co_await node.shutdown(1s);
  co_return Status::ok();
}

TEST_F(ConfiguredPlugins, AllWorkTogether) {
  ASSERT_NO_FATAL_FAILURE(start(kClient));
  for (int i = 0; i < 3; ++i) {
    const auto reply = run(*loop_, echo(*session_, std::string(5000, 'x')));
    ASSERT_TRUE(reply) << reply.error();
    EXPECT_EQ(reply->text().size(), 5000u);
  }
  const Status slow = run(*loop_, delay(*session_, 10'000));
  EXPECT_EQ(slow.code(), StatusCode::kDeadlineExceeded) << slow;
  ASSERT_TRUE(run(*loop_, leave(*client_)).is_ok());
  ASSERT_TRUE(run(*loop_, leave(*server_)).is_ok());
  client_.reset();
  server_.reset();

  EXPECT_THAT(content_of("server.log"), HasSubstr("lab.v1.Lab"));
  EXPECT_THAT(content_of("server.log"), Not(HasSubstr("a-token-of-sixteen")));
  EXPECT_THAT(content_of("server.spans"), HasSubstr("lab.v1.Lab"));
  EXPECT_THAT(content_of("client.spans"), HasSubstr("lab.v1.Lab"));
  EXPECT_THAT(content_of("server.mcap"), HasSubstr("lab.v1.Lab"));
}

TEST_F(ConfiguredPlugins, TheRulesOfTheFileHold) {
  ASSERT_NO_FATAL_FAILURE(start(""));
  const auto reply = run(*loop_, echo(*session_, "hello"));
  EXPECT_EQ(reply.status().code(), StatusCode::kUnauthenticated) << reply.status();
}

#ifdef ECHOSTREAM_GUEST_BOOK
// The example's plugin takes {"mostGuests": <number>}.
std::string guest_book(const std::string& settings) {
  return R"({"node": {"identity": {"self_signed": {}}}, "plugins": [{"load": {"path": ")" ECHOSTREAM_GUEST_BOOK
         R"(", "settings": )" +
         settings + "}}]}";
}

TEST_F(ConfiguredPlugins, OneInASharedObjectGetsItsSettings) {
  server_ = make_node(write("server.json", guest_book(R"({"mostGuests": 1})")));
  ASSERT_TRUE(server_);
  auto bound = server_->listen("127.0.0.1:0");
  ASSERT_TRUE(bound) << bound.error();
  client_ = make_node(write("client.textproto", ""), fingerprint_);
  ASSERT_TRUE(client_);
  const auto first = run(*loop_, client_->connect(bound->to_string()));
  EXPECT_TRUE(first) << first.status();
  const auto second = run(*loop_, client_->connect(bound->to_string()));
  EXPECT_EQ(second.status().code(), StatusCode::kResourceExhausted) << second.status();
}

TEST_F(ConfiguredPlugins, OneInASharedObjectSaysWhatItsSettingsAre) {
  const auto configuration =
      parse_config(guest_book(R"({"mostGuest": 1})"), folder_ + "/server.json");
  ASSERT_TRUE(configuration) << configuration.error();
  const Status status = check_plugins(*configuration);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("/server.json:1:58: error: plugins.0.load: guest_book takes "));
}

TEST_F(ConfiguredPlugins, OneInASharedObjectThatThrowsIsAnError) {
  const auto configuration =
      parse_config(R"({"plugins": [{"load": {"path": ")" ECHOSTREAM_LOADABLE_GOOD
                   R"(", "settings": {"throw": true}}}]})",
                   "server.json");
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_THAT(std::string(check_plugins(*configuration).message()),
              HasSubstr("plugins.0.load: configure() threw"));
}
#endif

}  // namespace
}  // namespace echostream::testing
