// Whole calls between stations, on virtual time: ten seconds of talk take a fraction of one.
#include "station.h"

#include <gtest/gtest.h>

#include <fstream>

#include "echostream/testing/memory_session.h"
#include "echostream/testing/sim.h"

#include "contact.h"
#include "wav_file.h"

namespace intercom {
namespace {

using echostream::Duration;
using echostream::Identity;
using echostream::Loop;
using echostream::Node;
using echostream::NodeOptions;
using echostream::Reader;
using echostream::Result;
using echostream::Session;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;
using echostream::testing::LinkOptions;
using echostream::testing::Simulation;
using namespace std::chrono_literals;

std::string temporary(const std::string& name) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  return ::testing::TempDir() + "intercom_" + test->name() + "_" + name;
}

// A loud saw-tooth for a second, then silence for one.
std::string write_voice() {
  Samples samples(2 * kSampleRate);
  for (std::size_t i = 0; i < kSampleRate; ++i) {
    samples[i] = static_cast<std::int16_t>(static_cast<int>(i * 77 % 16'000) - 8000);
  }
  const std::string path = temporary("voice.wav");
  EXPECT_TRUE(write_wav(path, samples).is_ok());
  return path;
}

// A node with a station.
struct Place {
  Place(Loop& loop, const std::string& name, NodeOptions node_options = {}) {
    options.conversation.station = name;
    options.conversation.voice = {write_voice()};
    options.call_length = 4s;
    options.conversation.record_path = temporary(name + ".wav");
    options.conversation.csv_path = temporary(name + ".csv");
    node_options.on_session_closed = [this](const Session& session, const Status&) {
      station->handle_session_closed(session);
    };
    station = std::make_shared<Station>(loop, options);
    node = std::make_unique<Node>(loop, std::move(node_options));
    EXPECT_TRUE(node->serve(station).is_ok());
  }

  StationOptions options;
  std::shared_ptr<Station> station;
  std::unique_ptr<Node> node;
};

v1::RingRequest ring_request(const std::string& from) {
  v1::RingRequest request;
  request.set_from(from);
  request.mutable_codec()->set_sample_rate(kSampleRate);
  request.mutable_codec()->set_channels(1);
  request.mutable_codec()->set_frame_ms(20);
  request.mutable_codec()->set_bitrate_bits_per_s(24'000);
  return request;
}

// Two stations joined in memory.
class InMemory : public ::testing::Test {
 protected:
  template <class T>
  T run(Task<T> task) {
    auto result = sim_.run(loop_, std::move(task), 60s);
    EXPECT_TRUE(result.has_value()) << "took too long";
    return *std::move(result);
  }
  v1::Intercom::Client kitchen_client() { return door_to_kitchen_.client<v1::Intercom>(); }

  Simulation sim_{1};
  Loop& loop_ = sim_.add_node("home", echostream::SocketAddress::ipv4({10, 0, 0, 1}, 0));
  Place door_{loop_, "door"};
  Place kitchen_{loop_, "kitchen"};
  Place garage_{loop_, "garage"};
  Session door_to_kitchen_ =
      echostream::testing::connect_in_memory(*door_.node, *kitchen_.node).first;
  Session garage_to_kitchen_ =
      echostream::testing::connect_in_memory(*garage_.node, *kitchen_.node).first;
};

TEST_F(InMemory, ACallCarriesBothVoices) {
  auto theirs = run(door_.station->call(door_to_kitchen_));
  ASSERT_TRUE(theirs) << theirs.status();
  const v1::CallReport& ours = door_.station->last_report();
  EXPECT_EQ(ours.frames_sent(), 200u);
  EXPECT_EQ(theirs->frames_received(), 200u);
  EXPECT_EQ(theirs->frames_lost(), 0u);
  EXPECT_EQ(theirs->frames_late(), 0u);
  EXPECT_EQ(theirs->calls_answered(), 1u);
  EXPECT_GE(theirs->frames_sent(), 199u);
  EXPECT_EQ(ours.frames_received(), theirs->frames_sent());
  EXPECT_GT(theirs->events_received(), 2u);
  auto heard = read_wav(temporary("kitchen.wav"));
  ASSERT_TRUE(heard) << heard.status();
  EXPECT_GE(heard->size(), 200 * kSamplesPerFrame);
}

TEST_F(InMemory, AStationInACallRefusesAndNamesTheReason) {
  EXPECT_TRUE(run(kitchen_client().Ring(ring_request("door"))));
  auto refused = run(garage_.station->call(garage_to_kitchen_));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.error().message(), "kitchen is in a call with door");
}

TEST_F(InMemory, AStationThatRingsIsBusyToo) {
  auto [first, second] = run(
      echostream::when_all(kitchen_client().Ring(ring_request("door")),
                           garage_to_kitchen_.client<v1::Intercom>().Ring(ring_request("garage"))));
  EXPECT_TRUE(first) << first.status();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(), "kitchen is ringing, called by door");
}

TEST_F(InMemory, TheLowerBitRateIsAgreed) {
  auto low = run(kitchen_client().Ring(ring_request("door")));
  ASSERT_TRUE(low) << low.status();
  EXPECT_EQ(low->codec().bitrate_bits_per_s(), 24'000u);
  auto request = ring_request("garage");
  request.mutable_codec()->set_bitrate_bits_per_s(500'000);
  auto garage_to_door = echostream::testing::connect_in_memory(*garage_.node, *door_.node).first;
  auto high = run(garage_to_door.client<v1::Intercom>().Ring(request));
  ASSERT_TRUE(high) << high.status();
  EXPECT_EQ(high->codec().bitrate_bits_per_s(), 32'000u);
}

TEST_F(InMemory, WhatItCannotPlayIsRefused) {
  auto stereo = ring_request("door");
  stereo.mutable_codec()->set_channels(2);
  EXPECT_EQ(run(kitchen_client().Ring(stereo)).status().code(), StatusCode::kInvalidArgument);
  auto escape = ring_request("\x1b[31m");
  EXPECT_EQ(run(kitchen_client().Ring(escape)).status().code(), StatusCode::kInvalidArgument);
}

Task<Status> end_of_voice(v1::Intercom::Client client) {
  auto voices = co_await client.Voice();
  auto frame = co_await voices.reader.next();
  if (frame) co_return Status::ok();
  co_return voices.reader.status();
}

TEST_F(InMemory, ThereIsNoVoiceWithoutACall) {
  EXPECT_EQ(run(end_of_voice(kitchen_client())).code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(run(kitchen_client().Ring(ring_request("door"))));
  const auto eavesdropper = garage_to_kitchen_.client<v1::Intercom>();
  EXPECT_EQ(run(end_of_voice(eavesdropper)).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(run(garage_to_kitchen_.client<v1::Intercom>().HangUp(v1::CallReport())).status().code(),
            StatusCode::kFailedPrecondition);
}

TEST_F(InMemory, AStationIsFreeAgainWhenTheCallerVanishes) {
  EXPECT_TRUE(run(kitchen_client().Ring(ring_request("door"))));
  door_to_kitchen_.close("the battery is empty");
  sim_.run_for(1s);
  auto answered = run(garage_to_kitchen_.client<v1::Intercom>().Ring(ring_request("garage")));
  EXPECT_TRUE(answered) << answered.status();
}

Task<std::vector<v1::StationState>> first_states(v1::Intercom::Client client, std::size_t count) {
  std::vector<v1::StationState> states;
  auto reader = co_await client.StateChanged(v1::StateFilter());
  while (states.size() < count) {
    auto frame = co_await reader.next();
    if (!frame) break;
    states.push_back(frame->message);
  }
  co_return states;
}

TEST_F(InMemory, ALateSubscriberLearnsThePresentState) {
  EXPECT_TRUE(run(kitchen_client().Ring(ring_request("door"))));
  const auto states = run(first_states(garage_to_kitchen_.client<v1::Intercom>(), 1));
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].phase(), v1::StationState::IN_CALL);
  EXPECT_EQ(states[0].with(), "door");
}

// ---- The same over QUIC, on a bad link.

TEST(OnABadLink, LossesAreCountedAndBridged) {
  Simulation sim(3);
  const auto at = [](std::uint8_t last, std::uint16_t port) {
    return echostream::SocketAddress::ipv4({10, 0, 0, last}, port);
  };
  Loop& door_loop = sim.add_node("door", at(1, 0));
  Loop& kitchen_loop = sim.add_node("kitchen", at(2, 0));
  LinkOptions link;
  link.delay = 30ms;
  link.jitter = 10ms;
  link.loss = 0.05;
  sim.set_link("door", "kitchen", link);

  auto identity = Identity::self_signed("kitchen", kitchen_loop.wall_time());
  ASSERT_TRUE(identity) << identity.status();
  NodeOptions listening;
  listening.identity = *identity;
  Place kitchen(kitchen_loop, "kitchen", std::move(listening));
  NodeOptions dialling;
  dialling.trust = echostream::Trust::pinned({identity->fingerprint()});
  Place door(door_loop, "door", std::move(dialling));
  ASSERT_TRUE(kitchen.node->listen("10.0.0.2:4433"));

  auto session = sim.run(door_loop, door.node->connect("10.0.0.2:4433"), 10s);
  ASSERT_TRUE(session && *session);
  auto theirs = sim.run(door_loop, door.station->call(**session), 30s);
  ASSERT_TRUE(theirs && *theirs) << theirs->status();
  const v1::CallReport& report = **theirs;
  EXPECT_EQ(report.frames_received() + report.frames_lost(), 200u);
  EXPECT_GT(report.frames_lost(), 2u);
  EXPECT_LT(report.frames_lost(), 30u);
  EXPECT_GE(report.least_delay_us(), 30'000);
  EXPECT_LT(report.median_delay_us(), 40'000);
  // Gaps are filled: what was heard is as long as what was said.
  auto heard = read_wav(temporary("kitchen.wav"));
  ASSERT_TRUE(heard) << heard.status();
  EXPECT_GE(heard->size(), 195 * kSamplesPerFrame);
  EXPECT_LE(heard->size(), 215 * kSamplesPerFrame);
}

TEST(Contact, IsReadAsItWasWritten) {
  const std::string path = temporary("contact");
  auto fingerprint = echostream::Fingerprint::parse(std::string(64, 'a'));
  ASSERT_TRUE(fingerprint);
  ASSERT_TRUE(write_contact(path, {"127.0.0.1:4433", *fingerprint}).is_ok());
  auto contact = read_contact(path);
  ASSERT_TRUE(contact) << contact.status();
  EXPECT_EQ(contact->address, "127.0.0.1:4433");
  EXPECT_EQ(contact->fingerprint, *fingerprint);
}

TEST(Contact, SaysWhatIsMissing) {
  EXPECT_EQ(read_contact("/no/such/contact").status().code(), StatusCode::kNotFound);
  const std::string path = temporary("contact");
  std::ofstream(path) << "fingerprint " << std::string(64, 'a') << '\n';
  EXPECT_EQ(read_contact(path).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace intercom
