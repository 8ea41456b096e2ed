// Session tickets and early data against ngtcp2's example programs, whose TLS is GnuTLS.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/free_port.h"
#include "tests/support/test_certificates.h"
#include "tests/transport/child_process.h"
#include "tests/transport/udp_peer.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr Duration kLimit = 30s;

// HTTP/3 (RFC 9114), as much as it takes: a control stream with empty SETTINGS; ":status: 200" and
// a body of four bytes; GET https://localhost/body.bin.
const std::string kControlStream = "\x00\x04\x00"s;
const std::string kAnswer =
    "\x01\x03\x00\x00\xd9\x00\x04"s
    "body";
const std::string kGetHeaders = "\x01\x1a\x00\x00\xd1\xd7\x51\x09/body.bin\x50\x09localhost"s;

class GtlsResumption : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "resumption-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  void write_file(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  std::filesystem::path folder_;
  const Identity identity_ = Identity::self_signed("localhost", kCertificateTestTime).value();
};

// Answers each request once, and notes whether it came before the handshake was complete.
void answer(QuicHost& host, std::vector<bool>& early) {
  host.when_accepted = [&early](RecordingSink& sink) {
    RecordingSink* accepted = &sink;
    sink.when_connected = [accepted] {
      const auto control = accepted->connection->open_unidirectional();
      accepted->connection->write(*control, Buffer::copy(kControlStream), false);
    };
    sink.when_data = [accepted, &early](StreamId id, BytesView, bool fin) {
      if (!fin || !id.is_bidirectional()) return;
      early.push_back(!accepted->is_connected());
      accepted->connection->write(id, Buffer::copy(kAnswer), true);
    };
  };
}

TEST_F(GtlsResumption, ItsClientSendsUsEarlyDataTheSecondTime) {
  const std::string program = ChildProcess::find_program("gtlsclient");
  if (program.empty()) GTEST_SKIP() << "gtlsclient is not installed (Debian: ngtcp2-client)";
  QuicEndpoint::Options options;
  TlsContext::Options tls;
  tls.alpn = {"h3"};
  tls.identity = identity_;
  options.server_tls = TlsContext::make_server(std::move(tls)).value();
  UdpPeer server(std::move(options));
  std::vector<bool> early;
  answer(server.host(), early);
  const std::string port = std::to_string(server.host().address.port());
  for (int visit = 0; visit < 2; ++visit) {
    ChildProcess client(
        {program, "--no-quic-dump", "--no-http-dump", "--exit-on-all-streams-close",
         "--wait-for-ticket", "--timeout=20s", "--session-file=" + (folder_ / "session").string(),
         "--tp-file=" + (folder_ / "parameters").string(), "127.0.0.1", port,
         "https://localhost:" + port + "/body.bin"},
        folder_ / "log");
    ASSERT_TRUE(server.run_until([&] { return !client.is_running(); }, kLimit)) << client.output();
    ASSERT_EQ(early.size(), static_cast<std::size_t>(visit + 1)) << client.output();
  }
  EXPECT_EQ(early, (std::vector<bool>{false, true}));
  const QuicHost& host = server.host();
  ASSERT_EQ(host.accepted.size(), 2u);
  EXPECT_TRUE(host.accepted[1]->is_connected());
}

TEST_F(GtlsResumption, ItsServerTakesOurEarlyData) {
  const std::string program = ChildProcess::find_program("gtlsserver");
  if (program.empty()) GTEST_SKIP() << "gtlsserver is not installed (Debian: ngtcp2-server)";
  write_file("key.pem", identity_.private_key_pem());
  write_file("leaf.pem", identity_.certificate_chain_pem());
  std::filesystem::create_directory(folder_ / "www");
  write_file("www/body.bin", "the body");
  const std::uint16_t port = free_udp_port();
  ChildProcess server(
      {program, "--no-quic-dump", "--no-http-dump", "-d", (folder_ / "www").string(), "127.0.0.1",
       std::to_string(port), (folder_ / "key.pem").string(), (folder_ / "leaf.pem").string()},
      folder_ / "log");

  QuicEndpoint::Options options;
  options.quic.handshake_timeout = kLimit;  // it may still be starting
  UdpPeer client(std::move(options));
  TlsContext::Options tls;
  tls.alpn = {"h3"};
  tls.trust = Trust::pinned({identity_.fingerprint()});
  const auto context = TlsContext::make_client(std::move(tls)).value();
  const auto dial = [&](RecordingSink& sink, std::string ticket) {
    QuicEndpoint::Dial wanted;
    wanted.remote = SocketAddress::ipv4({127, 0, 0, 1}, port);
    wanted.server_name = "localhost";
    wanted.tls = context;
    wanted.ticket = std::move(ticket);
    wanted.early_data = true;
    sink.connection = *client.host().endpoint->connect(client.now(), std::move(wanted), sink);
  };
  RecordingSink first;
  dial(first, "");
  ASSERT_TRUE(client.run_until([&] { return !first.tickets.empty(); }, kLimit)) << server.output();
  first.connection->close(0x100, "");
  ASSERT_TRUE(client.run_until([&] { return first.is_closed(); }, kLimit));

  RecordingSink second;
  dial(second, first.tickets.back());
  ASSERT_TRUE(second.connection->can_send_early());
  const StreamId id = *second.connection->open_bidirectional();
  second.connection->write(id, Buffer::copy(kGetHeaders), true);
  ASSERT_TRUE(client.run_until([&] { return second.is_connected(); }, kLimit)) << server.output();
  EXPECT_TRUE(second.connection->is_resumed());
  EXPECT_EQ(second.connection->early_data_accepted(), true);
  second.connection->write(*second.connection->open_unidirectional(), Buffer::copy(kControlStream),
                           false);
  ASSERT_TRUE(client.run_until([&] { return second.stream(id).fin; }, kLimit)) << server.output();
  EXPECT_TRUE(second.stream(id).received.ends_with("the body"));
  second.connection->close(0x100, "");
  EXPECT_TRUE(client.run_until([&] { return second.is_closed(); }, kLimit));
}

}  // namespace
}  // namespace echostream::testing
