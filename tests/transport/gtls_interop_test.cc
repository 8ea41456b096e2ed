// Our QUIC against ngtcp2's example programs, whose TLS is GnuTLS: another TLS stack, another use
// of the library, another HTTP/3. We speak just enough HTTP/3 (RFC 9114) for a GET and its answer.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/free_port.h"
#include "tests/support/test_certificates.h"
#include "tests/transport/child_process.h"
#include "tests/transport/udp_peer.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr Duration kLimit = 30s;
constexpr std::size_t kBodyBytes = 700'000;

// A control stream with empty SETTINGS.
const std::string kControlStream = "\x00\x04\x00"s;
// HEADERS from QPACK's static table: ":status: 200".
const std::string kOkHeaders = "\x01\x03\x00\x00\xd9"s;
// ":method: GET", ":scheme: https", ":path: /body.bin", ":authority: localhost".
const std::string kGetHeaders = "\x01\x1a\x00\x00\xd1\xd7\x51\x09/body.bin\x50\x09localhost"s;

std::string data_frame_header(std::size_t size) {
  std::string header = "\x00\x80"s;
  for (int shift = 16; shift >= 0; shift -= 8) header += static_cast<char>(size >> shift);
  return header;
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

struct Case {
  std::string name;
  std::vector<std::string> arguments;  // of the other program
  std::string expected_in_output;
  bool retry = false;
  // It ends the connection when its own key update and ours cross.
  bool we_update_keys = true;
};

void PrintTo(const Case& tested, std::ostream* out) { *out << tested.name; }

// ngtcp2 makes the keys after next ready when a packet arrives some time after an update.
transport::QuicOptions lively() {
  transport::QuicOptions options;
  options.keep_alive_interval = 50ms;
  return options;
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

class Interop : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "interop-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::filesystem::path folder_;
  const std::string body_ = pattern(kBodyBytes, 1);
  const Identity identity_ = Identity::self_signed("localhost", kCertificateTestTime).value();
};

// ---- We serve.

class GtlsClient : public Interop {
 protected:
  QuicEndpoint::Options options() const {
    QuicEndpoint::Options options;
    options.quic = lively();
    TlsContext::Options tls;
    tls.alpn = {"echostream/1", "h3"};
    tls.identity = identity_;
    options.server_tls = TlsContext::make_server(std::move(tls)).value();
    if (GetParam().retry) options.retry_above_half_open = 0;
    return options;
  }
};

TEST_P(GtlsClient, GetsItsFileFromOurServerAcrossKeyUpdates) {
  const std::string program = ChildProcess::find_program("gtlsclient");
  if (program.empty()) GTEST_SKIP() << "gtlsclient is not installed (Debian: ngtcp2-client)";
  UdpPeer server(options());
  QuicHost& host = server.host();
  std::optional<StreamId> request;
  host.when_accepted = [&](RecordingSink& sink) {
    sink.when_connected = [&sink] {
      const auto control = sink.connection->open_unidirectional();
      sink.connection->write(*control, Buffer::copy(kControlStream), false);
    };
    sink.when_data = [&request](StreamId id, BytesView, bool fin) {
      if (fin && id.is_bidirectional()) request = id;
    };
  };
  const std::string port = std::to_string(host.address.port());
  std::vector<std::string> arguments = {program,          "--no-quic-dump",
                                        "--no-http-dump", "--exit-on-all-streams-close",
                                        "--timeout=20s",  "--download=" + folder_.string()};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  for (const std::string& last : {"127.0.0.1"s, port, "https://localhost:" + port + "/body.bin"}) {
    arguments.push_back(last);
  }
  ChildProcess client(arguments, folder_ / "log");

  ASSERT_TRUE(server.run_until([&] { return request.has_value(); }, kLimit)) << client.output();
  RecordingSink& sink = *host.accepted.back();
  QuicConnection& connection = *sink.connection;
  EXPECT_TRUE(sink.is_connected());
  EXPECT_EQ(connection.alpn(), "h3");
  connection.write(*request, Buffer::copy(kOkHeaders + data_frame_header(body_.size())), false);
  // In four parts, with new keys before each. An update is possible only when the client has
  // followed the one before.
  for (std::size_t part = 0; part < 4; ++part) {
    ASSERT_TRUE(server.run_until(
        [&] {
          return !GetParam().we_update_keys || sink.is_closed() ||
                 connection.update_keys(server.now()).is_ok();
        },
        kLimit))
        << client.output();
    connection.write(*request, Buffer::copy(body_).slice(part * kBodyBytes / 4, kBodyBytes / 4),
                     part == 3);
    ASSERT_TRUE(server.run_until([&] { return connection.unsent_bytes(*request) == 0; }, kLimit));
  }
  ASSERT_TRUE(server.run_until([&] { return sink.is_closed() && !client.is_running(); }, kLimit))
      << client.output();
  // The farewell is one packet, which a client that loses some may lose, too: then nothing comes.
  const std::vector<std::string>& flags = GetParam().arguments;
  const bool loses_packets = !flags.empty() && flags.front().starts_with("--tx-loss");
  if (!loses_packets || sink.closed->by_peer) {
    // H3_NO_ERROR.
    EXPECT_EQ(sink.closed->application_code, 0x100u) << sink.close_message();
    EXPECT_TRUE(sink.closed->by_peer);
  }
  EXPECT_TRUE(contents(folder_ / "body.bin") == body_);
  EXPECT_GT(connection.stats().packets_received, 10u);
  EXPECT_NE(client.output().find(GetParam().expected_in_output), std::string::npos)
      << client.output().substr(0, 20'000);
  EXPECT_EQ(host.endpoint->stats().retries_sent > 0, GetParam().retry);
}

const std::string kChaChaOnly =
    "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305";
const std::string kAes256Only = "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM";

INSTANTIATE_TEST_SUITE_P(
    All, GtlsClient,
    ::testing::Values(
        Case{"Plain", {}, "Negotiated cipher suite is AES-128-GCM"},
        Case{"ChaCha20", {kChaChaOnly}, "Negotiated cipher suite is CHACHA20-POLY1305"},
        Case{"Aes256", {kAes256Only}, "Negotiated cipher suite is AES-256-GCM"},
        Case{"Retry", {}, "Negotiated cipher suite", true},
        Case{"ItsKeyUpdate", {"--key-update=1ms"}, "Negotiated cipher suite", false, false},
        Case{"UnknownVersionFirst",
             {"-v", "0x1a2a3a4a", "--preferred-versions=v1"},
             "Negotiated cipher suite"},
        Case{"Loss", {"--tx-loss=0.05", "--rx-loss=0.05"}, "Negotiated cipher suite"},
        Case{"NewAddress", {"--change-local-addr=1ms"}, "Negotiated cipher suite"}),
    name_of);

// ---- We dial.

class GtlsServer : public Interop {};

TEST_P(GtlsServer, GivesUsItsFileAcrossKeyUpdates) {
  const std::string program = ChildProcess::find_program("gtlsserver");
  if (program.empty()) GTEST_SKIP() << "gtlsserver is not installed (Debian: ngtcp2-server)";
  write_file(folder_ / "key.pem", identity_.private_key_pem());
  write_file(folder_ / "leaf.pem", identity_.certificate_chain_pem());
  std::filesystem::create_directory(folder_ / "www");
  write_file(folder_ / "www" / "body.bin", body_);
  const std::uint16_t port = free_udp_port();
  std::vector<std::string> arguments = {program, "--no-quic-dump", "--no-http-dump", "-d",
                                        folder_ / "www"};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  for (const std::string& last :
       {"127.0.0.1"s, std::to_string(port), (folder_ / "key.pem").string(),
        (folder_ / "leaf.pem").string()}) {
    arguments.push_back(last);
  }
  ChildProcess server(arguments, folder_ / "log");

  RecordingSink sink;
  QuicEndpoint::Options options;
  options.quic = lively();
  // It may still be starting: a lost first packet is sent again.
  options.quic.handshake_timeout = kLimit;
  UdpPeer client(std::move(options));
  TlsContext::Options tls;
  tls.alpn = {"h3"};
  tls.identity = identity_;  // shown only when the server asks
  tls.trust = Trust::pinned({identity_.fingerprint()});
  QuicEndpoint::Dial dial;
  dial.remote = SocketAddress::ipv4({127, 0, 0, 1}, port);
  dial.server_name = "localhost";
  dial.tls = TlsContext::make_client(std::move(tls)).value();
  QuicConnection& connection =
      **client.host().endpoint->connect(client.now(), std::move(dial), sink);
  sink.connection = &connection;
  ASSERT_TRUE(client.run_until([&] { return sink.is_connected(); }, kLimit)) << server.output();
  EXPECT_EQ(connection.alpn(), "h3");
  EXPECT_EQ(connection.peer_fingerprint(), identity_.fingerprint());

  connection.write(*connection.open_unidirectional(), Buffer::copy(kControlStream), false);
  int updates = 0;
  for (int get = 0; get < 3; ++get) {
    const StreamId id = *connection.open_bidirectional();
    connection.write(id, Buffer::copy(kGetHeaders), true);
    ASSERT_TRUE(client.run_until([&] { return sink.stream(id).fin || sink.is_closed(); }, kLimit))
        << server.output();
    // In DATA frames of the server's choice: its last bytes are those of the file.
    const std::string& received = sink.stream(id).received;
    ASSERT_GT(received.size(), kBodyBytes) << sink.close_message();
    EXPECT_TRUE(received.ends_with(body_.substr(kBodyBytes - 1000)));
    updates += client.run_until([&] { return connection.update_keys(client.now()).is_ok(); }, 5s);
  }
  EXPECT_EQ(updates, 3);
  connection.close(0x100, "");
  EXPECT_TRUE(client.run_until([&] { return sink.is_closed(); }, kLimit));
  EXPECT_GT(connection.stats().packets_received, 100u);
  EXPECT_NE(server.output().find(GetParam().expected_in_output), std::string::npos)
      << server.output().substr(0, 20'000);
}

INSTANTIATE_TEST_SUITE_P(
    All, GtlsServer,
    ::testing::Values(
        Case{"Plain", {}, "Negotiated cipher suite is AES-128-GCM"},
        Case{"ChaCha20", {kChaChaOnly}, "Negotiated cipher suite is CHACHA20-POLY1305"},
        Case{"Aes256", {kAes256Only}, "Negotiated cipher suite is AES-256-GCM"},
        Case{"Retry", {"-V"}, "Negotiated cipher suite"},
        Case{"AsksForACertificate", {"--verify-client"}, "Negotiated cipher suite"},
        Case{"Loss", {"--tx-loss=0.05", "--rx-loss=0.05"}, "Negotiated cipher suite"}),
    name_of);

}  // namespace
}  // namespace echostream::testing
