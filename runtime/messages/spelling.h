// What somebody wrote, shown in an error with what was probably meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace echostream::internal {

/// `text` in double quotes, at most 60 bytes of it, with what is not printable escaped.
std::string quoted(std::string_view text);
/// Letters to change, insert, leave out, or exchange with their neighbour; their case is free, so
/// that "cubic" is nearest to "CUBIC".
std::size_t distance(std::string_view a, std::string_view b);
/// "a, b, c".
std::string joined(const std::vector<std::string>& words);
/// `; did you mean "listen"?` for the nearest of `choices` when it is near, else nothing.
std::string suggestion(std::string_view wrong, const std::vector<std::string>& choices);

}  // namespace echostream::internal
