// The lists of known peers: in memory, and in a file that several programs share.
#include "echostream/known_peers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_files.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Fingerprint fingerprint(std::uint8_t number) {
  Fingerprint::Digest digest{};
  digest.fill(number);
  return Fingerprint(digest);
}

KnownPeer peer(std::string name, std::uint8_t number,
               KnownPeer::Origin origin = KnownPeer::Origin::kFirstUse) {
  KnownPeer made;
  made.name = std::move(name);
  made.fingerprint = fingerprint(number);
  made.origin = origin;
  made.since = WallTime(std::chrono::seconds(1'798'761'600));  // 2027-01-01 00:00 UTC
  return made;
}

std::vector<std::string> names_of(const KnownPeers& peers) {
  std::vector<std::string> names;
  for (const KnownPeer& known : peers.list()) names.push_back(known.name);
  return names;
}

class KnownPeersFile : public ::testing::Test {
 protected:
  std::shared_ptr<KnownPeers> open() {
    auto peers = make_file_known_peers(path_);
    EXPECT_TRUE(peers) << peers.status();
    return peers ? *peers : nullptr;
  }
  Status status_of_open() { return make_file_known_peers(path_).status(); }
  static std::string line(std::uint8_t number, const std::string& rest) {
    return fingerprint(number).to_string() + " " + rest + "\n";
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "known_peers";
};

// What both kinds promise.
void expect_a_list(KnownPeers& peers) {
  EXPECT_THAT(peers.list(), IsEmpty());
  EXPECT_TRUE(peers.add(peer("window", 2)).is_ok());
  EXPECT_TRUE(peers.add(peer("a door\\with \xC3\xA4 \"name\"", 1)).is_ok());
  EXPECT_THAT(names_of(peers), ElementsAre("a door\\with \xC3\xA4 \"name\"", "window"));
  EXPECT_EQ(peers.find("window")->fingerprint, fingerprint(2));
  EXPECT_EQ(peers.find("window")->since, peer("", 0).since);
  EXPECT_EQ(peers.find(fingerprint(2))->name, "window");
  EXPECT_FALSE(peers.find("Window"));
  EXPECT_FALSE(peers.find(fingerprint(3)));

  // A name stands for one certificate, however it is added.
  EXPECT_EQ(peers.add(peer("window", 3, KnownPeer::Origin::kPaired)).code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(peers.find("window")->fingerprint, fingerprint(2));
  EXPECT_TRUE(peers.add(peer("window", 2, KnownPeer::Origin::kAdded)).is_ok());
  EXPECT_EQ(peers.find("window")->origin, KnownPeer::Origin::kFirstUse);
  EXPECT_TRUE(peers.add(peer("window", 2, KnownPeer::Origin::kPaired)).is_ok());
  EXPECT_EQ(peers.find("window")->origin, KnownPeer::Origin::kPaired);
  EXPECT_TRUE(peers.add(peer("window", 2)).is_ok());
  EXPECT_EQ(peers.find("window")->origin, KnownPeer::Origin::kPaired);

  EXPECT_EQ(peers.remove("nobody").code(), StatusCode::kNotFound);
  EXPECT_TRUE(peers.remove("window").is_ok());
  EXPECT_FALSE(peers.find("window"));
  for (const std::string& name :
       {std::string(), std::string(256, 'a'), std::string("a\nb"), std::string("a\0b", 3),
        std::string("\xFF"), std::string("\x7F"), std::string("\xE2\x80\xAE")}) {
    EXPECT_EQ(peers.add(peer(name, 9)).code(), StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(peers.add(peer(std::string(255, 'a'), 9)).is_ok());
}

TEST(KnownPeersList, InMemoryEachNameStandsForOneCertificate) {
  expect_a_list(*make_memory_known_peers());
}

TEST(KnownPeersList, HoldsTenThousand) {
  const auto peers = make_memory_known_peers();
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(peers->add(peer("camera " + std::to_string(i), 1)).is_ok());
  }
  EXPECT_EQ(peers->add(peer("one more", 1)).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(peers->add(peer("camera 1", 1)).is_ok());
}

TEST_F(KnownPeersFile, EachNameStandsForOneCertificate) { expect_a_list(*open()); }

TEST_F(KnownPeersFile, IsMadeForItsOwnerAloneAndReadAgainByTheNextProgram) {
  {
    const auto peers = open();
    EXPECT_EQ(mode_of(path_), 0600u);
    ASSERT_TRUE(peers->add(peer("the door at the back", 1, KnownPeer::Origin::kPaired)).is_ok());
    ASSERT_TRUE(peers->add(peer("10.0.0.1:4433", 2)).is_ok());
  }
  EXPECT_EQ(mode_of(path_), 0600u);
  EXPECT_THAT(read_file(path_),
              AllOf(HasSubstr(line(1, "paired 2027-01-01T00:00:00Z the door at the back")),
                    HasSubstr(line(2, "first-use 2027-01-01T00:00:00Z 10.0.0.1:4433"))));
  const auto peers = open();
  const auto known = peers->find("the door at the back");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->fingerprint, fingerprint(1));
  EXPECT_EQ(known->origin, KnownPeer::Origin::kPaired);
  EXPECT_EQ(known->since, peer("", 0).since);
}

TEST_F(KnownPeersFile, CanBeReadAgainWhateverTheClockSaid) {
  const auto peers = open();
  KnownPeer early = peer("early", 1);
  early.since = WallTime::min();
  KnownPeer late = peer("late", 2);
  late.since = WallTime::max();
  ASSERT_TRUE(peers->add(early).is_ok());
  ASSERT_TRUE(peers->add(late).is_ok());
  EXPECT_THAT(names_of(*open()), ElementsAre("early", "late"));
  EXPECT_THAT(read_file(path_), AllOf(HasSubstr("1970-01-01T00:00:00Z early"),
                                      HasSubstr("2200-12-31T23:59:59Z late")));
}

TEST_F(KnownPeersFile, TwoProgramsThatShareItLoseNothingOfEachOther) {
  const auto ours = open();
  const auto theirs = open();
  ASSERT_TRUE(ours->add(peer("a", 1)).is_ok());
  EXPECT_EQ(theirs->find("a")->fingerprint, fingerprint(1));
  EXPECT_EQ(theirs->add(peer("a", 2)).code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(theirs->add(peer("b", 2)).is_ok());
  ASSERT_TRUE(ours->add(peer("c", 3)).is_ok());
  EXPECT_THAT(names_of(*theirs), ElementsAre("a", "b", "c"));
  ASSERT_TRUE(theirs->remove("a").is_ok());
  EXPECT_FALSE(ours->find("a"));

  std::atomic<int> added = 0;
  const auto add_some = [&](const char* prefix) {
    const auto peers = make_file_known_peers(path_).value();
    for (int i = 0; i < 20; ++i) {
      // The lock is given up on after a while, on a machine that has other things to do.
      while (!peers->add(peer(prefix + std::to_string(i), 7)).is_ok()) {
      }
      ++added;
    }
  };
  std::thread first(add_some, "x");
  std::thread second(add_some, "y");
  first.join();
  second.join();
  EXPECT_EQ(added, 40);
  EXPECT_EQ(ours->list().size(), 42u);
}

TEST_F(KnownPeersFile, WhatAPersonWritesIntoItCounts) {
  const auto peers = open();
  write_file(path_, "# my devices\n\n" + line(1, "added 2026-01-31T12:30:00Z the door") +
                        fingerprint(2).to_string() + " paired 2026-02-28T00:00:00Z no newline");
  EXPECT_EQ(peers->find("the door")->fingerprint, fingerprint(1));
  EXPECT_EQ(peers->find("no newline")->origin, KnownPeer::Origin::kPaired);
  EXPECT_EQ(peers->list().size(), 2u);
}

TEST_F(KnownPeersFile, OneThatCannotBeUnderstoodMakesNobodyKnownAndIsLeftAsItIs) {
  const std::string good = line(1, "added 2026-01-31T12:30:00Z the door");
  const std::string damaged[] = {
      "ab:cd added 2026-01-31T12:30:00Z x\n",
      line(2, "guessed 2026-01-31T12:30:00Z x"),
      line(2, "added yesterday x"),
      line(2, "added 2026-02-30T12:30:00Z x"),
      line(2, "added 2026-01-31T24:30:00Z x"),
      line(2, "added 2026-01-31T12:30:00Z"),
      line(2, "added 2026-01-31T12:30:00Z "),
      line(2, "added 2026-01-31T12:30:00Z a\x1b[1m"),
      line(2, "added 2026-01-31T12:30:00Z the door"),
      "something else\n",
  };
  for (const std::string& bad : damaged) {
    SCOPED_TRACE(bad);
    write_file(path_, good);
    const auto peers = open();
    EXPECT_TRUE(peers->find("the door"));
    write_file(path_, "# devices\n" + good + bad);
    EXPECT_FALSE(peers->find("the door"));
    EXPECT_THAT(peers->list(), IsEmpty());
    EXPECT_EQ(peers->add(peer("new", 3)).code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(peers->remove("the door").code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(read_file(path_), "# devices\n" + good + bad);
    const Status status = status_of_open();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(path_), HasSubstr("line 3")));
    // And it comes back when somebody has mended it.
    write_file(path_, good);
    EXPECT_TRUE(peers->find("the door"));
  }
}

TEST_F(KnownPeersFile, OneThatOthersMayWriteToMakesNobodyKnown) {
  const auto peers = open();
  ASSERT_TRUE(peers->add(peer("the door", 1)).is_ok());
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  EXPECT_TRUE(peers->find("the door"));
  for (const mode_t mode : {0620, 0602, 0666}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_FALSE(peers->find("the door"));
    EXPECT_EQ(peers->add(peer("new", 3)).code(), StatusCode::kPermissionDenied);
    const Status status = status_of_open();
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(status.message()), HasSubstr("chmod 600 " + path_));
  }
}

TEST_F(KnownPeersFile, SaysWhenItCannotBeMadeReadOrWritten) {
  EXPECT_EQ(make_file_known_peers(folder_ / "no/such/folder").status().code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(make_file_known_peers(folder_.path().string()).status().code(),
            StatusCode::kInvalidArgument);
  const auto peers = open();
  ASSERT_TRUE(peers->add(peer("the door", 1)).is_ok());
  {
    const FullDisk full;
    EXPECT_EQ(peers->add(peer("new", 3)).code(), StatusCode::kUnavailable);
  }
  EXPECT_THAT(names_of(*peers), ElementsAre("the door"));
  EXPECT_THAT(names_of(*open()), ElementsAre("the door"));
}

}  // namespace
}  // namespace echostream::testing
