#include "tools/echostream/recording/recording_text.h"

#include <gtest/gtest.h>

namespace echostream::tool {
namespace {

TEST(RecordingText, WritesTimesToTheNanosecond) {
  EXPECT_EQ(utc(WallTime(Duration(1'769'903'999'123'456'789))), "2026-01-31T23:59:59.123456789Z");
  EXPECT_EQ(utc(WallTime(Duration(0))), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(utc(WallTime(Duration(-1))), "1969-12-31T23:59:59.999999999Z");
}

TEST(RecordingText, LetsNothingThroughThatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\xff"), "a\\x1b[2Jb\\x0a\\xff");
  EXPECT_EQ(json_string("a\"\\\x1b\n\xff"), "\"a\\\"\\\\\\u001b\\u000a\\u00ff\"");
}

TEST(RecordingText, SaysAllThatIsMissing) {
  RecordingDamage damage;
  damage.is_finished = true;
  EXPECT_EQ(describe_damage(damage), "");
  damage.is_finished = false;
  damage.reason = "the file is cut";
  damage.chunks_lost = 1;
  damage.chunk_bytes_lost = 1000;
  damage.bytes_lost_at_end = 7;
  damage.end_offset = 5000;
  EXPECT_EQ(describe_damage(damage),
            "the file is cut; 1 chunk of 1000 bytes cannot be read; 7 bytes from 5000 on are no "
            "whole record; the file was not finished");
}

}  // namespace
}  // namespace echostream::tool
