#include "runtime/http3/control_filter.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace echostream::http3 {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kControl = "\x00"sv;
constexpr std::string_view kEmptySettings = "\x04\x00"sv;
// Of stream 0, "u=1".
constexpr std::string_view kPriority = "\x80\x0f\x07\x00\x04\x00u=1"sv;
constexpr std::string_view kGoaway = "\x07\x01\x00"sv;

struct Filtered {
  std::string passed;
  std::optional<Http3Error> error;
};

// In pieces of that size.
Filtered filter(std::string_view bytes, std::size_t piece, bool is_clients = true) {
  ControlFilter control(is_clients);
  Filtered filtered;
  std::vector<std::uint8_t> out;
  for (; !bytes.empty() && !filtered.error; bytes.remove_prefix(std::min(piece, bytes.size()))) {
    filtered.error = control.feed(as_bytes(bytes.substr(0, piece)), out);
  }
  filtered.passed.assign(out.begin(), out.end());
  return filtered;
}

std::string join(std::initializer_list<std::string_view> pieces) {
  std::string whole;
  for (const std::string_view piece : pieces) whole.append(piece);
  return whole;
}

TEST(ControlFilter, LeavesPrioritiesOutHoweverTheyAreCut) {
  const std::string bytes =
      join({kControl, kEmptySettings, kPriority, kPriority, kGoaway, kPriority});
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Filtered filtered = filter(bytes, piece);
    EXPECT_EQ(filtered.passed, join({kControl, kEmptySettings, kGoaway})) << piece;
    EXPECT_FALSE(filtered.error) << piece;
  }
}

TEST(ControlFilter, PassesWhatIsAnErrorToBeRefused) {
  const std::string early = join({kControl, kPriority});
  EXPECT_EQ(filter(early, 1).passed, early);
  const std::string empty = join({kControl, kEmptySettings, "\x80\x0f\x07\x00\x00"sv});
  EXPECT_EQ(filter(empty, 1).passed, empty);
}

TEST(ControlFilter, PassesAServersPriorities) {
  const std::string bytes = join({kControl, kEmptySettings, kPriority});
  EXPECT_EQ(filter(bytes, 1, false).passed, bytes);
}

TEST(ControlFilter, PassesOtherStreamsAsTheyAre) {
  for (const std::string_view type : {"\x02"sv, "\x03"sv, "\x40\x21"sv, "\xc0\x00\x00\x00"sv}) {
    const std::string bytes = join({type, kPriority, "\x04\x7f\xff"sv});
    const Filtered filtered = filter(bytes, 1);
    const bool is_whole = type.size() < 4;
    EXPECT_TRUE(filtered.passed == bytes || !is_whole);
    EXPECT_FALSE(filtered.error);
  }
}

TEST(ControlFilter, H01_RefusesASettingThatComesTwice) {
  const std::string_view twice = "\x04\x06\x06\x01\x07\x02\x06\x03"sv;
  for (std::size_t piece = 1; piece < 10; ++piece) {
    EXPECT_EQ(filter(join({kControl, twice}), piece).error, Http3Error::kSettingsError);
  }
  // The same one in more bytes.
  EXPECT_EQ(filter(join({kControl, "\x04\x05\x06\x01\x40\x06\x01"sv}), 1).error,
            Http3Error::kSettingsError);
  const std::string once = join({kControl, "\x04\x06\x06\x01\x07\x06\x21\x06"sv});
  EXPECT_FALSE(filter(once, 1).error);
  EXPECT_EQ(filter(once, 1).passed, once);
}

TEST(ControlFilter, H02_RefusesSettingsWithoutEnd) {
  EXPECT_EQ(filter(join({kControl, "\x04\x44\x01"sv}), 1).error, Http3Error::kExcessiveLoad);
}

TEST(ControlFilter, LeavesSettingsThatAreCutOffToOthers) {
  const std::string cut = join({kControl, "\x04\x02\x06\x40"sv});
  EXPECT_FALSE(filter(cut, 1).error);
  EXPECT_EQ(filter(cut, 1).passed, cut);
}

}  // namespace
}  // namespace echostream::http3
