// Whole calls between stations, on virtual time: ten seconds of talk take a fraction of one.
#include "station.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

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
using echostream::PlayoutProfile;
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
  Place(Loop& loop, const std::string& name, NodeOptions node_options = {},
        std::optional<PlayoutProfile> profile = std::nullopt) {
    options.conversation.station = name;
    options.conversation.profile = profile;
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
  // The delay with which the playout began is soon given up: without a network it is of no use.
  const auto missing = 200 * kSamplesPerFrame - static_cast<double>(heard->size());
  EXPECT_GE(missing, 0);
  EXPECT_LE(missing, kSampleRate * 8 / 100);
  EXPECT_NEAR(static_cast<double>(theirs->heard_us()),
              static_cast<double>(heard->size()) * 1e6 / kSampleRate, 20e3);
  EXPECT_EQ(theirs->concealed_us(), 0);
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

// ---- The same over QUIC, on a bad link, between clocks that are hours apart and drift.

LinkOptions bad_link(double loss) {
  LinkOptions link;
  link.delay = 30ms;
  link.jitter = 25ms;  // more than the time between two frames: they overtake each other
  link.loss = loss;
  return link;
}

class Line {
 public:
  Line(std::uint64_t seed, const LinkOptions& link,
       std::optional<PlayoutProfile> profile = std::nullopt)
      : sim_(seed) {
    sim_.set_link("door", "kitchen", link);
    auto identity = Identity::self_signed("kitchen", kitchen_loop_.wall_time());
    EXPECT_TRUE(identity) << identity.status();
    NodeOptions listening;
    listening.identity = *identity;
    kitchen_.emplace(kitchen_loop_, "kitchen", std::move(listening), profile);
    NodeOptions dialling;
    dialling.trust = echostream::Trust::pinned({identity->fingerprint()});
    door_.emplace(door_loop_, "door", std::move(dialling), profile);
    EXPECT_TRUE(kitchen_->node->listen("10.0.0.2:4433"));
  }

  /// A call of 4 s; what both stations report of it.
  void call() {
    auto session = sim_.run(door_loop_, door_->node->connect("10.0.0.2:4433"), 10s);
    ASSERT_TRUE(session && *session);
    auto theirs = sim_.run(door_loop_, door_->station->call(**session), 30s);
    ASSERT_TRUE(theirs && *theirs) << theirs->status();
    kitchen_report = **theirs;
    door_report = door_->station->last_report();
  }

  /// Of the door's clock, as the kitchen should see it when the call is over.
  Duration true_offset() const { return door_loop_.now() - kitchen_loop_.now(); }

  v1::CallReport door_report;
  v1::CallReport kitchen_report;

 private:
  Simulation sim_;
  Loop& door_loop_ =
      sim_.add_node("door", echostream::SocketAddress::ipv4({10, 0, 0, 1}, 0), {5h, 40});
  Loop& kitchen_loop_ =
      sim_.add_node("kitchen", echostream::SocketAddress::ipv4({10, 0, 0, 2}, 0), {3min, -20});
  std::optional<Place> kitchen_;
  std::optional<Place> door_;
};

// A line of the CSV.
struct Row {
  std::uint64_t sequence = 0;
  double network_ms = 0;
  double to_ear_ms = 0;
  double length_ms = 0;
  std::string fate;
};

std::vector<Row> rows_of(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line, "sequence,captured_ms,network_ms,to_ear_ms,target_ms,length_ms,fate");
  std::vector<Row> rows;
  while (std::getline(in, line)) {
    std::vector<std::string> cells;
    std::istringstream words(line);
    for (std::string cell; std::getline(words, cell, ',');) cells.push_back(cell);
    if (cells.size() != 7) {
      ADD_FAILURE() << line;
      continue;
    }
    const auto number = [&](std::size_t i) {
      return cells[i].empty() ? 0 : std::strtod(cells[i].c_str(), nullptr);
    };
    rows.push_back(
        {static_cast<std::uint64_t>(number(0)), number(2), number(3), number(5), cells[6]});
  }
  return rows;
}

// What a station wrote down of a call: everything is accounted for, and in its order.
void expect_sound(const std::string& station, const v1::CallReport& heard,
                  const v1::CallReport& sent) {
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t next = 0;
  double length_ms = 0;
  for (const Row& row : rows_of(temporary(station + ".csv"))) {
    ++counts[row.fate];
    EXPECT_EQ(row.sequence, next) << station << ' ' << row.fate;
    length_ms += row.length_ms;
    if (row.fate == "concealed") continue;
    next = row.sequence + 1;
    // What comes late is not heard.
    if (row.fate == "played") {
      EXPECT_GE(row.to_ear_ms, row.network_ms - 0.001);
    }
  }
  EXPECT_EQ(next, sent.frames_sent());
  EXPECT_EQ(counts["played"] + counts["late"] + counts["dropped"], heard.frames_received());
  EXPECT_EQ(counts["lost"], heard.frames_lost());
  EXPECT_EQ(counts["late"], heard.frames_late());
  EXPECT_EQ(counts["dropped"], heard.frames_dropped());
  EXPECT_EQ(heard.frames_received() + heard.frames_lost(), sent.frames_sent());

  // The recording is as long as all that was played, to a period of the voice's pitch.
  EXPECT_NEAR(static_cast<double>(heard.heard_us()) / 1e3, length_ms, 0.1);
  auto sound = read_wav(temporary(station + ".wav"));
  ASSERT_TRUE(sound) << sound.status();
  EXPECT_NEAR(static_cast<double>(sound->size()) * 1e3 / kSampleRate, length_ms, 20);
  // And that is as long as what was said.
  EXPECT_NEAR(length_ms, static_cast<double>(sent.frames_sent()) * 20, 80);
}

TEST(OnABadLink, NoLateFrameIsHeardAndNothingIsUnaccountedFor) {
  for (const std::uint64_t seed : {3, 4, 5}) {
    SCOPED_TRACE(seed);
    Line line(seed, bad_link(0.05));
    ASSERT_NO_FATAL_FAILURE(line.call());
    EXPECT_EQ(line.door_report.frames_sent(), 200u);
    for (const auto* report : {&line.door_report, &line.kitchen_report}) {
      EXPECT_GT(report->frames_lost(), 1u);
      EXPECT_LT(report->frames_lost(), 30u);
      EXPECT_GT(report->concealed_us(), 20'000);
      EXPECT_GT(report->interruptions(), 0u);
    }
    expect_sound("kitchen", line.kitchen_report, line.door_report);
    expect_sound("door", line.door_report, line.kitchen_report);
  }
}

TEST(OnABadLink, DelaysAreKnownToWithinTheirBound) {
  Line line(6, bad_link(0.02));
  ASSERT_NO_FATAL_FAILURE(line.call());
  for (const auto* report : {&line.door_report, &line.kitchen_report}) {
    EXPECT_NEAR(static_cast<double>(report->least_delay_us()), 30e3,
                static_cast<double>(report->delay_bound_us()));
    EXPECT_GT(report->delay_bound_us(), 29'000);
    EXPECT_LT(report->delay_bound_us(), 60'000);
    // The network's most, and one frame that waits for its turn.
    EXPECT_GT(report->mean_playout_us(), report->median_delay_us());
    EXPECT_LT(report->playout_95_us(), 120'000);
    EXPECT_GT(report->mean_target_us(), 3'000);
  }
}

TEST(OnABadLink, BothReportTheOthersClock) {
  Line line(7, bad_link(0.02));
  ASSERT_NO_FATAL_FAILURE(line.call());
  const auto doors = static_cast<double>(line.true_offset().count()) / 1e3;
  const v1::ClockFigures& of_door = line.kitchen_report.clock_at_end();
  const v1::ClockFigures& of_kitchen = line.door_report.clock_at_end();
  EXPECT_NEAR(static_cast<double>(of_door.offset_us()), doors,
              static_cast<double>(of_door.bound_us()));
  EXPECT_NEAR(static_cast<double>(of_kitchen.offset_us()), -doors,
              static_cast<double>(of_kitchen.bound_us()));
  EXPECT_GT(of_door.exchanges(), 20u);
  EXPECT_EQ(of_door.state(), v1::ClockFigures::TRACKING);
  EXPECT_TRUE(line.door_report.has_clock_at_start());
  // Nobody here shares a clock.
  EXPECT_FALSE(line.door_report.has_clock_error_us());
}

TEST(OnABadLink, AStrictProfileWaitsLongerAndMissesLess) {
  const auto missing = [](const v1::CallReport& report) {
    return report.frames_late() + report.frames_dropped();
  };
  Line fast(8, bad_link(0), PlayoutProfile::kLowLatency);
  ASSERT_NO_FATAL_FAILURE(fast.call());
  Line strict(8, bad_link(0), PlayoutProfile::kStrict);
  ASSERT_NO_FATAL_FAILURE(strict.call());
  EXPECT_EQ(fast.kitchen_report.profile(), "low-latency");
  EXPECT_EQ(strict.kitchen_report.profile(), "strict");
  EXPECT_GT(strict.kitchen_report.mean_playout_us(), fast.kitchen_report.mean_playout_us());
  EXPECT_LE(missing(strict.kitchen_report), missing(fast.kitchen_report));
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
