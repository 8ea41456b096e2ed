#include "echostream/typed_state.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream {
namespace {

// Notes down when it goes.
template <char kName>
struct Mortal {
  explicit Mortal(std::string& log_in) : log(log_in) {}
  ~Mortal() { log += kName; }
  std::string& log;
};

TEST(TypedState, HoldsOneValueOfEachType) {
  TypedState state;
  EXPECT_EQ(state.get<int>(), nullptr);
  state.emplace<int>(1);
  state.emplace<std::string>("text");
  state.emplace<int>(2);
  ASSERT_NE(state.get<int>(), nullptr);
  EXPECT_EQ(*state.get<int>(), 2);
  EXPECT_EQ(*state.get<std::string>(), "text");
  EXPECT_EQ(state.get_or_emplace<int>(), 2);
  EXPECT_EQ(state.get_or_emplace<double>(), 0.0);
  state.erase<std::string>();
  EXPECT_EQ(state.get<std::string>(), nullptr);
  EXPECT_EQ(*state.get<int>(), 2);
}

TEST(TypedState, DestroysWhatIsReplacedAtOnceAndTheLatestFirst) {
  std::string log;
  {
    TypedState state;
    state.emplace<Mortal<'a'>>(log);
    state.emplace<Mortal<'b'>>(log);
    state.emplace<Mortal<'c'>>(log);
    state.emplace<Mortal<'a'>>(log);
    EXPECT_EQ(log, "a");
    state.erase<Mortal<'b'>>();
    EXPECT_EQ(log, "ab");
  }
  EXPECT_EQ(log, "abac");
}

}  // namespace
}  // namespace echostream
