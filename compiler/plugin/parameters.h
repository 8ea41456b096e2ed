// What stands before the ':' in --echostream_out=...:DIR.
#pragma once

#include <string>

namespace echostream::compiler {

struct Parameters {
  /// An earlier descriptor set to stay compatible with; empty for none.
  std::string against;
};

/// Returns an error text, or an empty string.
std::string parse_parameters(const std::string& text, Parameters& parameters);

/// For people: --help.
std::string usage();

}  // namespace echostream::compiler
