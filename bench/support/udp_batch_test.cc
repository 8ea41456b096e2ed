#include "bench/support/udp_batch.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace bench {
namespace {

struct Pair {
  Pair() {
    sockaddr_in loopback{};
    EXPECT_TRUE(parse_ipv4("127.0.0.1:0", loopback));
    std::string why;
    from = UdpBatch::open(loopback, why);
    to = UdpBatch::open(loopback, why);
    EXPECT_TRUE(from && to) << why;
  }
  // The sizes of the datagrams that come until `bytes` have.
  std::vector<std::size_t> receive(std::size_t bytes, std::string& text) {
    std::vector<std::size_t> sizes;
    while (text.size() < bytes) {
      to->wait(5'000'000'000);
      const std::size_t runs =
          to->receive([&](UdpBatch::Bytes data, std::size_t segment, const sockaddr_in& sender) {
            EXPECT_EQ(sender.sin_port, from->local().sin_port);
            text.append(data.begin(), data.end());
            for (; !data.empty(); data = data.subspan(sizes.back())) {
              sizes.push_back(std::min(segment, data.size()));
            }
          });
      if (runs == 0) break;
    }
    return sizes;
  }
  std::unique_ptr<UdpBatch> from;
  std::unique_ptr<UdpBatch> to;
};

TEST(UdpBatch, CutsWhatIsQueuedIntoDatagrams) {
  Pair pair;
  const std::string sent(10 * 1000 + 1, 'x');
  pair.from->queue({reinterpret_cast<const std::uint8_t*>(sent.data()), sent.size()}, 1000,
                   pair.to->local());
  pair.from->flush();
  std::string received;
  std::vector<std::size_t> sizes = pair.receive(sent.size(), received);
  EXPECT_EQ(received, sent);
  ASSERT_EQ(sizes.size(), 11u);
  EXPECT_EQ(sizes.back(), 1u);
  sizes.pop_back();
  EXPECT_EQ(sizes, std::vector<std::size_t>(10, 1000));
}

TEST(UdpBatch, KeepsTheSizesOfDatagramsThatAreAddedOneByOne) {
  Pair pair;
  // A longer one ends a run, a shorter one ends it too.
  const std::vector<std::size_t> sizes = {100, 100, 40, 100, 200, 200, 1};
  std::string sent;
  for (const std::size_t size : sizes) {
    const std::string datagram(size, static_cast<char>('a' + sent.size() % 26));
    std::copy(datagram.begin(), datagram.end(), pair.from->room());
    pair.from->add(size, pair.to->local());
    sent += datagram;
  }
  pair.from->flush();
  std::string received;
  EXPECT_EQ(pair.receive(sent.size(), received), sizes);
  EXPECT_EQ(received, sent);
}

TEST(UdpBatch, ReadsNothingWhereNothingCame) {
  Pair pair;
  pair.to->wait(1'000'000);
  EXPECT_EQ(pair.to->receive([](UdpBatch::Bytes, std::size_t, const sockaddr_in&) {}), 0u);
}

TEST(ParseIpv4, TakesAnAddressWithAPortOnly) {
  sockaddr_in address{};
  ASSERT_TRUE(parse_ipv4("127.0.0.1:4433", address));
  EXPECT_EQ(ntohs(address.sin_port), 4433);
  EXPECT_EQ(ntohl(address.sin_addr.s_addr), 0x7f000001u);
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:1x",
                          "localhost:1", "::1:5", "1.2.3:5"}) {
    EXPECT_FALSE(parse_ipv4(bad, address)) << bad;
  }
}

}  // namespace
}  // namespace bench
