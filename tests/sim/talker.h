// A random user of the Traffic service: asks, tells, follows news, streams, gives up. Everything it
// does follows from its random numbers; everything it sees is written down.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/sim/random.h"
#include "tests/sim/traffic_pair.h"

namespace echostream::testing {

/// What all talkers of one run share.
class TalkerRun {
 public:
  explicit TalkerRun(TrafficPair& pair_in) : pair(pair_in) {}

  /// One line of what a user saw, with the true time. Printed at once when the environment has
  /// ECHOSTREAM_PRINT.
  void note(const TrafficPair::Side& side, const std::string& text);
  std::int64_t next_question() { return ++questions_; }

  TrafficPair& pair;
  /// When the talkers start nothing new.
  Duration until{};
  std::vector<std::string> lines;
  /// Notes told, by the name of the side and the number of the talker that told them.
  std::map<std::string, std::map<std::int64_t, std::int64_t>> told;
  int calls_started = 0;
  int calls_ended = 0;

 private:
  std::int64_t questions_ = 0;
};

/// The notes of talker t are numbered from t * kNotesPerTalker.
inline constexpr std::int64_t kNotesPerTalker = 1'000'000;

/// Does one thing after another until run.until, as the talker of that number.
Task<void> talk(TalkerRun& run, TrafficPair::Side& side, std::int64_t talker, Random random);
/// Publishes news until run.until.
Task<void> publish_news(TalkerRun& run, TrafficPair::Side& side, Random random);
/// Asks one plain question; the answer must come.
Task<void> ask_plainly(TalkerRun& run, TrafficPair::Side& side);

}  // namespace echostream::testing
