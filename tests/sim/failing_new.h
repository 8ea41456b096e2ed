// An operator new that can be told to fail. Linking it replaces that of the whole program.
#pragma once

#include <cstdint>

namespace echostream::testing {

struct Allocations {
  bool counted = false;
  std::uint64_t number = 0;
  /// The number of the first that fails; 0: none.
  std::uint64_t failing = 0;
  /// All after it fail too.
  bool for_good = false;
};
/// For one thread.
extern Allocations allocations;

}  // namespace echostream::testing
