#pragma once

namespace echostream::internal {

/// Where something stands in a text. Counted from 1, columns in bytes; 0: unknown.
struct Place {
  int line = 0;
  int column = 0;
};

}  // namespace echostream::internal
