// The instances that a browse has reported, and what is asked about them: all are asked where they
// are and what they say, a few at a time, and those that matter are followed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "echostream/discovery/dns_sd.h"

namespace echostream::discovery {

/// However many there are on the network (hostile ones included):
inline constexpr std::size_t kMostInstances = 1024;
/// Questions that wait for an answer, so that no burst of queries goes out.
inline constexpr std::size_t kMostAsking = 16;
/// Questions and followed answers; nodes that are not shown have half of it.
inline constexpr std::size_t kMostResolvers = 512;
/// Who does not answer makes room for others; a question that is lost is sent again within it.
inline constexpr Duration kAnswerPatience = std::chrono::seconds(3);
/// Pauses before those that have not answered, or said nothing of use, are asked again: the first
/// and the longest. A daemon lists names for long after it has lost their addresses, and says
/// nothing when such a node is back.
inline constexpr Duration kFirstPause = std::chrono::seconds(1);
inline constexpr Duration kLongestPause = std::chrono::seconds(15);

class InstanceTable {
 public:
  enum class Verdict : std::uint8_t { kShown, kDoesNotFit, kMakesNoSense, kNoRoom };
  class Owner {
   public:
    /// Is it worth asking: is there room for another node, or is one of that name shown?
    virtual bool is_wanted(const Instance& instance) const = 0;
    virtual bool has_room() const = 0;
    virtual Verdict handle_answer(const Instance& instance, const ResolvedInstance& says) = 0;
    /// Nothing is known of it any more; often nothing was known before.
    virtual void handle_lost(const Instance& instance) = 0;
    /// After answers, or their failing to come, have been handled.
    virtual void handle_settled() = 0;

   protected:
    ~Owner() = default;
  };

  InstanceTable(Loop& loop, DnsSd& dns_sd, Owner& owner);
  ~InstanceTable();
  InstanceTable(const InstanceTable&) = delete;
  InstanceTable& operator=(const InstanceTable&) = delete;

  void add(const Instance& instance);
  void remove(const Instance& instance);
  void clear();
  /// Between the two: those that are not added (again) are removed.
  void begin_round();
  void end_round();

  bool has_questions() const { return asking_ > 0 || !waiting_.empty(); }
  /// There is room for what was forgotten, which only browsing anew can find.
  bool is_short() const;
  /// How often there was no room for one, or it had nothing of use to say.
  std::uint64_t ignored() const { return ignored_; }

 private:
  enum class State : std::uint8_t { kWaiting, kAsking, kFollowed, kAside, kAgain, kNoRoom };
  struct Known;
  using Line = std::map<std::uint64_t, Known*>;

  void pump();
  /// Whom to ask now; null: nobody.
  Known* next();
  void ask(Known& known);
  void handle(Known& known, Result<ResolvedInstance> answer);
  void take(Known& known, const ResolvedInstance& says);
  void handle_timer(Known& known);
  /// Ends the question, or following; in no line then.
  void release(Known& known);
  void set_aside(Known& known);
  void wait_for_room(Known& known);
  void enter(Line& line, Known& known, State state);
  void count_ignored(Known& known);
  Line* line_of(State state);
  void erase(Known& known);

  Loop& loop_;
  DnsSd& dns_sd_;
  Owner& owner_;
  std::map<Instance, std::unique_ptr<Known>> known_;
  Line waiting_;  // to be asked
  Line no_room_;  // to be asked when there is room
  Line aside_;    // of no use so far, and pausing: the first to be forgotten
  Line again_;    // the same after the pause: to be asked when there is little else to do
  std::size_t asking_ = 0;
  std::size_t resolvers_ = 0;
  bool has_forgotten_ = false;
  std::uint64_t round_ = 0;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t ignored_ = 0;
};

}  // namespace echostream::discovery
