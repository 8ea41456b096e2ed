// Every error that the system can give to a send or a receive, put in where a healthy machine gives
// none: what the socket says of it, that it goes on, and that it never spins.
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/loop/uv/loop_test_support.h"
#include "runtime/loop/uv/native_address.h"
#include "runtime/loop/uv/udp_sender.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;
using SendResult = UdpSocket::SendResult;

class UdpFaultTest : public testing::Test {
 protected:
  // Opened last, after the test has said what is missing.
  void open() {
    to_ = open_socket(*loop_, address("127.0.0.1:0"), receiver_);
    from_ = open_socket(*loop_, address("127.0.0.1:0"), sender_);
  }
  void without_joining() { calls_.missing_options.insert({IPPROTO_UDP, UDP_SEGMENT}); }
  SendResult send(std::string_view data, std::size_t segment_size = 0) {
    return from_->send(datagrams_to(to_->local_address(), data, segment_size));
  }
  std::string received() const {
    std::string together;
    for (const Recorded& datagram : receiver_.datagrams) together += datagram.text + "|";
    return together;
  }

  FaultyCalls calls_;
  std::unique_ptr<UvLoop> loop_ = make_test_loop(calls_);
  RecordingHandler receiver_{*loop_};
  RecordingHandler sender_{*loop_};
  std::unique_ptr<UdpSocket> to_;
  std::unique_ptr<UdpSocket> from_;
};

// What a single error means, whichever call gives it.
struct ErrorCase {
  int error;
  SendResult result;
  int calls;  // how many system calls a single send makes of it
  friend void PrintTo(const ErrorCase& test, std::ostream* out) {
    *out << uv_err_name(-test.error);
  }
};

class UdpErrorTest : public testing::TestWithParam<ErrorCase> {};

INSTANTIATE_TEST_SUITE_P(Errors, UdpErrorTest,
                         testing::Values(ErrorCase{EAGAIN, SendResult::kBlocked, 1},
                                         ErrorCase{ENOBUFS, SendResult::kBlocked, 1},
                                         ErrorCase{ENOMEM, SendResult::kBlocked, 1},
                                         ErrorCase{EMSGSIZE, SendResult::kTooBig, 1},
                                         ErrorCase{ECONNREFUSED, SendResult::kDropped, 2},
                                         ErrorCase{ECONNRESET, SendResult::kDropped, 2},
                                         ErrorCase{EHOSTUNREACH, SendResult::kDropped, 2},
                                         ErrorCase{EINTR, SendResult::kDropped, 2},
                                         ErrorCase{ENETUNREACH, SendResult::kDropped, 1},
                                         ErrorCase{EPERM, SendResult::kDropped, 1},
                                         ErrorCase{EACCES, SendResult::kDropped, 1},
                                         ErrorCase{EINVAL, SendResult::kDropped, 1},
                                         ErrorCase{EIO, SendResult::kDropped, 1}));

TEST_P(UdpErrorTest, HasOneMeaningAndABoundedCostForEveryCall) {
  const ErrorCase test = GetParam();
  // One datagram by sendmsg; three by sendmmsg; three by UDP_SEGMENT, which falls back to sendmmsg
  // when the error may be about joining.
  for (const int way : {0, 1, 2}) {
    FaultyCalls calls;
    if (way == 1) calls.missing_options.insert({IPPROTO_UDP, UDP_SEGMENT});
    auto loop = make_test_loop(calls);
    RecordingHandler handler(*loop);
    auto socket = open_socket(*loop, address("127.0.0.1:0"), handler);
    calls.send_errors.assign(50, test.error);
    calls.send_many_errors.assign(50, test.error);
    const auto out = datagrams_to(socket->local_address(), "aabbcc", way == 0 ? 6 : 2);
    EXPECT_EQ(socket->send(out), test.result) << "way " << way;
    const int most = way == 2 ? 2 * test.calls : test.calls;
    EXPECT_LE(calls.sends + calls.sends_of_many, most) << "way " << way;
    EXPECT_GE(calls.sends + calls.sends_of_many, test.calls) << "way " << way;
    if (test.result == SendResult::kBlocked) continue;
    // The next one has nothing to do with it.
    calls.send_errors.clear();
    calls.send_many_errors.clear();
    EXPECT_EQ(socket->send(out), SendResult::kSent);
    EXPECT_TRUE(handler.wait_for(way == 0 ? 1 : 3));
  }
}

TEST_F(UdpFaultTest, TellsOnceWhenABlockedSocketTakesDatagramsAgain) {
  open();
  calls_.send_errors = {EAGAIN};
  EXPECT_EQ(send("first"), SendResult::kBlocked);
  // Not even a system call before that.
  EXPECT_EQ(send("second"), SendResult::kBlocked);
  EXPECT_EQ(calls_.sends, 1);
  ASSERT_TRUE(sender_.wait_until([&] { return sender_.writable == 1; }));
  EXPECT_EQ(send("first"), SendResult::kSent);
  EXPECT_EQ(send("second"), SendResult::kSent);
  ASSERT_TRUE(receiver_.wait_for(2));
  EXPECT_EQ(received(), "first|second|");
  // A socket that is nearly always writable is not watched for that any more.
  const Duration before = thread_cpu_time();
  run_for(*loop_, 100ms);
  EXPECT_LT(thread_cpu_time() - before, 50ms);
  EXPECT_EQ(sender_.writable, 1);
}

TEST_F(UdpFaultTest, TakesTheSameAgainFromInsideHandleWritable) {
  open();
  calls_.send_errors = {EAGAIN, EAGAIN, EAGAIN};
  EXPECT_EQ(send("x"), SendResult::kBlocked);
  sender_.on_writable = [&] {
    EXPECT_EQ(send("x"), sender_.writable < 3 ? SendResult::kBlocked : SendResult::kSent);
  };
  ASSERT_TRUE(receiver_.wait_for(1));
  EXPECT_EQ(sender_.writable, 3);
}

TEST_F(UdpFaultTest, WaitsLongerAndLongerWhenTheSystemIsOutOfBuffersAndThenDrops) {
  open();
  calls_.send_errors.assign(5, ENOBUFS);
  std::vector<LocalTime> tries{loop_->now()};
  ASSERT_EQ(send("lost"), SendResult::kBlocked);
  SendResult last = SendResult::kBlocked;
  sender_.on_writable = [&] {
    tries.push_back(loop_->now());
    last = send("lost");
  };
  ASSERT_TRUE(sender_.wait_until([&] { return last != SendResult::kBlocked; }));
  EXPECT_EQ(last, SendResult::kDropped);
  ASSERT_EQ(tries.size(), 5u);
  for (std::size_t i = 1; i < tries.size(); ++i) {
    EXPECT_GE(tries[i] - tries[i - 1], 1ms * (1 << (i - 1)));
  }
  EXPECT_EQ(calls_.sends, 5);
  EXPECT_EQ(send("next"), SendResult::kSent);
  ASSERT_TRUE(receiver_.wait_for(1));
  EXPECT_EQ(received(), "next|");
}

TEST_F(UdpFaultTest, StartsWithTheShortestWaitAgainAfterASuccess) {
  open();
  for (int round = 0; round < 3; ++round) {
    calls_.send_errors.assign(3, ENOBUFS);
    SendResult last = send("x");
    sender_.on_writable = [&] { last = send("x"); };
    ASSERT_TRUE(sender_.wait_until([&] { return last != SendResult::kBlocked; }));
    EXPECT_EQ(last, SendResult::kSent);
  }
}

TEST_F(UdpFaultTest, KeepsTheRestOfARunThatTheSystemTookHalf) {
  without_joining();
  open();
  // Three of eight go out, then the socket is full, twice.
  calls_.most_in_one_call = 3;
  calls_.send_many_errors = {0, EAGAIN, EAGAIN};
  std::string data = "aabbccddeeffgghhi";
  EXPECT_EQ(send(data, 2), SendResult::kSent);
  data.assign(data.size(), '-');  // the caller's bytes are its own again
  EXPECT_EQ(send("next"), SendResult::kBlocked);
  ASSERT_TRUE(sender_.wait_until([&] { return sender_.writable == 1; }));
  EXPECT_EQ(send("next"), SendResult::kSent);
  ASSERT_TRUE(receiver_.wait_for(10));
  EXPECT_EQ(received(), "aa|bb|cc|dd|ee|ff|gg|hh|i|next|");
}

TEST_F(UdpFaultTest, SaysNothingOfWritableToWhoWasNotRefused) {
  without_joining();
  open();
  calls_.most_in_one_call = 1;
  calls_.send_many_errors = {0, EAGAIN};
  EXPECT_EQ(send("aabbcc", 2), SendResult::kSent);
  ASSERT_TRUE(receiver_.wait_for(3));
  run_for(*loop_, 2ms);
  EXPECT_EQ(sender_.writable, 0);
}

TEST_F(UdpFaultTest, KeepsTheRestWhenBuffersRunOutAndDropsItWhenTheyStayOut) {
  without_joining();
  open();
  calls_.most_in_one_call = 1;
  calls_.send_many_errors = {0, ENOBUFS, ENOBUFS, ENOBUFS, ENOBUFS, ENOBUFS};
  EXPECT_EQ(send("aabbcc", 2), SendResult::kSent);
  EXPECT_EQ(send("next"), SendResult::kBlocked);
  ASSERT_TRUE(sender_.wait_until([&] { return sender_.writable == 1; }));
  EXPECT_EQ(send("next"), SendResult::kSent);
  ASSERT_TRUE(receiver_.wait_for(2));
  EXPECT_EQ(received(), "aa|next|");
}

TEST_F(UdpFaultTest, MayBeDestroyedWhileItKeepsARest) {
  without_joining();
  open();
  calls_.most_in_one_call = 1;
  calls_.send_many_errors = {0, EAGAIN};
  EXPECT_EQ(send("aabbcc", 2), SendResult::kSent);
  from_.reset();
  calls_.send_many_errors = {0, ENOBUFS};
  from_ = open_socket(*loop_, address("127.0.0.1:0"), sender_);
  EXPECT_EQ(send("ddeeff", 2), SendResult::kSent);
  from_.reset();
  run_for(*loop_, 5ms);
  EXPECT_EQ(received(), "aa|dd|");
}

class UdpWithoutJoiningTest : public UdpFaultTest, public testing::WithParamInterface<int> {};

INSTANTIATE_TEST_SUITE_P(Errors, UdpWithoutJoiningTest,
                         testing::Values(EIO, EINVAL, ENOPROTOOPT, EOPNOTSUPP));

TEST_P(UdpWithoutJoiningTest, FindsOutOnceAndSendsOneByOne) {
  open();
  calls_.send_errors = {GetParam()};
  EXPECT_EQ(send("aabbc", 2), SendResult::kSent);
  EXPECT_EQ(calls_.sends, 1);
  EXPECT_EQ(calls_.sends_of_many, 1);
  EXPECT_EQ(send("ddeef", 2), SendResult::kSent);
  EXPECT_EQ(calls_.sends, 1);
  EXPECT_EQ(calls_.sends_of_many, 2);
  ASSERT_TRUE(receiver_.wait_for(6));
  EXPECT_EQ(received(), "aa|bb|c|dd|ee|f|");
}

TEST_F(UdpFaultTest, JoinsNoMoreThanTheKernelTakes) {
  open();
  EXPECT_EQ(send(letters(130, 3), 3), SendResult::kSent);  // 64 + 64 + 2 datagrams
  EXPECT_EQ(calls_.sends, 3);
  EXPECT_EQ(send(letters(60, 1400), 1400), SendResult::kSent);  // 46 * 1400 is below 65,507
  EXPECT_EQ(calls_.sends, 5);
  EXPECT_EQ(calls_.sends_of_many, 0);
  EXPECT_TRUE(receiver_.wait_for(190));
}

TEST_F(UdpFaultTest, NeverLetsTheSystemFragment) {
  open();
  int value = -1;
  socklen_t size = sizeof value;
  ASSERT_EQ(::getsockopt(calls_.last_opened, IPPROTO_IP, IP_MTU_DISCOVER, &value, &size), 0);
  EXPECT_EQ(value, IP_PMTUDISC_PROBE);
}

TEST_F(UdpFaultTest, GoesOnJoiningWhenSomethingElseWasWrong) {
  open();
  // An old kernel's answer to a run that is too big for the path, and then the true one.
  calls_.send_errors = {EINVAL};
  calls_.send_many_errors = {EMSGSIZE};
  EXPECT_EQ(send("aabbc", 2), SendResult::kTooBig);
  EXPECT_EQ(send("ddeef", 2), SendResult::kSent);
  EXPECT_EQ(calls_.sends, 2);
  EXPECT_EQ(calls_.sends_of_many, 1);
}

TEST_F(UdpFaultTest, SendsOneByOneWhereTheSystemHasNoCallForMany) {
  without_joining();
  open();
  calls_.send_many_errors = {ENOSYS};
  EXPECT_EQ(send("aabbc", 2), SendResult::kSent);
  EXPECT_EQ(send("ddeef", 2), SendResult::kSent);
  EXPECT_EQ(calls_.sends, 6);
  EXPECT_EQ(calls_.sends_of_many, 1);
  ASSERT_TRUE(receiver_.wait_for(6));
  EXPECT_EQ(received(), "aa|bb|c|dd|ee|f|");
}

TEST_F(UdpFaultTest, ReceivesOnAfterErrorsOfEarlierSends) {
  open();
  calls_.receive_errors = {ECONNREFUSED, EHOSTUNREACH, EINTR};
  EXPECT_EQ(send("x"), SendResult::kSent);
  EXPECT_TRUE(receiver_.wait_for(1));
}

TEST_F(UdpFaultTest, ReceivesOnAfterTheKernelReportedAnErrorOfTheSocket) {
  open();
  // Where nobody is: a socket's address, after it was closed.
  auto socket = open_socket(*loop_, address("127.0.0.1:0"), sender_);
  const auto nobody = to_native(socket->local_address(), AF_INET);
  socket = open_socket(*loop_, address("127.0.0.1:0"), receiver_);
  const int fd = calls_.last_opened;
  // Only a connected UDP socket hears of ICMP errors, and is then polled as erroneous (POLLERR).
  ASSERT_EQ(::connect(fd, nobody->get(), nobody->size), 0);
  EXPECT_EQ(socket->send(datagrams_to(from_native(nobody->get()), "x")), SendResult::kSent);
  run_for(*loop_, 5ms);
  EXPECT_LE(calls_.receives, 4);
  // Then somebody is there.
  from_ = open_socket(*loop_, from_native(nobody->get()), sender_);
  EXPECT_EQ(from_->send(datagrams_to(socket->local_address(), "still there")), SendResult::kSent);
  ASSERT_TRUE(receiver_.wait_for(1));
  EXPECT_EQ(received(), "still there|");
}

TEST_F(UdpFaultTest, BoundsItsTriesWhenReceivingOnlyGivesErrors) {
  open();
  calls_.receive_errors.assign(8, ENOMEM);
  EXPECT_EQ(send("x"), SendResult::kSent);
  int turns_before = -1;
  // Others get their turn between two rounds of errors.
  TestTimer timer([&](LocalTime) { turns_before = calls_.receives; });
  loop_->arm(timer, loop_->now());
  EXPECT_TRUE(receiver_.wait_for(1));
  EXPECT_GE(turns_before, 0);
  EXPECT_LE(turns_before, 8);
}

TEST_F(UdpFaultTest, DropsTruncatedDatagrams) {
  open();
  for (const int flag : {MSG_TRUNC, MSG_CTRUNC}) {
    calls_.after_receive = [&](mmsghdr* messages, int) {
      messages[0].msg_hdr.msg_flags |= flag;
      calls_.after_receive = nullptr;
    };
    const int batches = receiver_.batch_ends;
    EXPECT_EQ(send("cut"), SendResult::kSent);
    run_for(*loop_, 5ms);
    EXPECT_EQ(receiver_.batch_ends, batches);
    EXPECT_EQ(send("whole"), SendResult::kSent);
    EXPECT_TRUE(receiver_.wait_until([&] { return receiver_.batch_ends > batches; }));
  }
  EXPECT_EQ(received(), "whole|whole|");
}

TEST_F(UdpFaultTest, StampsWithTheTimeOfReadingWhereTheKernelDoesNotStamp) {
  calls_.missing_options = {{SOL_SOCKET, SO_TIMESTAMPNS}, {IPPROTO_UDP, UDP_GRO}};
  open();
  const LocalTime before = loop_->now();
  EXPECT_EQ(send("aabb", 2), SendResult::kSent);
  ASSERT_TRUE(receiver_.wait_for(2));
  EXPECT_GE(receiver_.datagrams[0].received_at, before);
  EXPECT_LE(receiver_.datagrams[0].received_at, receiver_.datagrams[0].handled_at);
  EXPECT_EQ(received(), "aa|bb|");
}

TEST_F(UdpFaultTest, AnyIpv6AddressMeansAnyIpv4AddressWhereThereIsNoIpv6) {
  calls_.missing_families = {AF_INET6};
  auto socket = open_socket(*loop_, address("[::]:0"), receiver_);
  EXPECT_EQ(socket->local_address().family(), SocketAddress::Family::kIpv4);
  EXPECT_TRUE(socket->local_address().is_any());
  UdpOptions options;
  options.bind_to = address("[::1]:0");
  const Status status = loop_->open_udp(options, receiver_).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("does not have that kind"));
}

TEST_F(UdpFaultTest, SaysWhenAnOptionThatItNeedsIsMissing) {
  calls_.missing_options = {{SOL_SOCKET, SO_REUSEPORT}};
  UdpOptions options;
  options.bind_to = address("127.0.0.1:0");
  options.reuse_port = true;
  EXPECT_EQ(loop_->open_udp(options, receiver_).status().code(), StatusCode::kUnavailable);
}

TEST_F(UdpFaultTest, LosesDoublesAndReordersNothingWhateverMixOfPassingErrorsComes) {
  without_joining();
  open();
  calls_.most_in_one_call = 2;
  std::string expected;
  int sent = 0;
  const std::string run = "aabbccdd";
  const std::array<int, 7> errors = {0, EAGAIN, 0, ENOBUFS, ECONNREFUSED, 0, EAGAIN};
  for (int i = 0; i < 300; ++i) calls_.send_many_errors.push_back(errors[i % errors.size()]);
  const auto send_on = [&] {
    while (sent < 100 && send(run, 2) == SendResult::kSent) {
      expected += "aa|bb|cc|dd|";
      ++sent;
    }
  };
  sender_.on_writable = send_on;
  send_on();
  ASSERT_TRUE(receiver_.wait_for(400));
  EXPECT_EQ(received(), expected);
}

}  // namespace
}  // namespace echostream::internal
