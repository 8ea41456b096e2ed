// A machine with two networks, "Wi-Fi" and "mobile", and a server that is reached over both:
// network namespaces, joined by two pairs of virtual Ethernet devices.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "tests/integration/process.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr Process::Timeout kPatience = 60s;

// Runs a shell command; true when it went well.
bool shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

class TwoNetworks : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string id = std::to_string(getpid());
    client_ = "esc" + id;
    server_ = "ess" + id;
    if (geteuid() != 0 || !shell("ip netns add " + client_)) {
      std::cerr << "*** SKIPPED: needs root, the command ip and network namespaces ***\n";
      GTEST_SKIP() << "needs root, the command ip and network namespaces";
    }
    ASSERT_TRUE(shell("ip netns add " + server_));
    join("wifi", "10.77.1.");
    join("mobile", "10.77.2.");
    ASSERT_TRUE(in(server_, "ip link set lo up"));
    ASSERT_TRUE(in(server_, "ip addr add 10.77.0.1/32 dev lo"));
    ASSERT_TRUE(in(client_, "ip route add 10.77.0.1 via 10.77.1.1 metric 100"));
    ASSERT_TRUE(in(client_, "ip route add 10.77.0.1 via 10.77.2.1 metric 200"));
  }
  void TearDown() override {
    shell("ip netns del " + client_);
    shell("ip netns del " + server_);
  }
  static bool in(const std::string& where, const std::string& command) {
    return shell("ip netns exec " + where + " " + command);
  }
  void join(const std::string& name, const std::string& network) {
    ASSERT_TRUE(shell("ip link add " + name + " netns " + client_ + " type veth peer name " + name +
                      " netns " + server_));
    ASSERT_TRUE(in(client_, "ip addr add " + network + "2/24 dev " + name));
    ASSERT_TRUE(in(server_, "ip addr add " + network + "1/24 dev " + name));
    ASSERT_TRUE(in(client_, "ip link set " + name + " up"));
    ASSERT_TRUE(in(server_, "ip link set " + name + " up"));
  }
  std::vector<std::string> command(const std::string& where, std::vector<std::string> words) const {
    words.insert(words.begin(), {"/sbin/ip", "netns", "exec", where});
    return words;
  }

  std::string client_;
  std::string server_;
};

TEST_F(TwoNetworks, AStreamGoesOnWhenTheOneThatItUsesGoesDown) {
  Process server(command(server_, {ECHOSTREAM_INTEGRATION_SERVER, "10.77.0.1:0", "30000"}));
  const auto listening = server.read_line(kPatience);
  ASSERT_TRUE(listening);
  std::istringstream words(*listening);
  std::string word, address, fingerprint;
  words >> word >> address >> fingerprint;
  ASSERT_EQ(word, "listening") << *listening;

  Process client(
      command(client_, {ECHOSTREAM_INTEGRATION_CLIENT, "roam", address, fingerprint, "30000"}));
  const auto streaming = client.read_line(kPatience);
  ASSERT_TRUE(streaming);
  EXPECT_THAT(*streaming, HasSubstr("streaming 10.77.1.2:"));
  ASSERT_TRUE(in(client_, "ip link set wifi down"));
  const auto end = client.read_line(kPatience);
  ASSERT_TRUE(end);
  EXPECT_THAT(*end, HasSubstr("ok migrations 1 local 10.77.2.2:"));
  EXPECT_EQ(client.wait(kPatience), 0);
}

TEST_F(TwoNetworks, AStreamGoesBackWhenTheBetterOneReturns) {
  Process server(command(server_, {ECHOSTREAM_INTEGRATION_SERVER, "10.77.0.1:0", "30000"}));
  const auto listening = server.read_line(kPatience);
  ASSERT_TRUE(listening);
  std::istringstream words(*listening);
  std::string word, address, fingerprint;
  words >> word >> address >> fingerprint;
  ASSERT_TRUE(in(client_, "ip route del 10.77.0.1 via 10.77.1.1"));
  Process client(
      command(client_, {ECHOSTREAM_INTEGRATION_CLIENT, "roam", address, fingerprint, "30000"}));
  const auto streaming = client.read_line(kPatience);
  ASSERT_TRUE(streaming);
  EXPECT_THAT(*streaming, HasSubstr("streaming 10.77.2.2:"));
  ASSERT_TRUE(in(client_, "ip route add 10.77.0.1 via 10.77.1.1 metric 100"));
  const auto end = client.read_line(kPatience);
  ASSERT_TRUE(end);
  EXPECT_THAT(*end, HasSubstr("ok migrations 1 local 10.77.1.2:"));
  EXPECT_EQ(client.wait(kPatience), 0);
}

}  // namespace
}  // namespace echostream::testing
