// Real sockets on the loopback interface.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "runtime/loop/uv/loop_test_support.h"
#include "runtime/loop/uv/native_address.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;
using SendResult = UdpSocket::SendResult;

bool has_ipv6() {
  static const bool kAnswer = [] {
    auto loop = make_loop().value();
    RecordingHandler handler(*loop);
    UdpOptions options;
    options.bind_to = address("[::1]:0");
    return loop->open_udp(options, handler).has_value();
  }();
  return kAnswer;
}

#define SKIP_WITHOUT_IPV6()                                               \
  if (!has_ipv6())                                                        \
  GTEST_SKIP() << "NOT TESTED: this machine has no IPv6 on its loopback " \
                  "interface"

class UdpTest : public testing::Test {
 protected:
  std::unique_ptr<UdpSocket> open(const char* where, RecordingHandler& handler) {
    return open_socket(*loop_, address(where), handler);
  }
  // Sends there and back; what comes must be what was sent, from who sent it.
  void echo(const char* server_address, const char* client_address, const char* target);

  SystemSocketCalls calls_;
  std::unique_ptr<UvLoop> loop_ = make_test_loop(calls_);
  RecordingHandler a_{*loop_};
  RecordingHandler b_{*loop_};
};

void UdpTest::echo(const char* server_address, const char* client_address, const char* target) {
  auto server = open(server_address, a_);
  auto client = open(client_address, b_);
  a_.on_datagram = [&](const ReceivedDatagram& datagram) {
    const std::string answer = "re: " + std::string(as_text(datagram.data));
    OutgoingDatagrams out = datagrams_to(datagram.remote, answer);
    out.local = datagram.local;
    EXPECT_EQ(server->send(out), SendResult::kSent);
  };
  const SocketAddress to = address(target).with_port(server->local_address().port());
  ASSERT_EQ(client->send(datagrams_to(to, "hello")), SendResult::kSent);
  ASSERT_TRUE(b_.wait_for(1));
  EXPECT_EQ(b_.datagrams[0].text, "re: hello");
  EXPECT_EQ(b_.datagrams[0].remote, to);
  ASSERT_EQ(a_.datagrams.size(), 1u);
  EXPECT_EQ(a_.datagrams[0].local, to);
  EXPECT_EQ(a_.datagrams[0].remote.port(), client->local_address().port());
  EXPECT_EQ(a_.datagrams[0].remote.family(), to.family());
}

TEST_F(UdpTest, EchoesOverIpv4) { echo("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"); }

TEST_F(UdpTest, AnswersFromTheAddressThatWasAskedOverIpv4) {
  echo("0.0.0.0:0", "0.0.0.0:0", "127.0.0.2:0");
}

TEST_F(UdpTest, EchoesOverIpv6) {
  SKIP_WITHOUT_IPV6();
  echo("[::1]:0", "[::1]:0", "[::1]:0");
}

TEST_F(UdpTest, AnyIpv6AddressTakesIpv6) {
  SKIP_WITHOUT_IPV6();
  echo("[::]:0", "[::]:0", "[::1]:0");
}

TEST_F(UdpTest, AnyIpv6AddressTakesIpv4AsPlainIpv4) {
  SKIP_WITHOUT_IPV6();
  echo("[::]:0", "127.0.0.1:0", "127.0.0.2:0");
}

TEST_F(UdpTest, SendsToIpv4FromAnIpv6Socket) {
  SKIP_WITHOUT_IPV6();
  echo("127.0.0.1:0", "[::]:0", "127.0.0.1:0");
}

TEST_F(UdpTest, DropsWhatItHasNoWayToReach) {
  auto ipv4 = open("127.0.0.1:0", a_);
  EXPECT_EQ(ipv4->send(datagrams_to(address("[::1]:9"), "x")), SendResult::kDropped);
  EXPECT_EQ(ipv4->send(datagrams_to(SocketAddress(), "x")), SendResult::kDropped);
  OutgoingDatagrams foreign = datagrams_to(ipv4->local_address(), "x");
  foreign.local = address("192.0.2.1:0");  // not an address of ours
  EXPECT_EQ(ipv4->send(foreign), SendResult::kDropped);
}

struct RunCase {
  const char* where;
  std::size_t count;
  std::size_t size;
  std::size_t last;
  friend void PrintTo(const RunCase& run, std::ostream* out) {
    *out << run.count << "x" << run.size << "last" << run.last
         << (run.where[0] == '[' ? "Ipv6" : "Ipv4");
  }
};

class UdpRunTest : public testing::TestWithParam<RunCase> {};

// More than 64 datagrams, or more than 65,507 bytes, take several system calls.
INSTANTIATE_TEST_SUITE_P(
    Sizes, UdpRunTest,
    testing::Values(RunCase{"127.0.0.1:0", 10, 1200, 1200}, RunCase{"127.0.0.1:0", 10, 1200, 7},
                    RunCase{"127.0.0.1:0", 2, 1200, 1}, RunCase{"127.0.0.1:0", 200, 100, 50},
                    RunCase{"127.0.0.1:0", 130, 1, 1}, RunCase{"127.0.0.1:0", 60, 1452, 1452},
                    RunCase{"127.0.0.1:0", 4, 32753, 32753}, RunCase{"127.0.0.1:0", 3, 32754, 9},
                    RunCase{"127.0.0.1:0", 2, 65507, 65507}, RunCase{"[::1]:0", 100, 1200, 600},
                    RunCase{"[::1]:0", 3, 32753, 32753}));

TEST_P(UdpRunTest, ArrivesAsTheDatagramsItIsMadeOf) {
  const RunCase run = GetParam();
  if (address(run.where).family() == SocketAddress::Family::kIpv6) SKIP_WITHOUT_IPV6();
  auto loop = make_loop().value();
  RecordingHandler receiver(*loop);
  RecordingHandler sender(*loop);
  auto to = open_socket(*loop, address(run.where), receiver);
  auto from = open_socket(*loop, address(run.where), sender);
  std::string data = letters(run.count, run.size);
  data.resize(data.size() - run.size + run.last);
  const auto out = datagrams_to(to->local_address(), data, run.size);
  ASSERT_EQ(from->send(out), SendResult::kSent);
  ASSERT_TRUE(receiver.wait_for(run.count));
  run_for(*loop, 2ms);
  ASSERT_EQ(receiver.datagrams.size(), run.count);
  std::string together;
  for (std::size_t i = 0; i < run.count; ++i) {
    EXPECT_EQ(receiver.datagrams[i].text.size(), i + 1 < run.count ? run.size : run.last);
    together += receiver.datagrams[i].text;
  }
  EXPECT_TRUE(together == data);
}

struct EcnCase {
  const char* name;
  const char* receive_at;
  const char* send_from;
  const char* send_to;
  friend void PrintTo(const EcnCase& test, std::ostream* out) { *out << test.name; }
};

class UdpEcnTest : public testing::TestWithParam<EcnCase> {};

INSTANTIATE_TEST_SUITE_P(
    Families, UdpEcnTest,
    testing::Values(EcnCase{"Ipv4", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"},
                    EcnCase{"Ipv6", "[::1]:0", "[::1]:0", "[::1]:0"},
                    EcnCase{"Ipv4ToDualStack", "[::]:0", "127.0.0.1:0", "127.0.0.1:0"},
                    EcnCase{"DualStackToIpv4", "127.0.0.1:0", "[::]:0", "127.0.0.1:0"}));

TEST_P(UdpEcnTest, CarriesTheEcnField) {
  const EcnCase test = GetParam();
  if (test.receive_at[0] == '[' || test.send_from[0] == '[') SKIP_WITHOUT_IPV6();
  auto loop = make_loop().value();
  RecordingHandler receiver(*loop);
  RecordingHandler sender(*loop);
  auto to = open_socket(*loop, address(test.receive_at), receiver);
  auto from = open_socket(*loop, address(test.send_from), sender);
  const std::string data = letters(3, 100);
  const SocketAddress target = address(test.send_to).with_port(to->local_address().port());
  std::size_t expected = 0;
  for (const Ecn ecn : {Ecn::kNotEct, Ecn::kEct1, Ecn::kEct0, Ecn::kCe}) {
    auto out = datagrams_to(target, data, 100);
    out.ecn = ecn;
    ASSERT_EQ(from->send(out), SendResult::kSent);
    expected += 3;
    ASSERT_TRUE(receiver.wait_for(expected));
    EXPECT_EQ(receiver.datagrams.back().ecn, ecn);
  }
}

TEST_F(UdpTest, SendsFromTheSourceAddressThatIsAskedFor) {
  auto to = open("127.0.0.1:0", a_);
  auto from = open("0.0.0.0:0", b_);
  const std::string data = letters(2, 10);
  auto out = datagrams_to(to->local_address(), data, 10);
  out.local = address("127.0.0.3:0");
  ASSERT_EQ(from->send(out), SendResult::kSent);
  ASSERT_TRUE(a_.wait_for(2));
  EXPECT_EQ(a_.datagrams[1].remote, address("127.0.0.3:0").with_port(from->local_address().port()));
}

TEST_F(UdpTest, StampsADatagramWhenItArrivedNotWhenItWasRead) {
  auto to = open("127.0.0.1:0", a_);
  auto from = open("127.0.0.1:0", b_);
  // The kernel begins to stamp a moment after the first socket has asked for it; until then it
  // gives the time of reading.
  bool is_stamped = false;
  for (std::size_t i = 0; i < 50 && !is_stamped; ++i) {
    const LocalTime before = loop_->now();
    ASSERT_EQ(from->send(datagrams_to(to->local_address(), "x")), SendResult::kSent);
    const LocalTime sent = loop_->now();
    // On the loopback interface it has arrived; the loop is busy meanwhile.
    while (loop_->now() - sent < 20ms) {
    }
    ASSERT_TRUE(a_.wait_for(i + 1));
    const Recorded& datagram = a_.datagrams[i];
    EXPECT_LE(datagram.received_at, datagram.handled_at);
    // Not exactly: the two clocks are read one after the other.
    EXPECT_GE(datagram.received_at, before - 1ms);
    is_stamped = datagram.received_at <= sent + 1ms;
  }
  EXPECT_TRUE(is_stamped);
}

TEST_F(UdpTest, EndsEachBatchOnceAndBoundsIt) {
  auto to = open("127.0.0.1:0", a_);
  auto from = open("127.0.0.1:0", b_);
  // Single datagrams, none joined by the kernel.
  for (int i = 0; i < 700; ++i) {
    ASSERT_EQ(from->send(datagrams_to(to->local_address(), "x")), SendResult::kSent);
  }
  std::size_t most_in_a_batch = 0;
  std::size_t before = 0;
  ASSERT_TRUE(a_.wait_until([&] {
    most_in_a_batch = std::max(most_in_a_batch, a_.datagrams.size() - before);
    before = a_.datagrams.size();
    return before >= 700;
  }));
  EXPECT_LE(most_in_a_batch, 256u + 16u);
  EXPECT_GE(a_.batch_ends, 3);
  EXPECT_LE(a_.batch_ends, 10);
}

TEST_F(UdpTest, HandsOverEmptyDatagramsAndCountsThem) {
  auto to = open("127.0.0.1:0", a_);
  const int raw = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const UniqueFd peer(raw);
  const auto target = to_native(to->local_address(), AF_INET);
  for (int i = 0; i < 600; ++i) {
    ASSERT_EQ(::sendto(raw, "", 0, 0, target->get(), target->size), 0);
  }
  ASSERT_TRUE(a_.wait_for(600));
  EXPECT_GE(a_.batch_ends, 2);
  EXPECT_TRUE(a_.datagrams[599].text.empty());
}

TEST_F(UdpTest, SaysThatADatagramIsTooBig) {
  auto to = open("127.0.0.1:0", a_);
  auto from = open("127.0.0.1:0", b_);
  const std::string most(65507, 'm');
  const std::string too_big(65508, 'b');
  EXPECT_EQ(from->send(datagrams_to(to->local_address(), too_big)), SendResult::kTooBig);
  EXPECT_EQ(from->send(datagrams_to(to->local_address(), most)), SendResult::kSent);
  ASSERT_TRUE(a_.wait_for(1));
  EXPECT_TRUE(a_.datagrams[0].text == most);
}

TEST_F(UdpTest, SendsNothingWhenThereIsNothing) {
  auto to = open("127.0.0.1:0", a_);
  EXPECT_EQ(to->send(datagrams_to(to->local_address(), "", 1200)), SendResult::kSent);
  run_for(*loop_, 2ms);
  EXPECT_TRUE(a_.datagrams.empty());
}

TEST_F(UdpTest, SaysWhyItCannotBind) {
  auto first = open("127.0.0.1:0", a_);
  UdpOptions options;
  options.bind_to = first->local_address();
  const Status in_use = loop_->open_udp(options, b_).status();
  EXPECT_EQ(in_use.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(in_use.message()),
              testing::AllOf(testing::HasSubstr(first->local_address().to_string()),
                             testing::HasSubstr("Address already in use"),
                             testing::HasSubstr("choose another port")));
  options.bind_to = address("192.0.2.1:0");
  const Status foreign = loop_->open_udp(options, b_).status();
  EXPECT_EQ(foreign.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(foreign.message()), testing::HasSubstr("no interface of this machine"));
  EXPECT_EQ(loop_->open_udp(UdpOptions(), b_).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(UdpTest, SharesAPortWhenAllAskForIt) {
  UdpOptions options;
  options.bind_to = address("127.0.0.1:0");
  options.reuse_port = true;
  auto first = loop_->open_udp(options, a_);
  ASSERT_TRUE(first.has_value());
  options.bind_to = (*first)->local_address();
  auto second = loop_->open_udp(options, b_);
  ASSERT_TRUE(second.has_value()) << second.status();
  EXPECT_EQ((*second)->local_address(), options.bind_to);
}

TEST_F(UdpTest, OneSocketMayBeDestroyedWhileAnotherIsHandled) {
  // All three are readable in the same poll; whoever is first destroys the two others.
  RecordingHandler c(*loop_);
  auto sender = open("127.0.0.1:0", c);
  std::array<std::unique_ptr<RecordingHandler>, 3> handlers;
  std::array<std::unique_ptr<UdpSocket>, 3> sockets;
  for (std::size_t i = 0; i < 3; ++i) {
    handlers[i] = std::make_unique<RecordingHandler>(*loop_);
    sockets[i] = open("127.0.0.1:0", *handlers[i]);
    handlers[i]->on_datagram = [&, i](const ReceivedDatagram&) {
      for (std::size_t other = 0; other < 3; ++other) {
        if (other != i) sockets[other].reset();
      }
      loop_->stop();
    };
    ASSERT_EQ(sender->send(datagrams_to(sockets[i]->local_address(), "x")), SendResult::kSent);
  }
  ASSERT_TRUE(run_bounded(*loop_));
  std::size_t handled = 0;
  for (const auto& handler : handlers) handled += handler->datagrams.size();
  EXPECT_EQ(handled, 1u);
}

TEST_F(UdpTest, MayBeDestroyedFromATimerOrAReadyNodeWhileDatagramsWait) {
  auto first = open("127.0.0.1:0", a_);
  auto second = open("127.0.0.1:0", a_);
  auto sender = open("127.0.0.1:0", b_);
  ASSERT_EQ(sender->send(datagrams_to(first->local_address(), "x")), SendResult::kSent);
  ASSERT_EQ(sender->send(datagrams_to(second->local_address(), "x")), SendResult::kSent);
  TestNode node([&] { first.reset(); });
  TestTimer timer([&](LocalTime) { second.reset(); });
  loop_->schedule(node);
  loop_->arm(timer, loop_->now());
  run_for(*loop_, 5ms);
  EXPECT_EQ(first, nullptr);
  EXPECT_EQ(second, nullptr);
  EXPECT_TRUE(a_.datagrams.empty());
}

}  // namespace
}  // namespace echostream::internal
