// A row of players that play the same stream, each with a margin of its own, in numbers only.
#pragma once

#include <array>
#include <cstddef>

namespace echostream::timing {

/// How the players of a stream move and what they pay; times in microseconds.
struct TrialRules {
  /// How much faster or slower than captured, as a share.
  float max_stretch = 0.12F;
  /// What a microsecond without the stream's own sound or picture costs, in microseconds of delay
  /// for the time of one frame, multiplied by the frame's length.
  float gap_cost = 2e6F;
  /// What an interruption costs besides its length, as a share of a frame.
  float interruption = 0.25F;
  /// Further behind than that it is cheaper to leave frames out than to play faster.
  float drop_limit = 240'000;
  /// The time over which costs are averaged.
  float memory = 15e6F;
};

/// What one frame brings: times above the least network delay.
struct TrialFrame {
  float delay = 0;     // of the network
  float level = 0;     // what the players add their margins to
  float gap = 0;       // since the capture of the frame before
  float interval = 0;  // usually between captures
  float share = 0;     // of this frame in the averages
};

/// Each player holds its playout delay at `level` + its margin: waits for a frame that is late by
/// less than a frame, or while the level says that all are late; else leaves it out; approaches
/// its place by stretching, at once in the sender's silence and by leaving out what filler has
/// stood for already. Positions, like delays, are relative to a base line that rises and falls.
class TrialPlayers {
 public:
  static constexpr std::size_t kPlayers = 40;

  explicit TrialPlayers(const TrialRules& rules);

  /// The base line has risen by so much.
  void rebase(float rise);
  void play(const TrialFrame& frame);

  float margin(std::size_t player) const { return at(margin_, player); }
  /// Mean delay and gaps weighed, per frame.
  float cost(std::size_t player) const { return at(cost_, player); }
  /// The share of time that was filled.
  float late_share(std::size_t player) const { return at(late_, player); }

 private:
  // Four players at once, in a vector register: this runs for each frame. An extension that g++ and
  // clang share; neither makes vector code of the plain loop.
  using Lanes = float __attribute__((vector_size(16)));
  static constexpr std::size_t kLanes = 4;
  using Row = std::array<Lanes, kPlayers / kLanes>;

  static float at(const Row& row, std::size_t player) {
    return row[player / kLanes][player % kLanes];
  }
  static Lanes max(Lanes a, Lanes b) { return a > b ? a : b; }
  static Lanes min(Lanes a, Lanes b) { return a < b ? a : b; }

  TrialRules rules_;
  Row margin_{};
  Row position_{};
  Row cost_{};
  Row late_{};
  // Filler of the present gap that no frame left out accounts for: as much may be left out free.
  Row credit_{};
};

}  // namespace echostream::timing
