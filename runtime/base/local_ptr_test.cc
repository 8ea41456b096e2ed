#include "runtime/base/local_ptr.h"

#include <gtest/gtest.h>

namespace echostream::internal {
namespace {

struct Counted : LocalCounted {
  explicit Counted(int& living_in) : living(living_in) { ++living; }
  Counted(const Counted& other) : LocalCounted(other), living(other.living) { ++living; }
  ~Counted() { --living; }
  int& living;
};

TEST(LocalPtr, TheLastOneDeletesTheObject) {
  int living = 0;
  LocalPtr<const Counted> first(new Counted(living));
  LocalPtr<const Counted> second = first;
  LocalPtr<const Counted> third = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_TRUE(second == third);
  second = {};
  EXPECT_EQ(living, 1);
  const LocalPtr<const Counted>& itself = third;
  third = itself;
  EXPECT_EQ(living, 1);
  third = LocalPtr<const Counted>(new Counted(living));
  EXPECT_EQ(living, 1);
  third = {};
  EXPECT_EQ(living, 0);
}

TEST(LocalPtr, ACopyOfTheObjectHasReferencesOfItsOwn) {
  int living = 0;
  {
    const LocalPtr<Counted> original(new Counted(living));
    const LocalPtr<Counted> also = original;
    const LocalPtr<Counted> copy(new Counted(*original));
    EXPECT_EQ(living, 2);
  }
  EXPECT_EQ(living, 0);
}

}  // namespace
}  // namespace echostream::internal
