#include "tools/echostream/recording/recording_text.h"

#include <cstdio>
#include <ctime>

namespace echostream::tool {

namespace {

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

std::string hex(const char* before, char c, int digits) {
  char text[8];
  std::snprintf(text, sizeof text, "%0*x", digits, static_cast<unsigned char>(c));
  return before + std::string(text);
}

}  // namespace

std::string utc(WallTime time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t nanoseconds = time.time_since_epoch().count();
  const std::int64_t fraction = (nanoseconds % kSecond + kSecond) % kSecond;
  const auto seconds = static_cast<std::time_t>((nanoseconds - fraction) / kSecond);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char day[32];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%s.%09ldZ", day, static_cast<long>(fraction));
  return text;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) out += is_printable(c) ? std::string(1, c) : hex("\\x", c, 2);
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      out += is_printable(c) ? std::string(1, c) : hex("\\u", c, 4);
    }
  }
  return out + '"';
}

std::string count(std::uint64_t number, std::string_view what) {
  return std::to_string(number) + " " + std::string(what) + (number == 1 ? "" : "s");
}

std::string describe_damage(const RecordingDamage& damage) {
  if (damage.is_complete()) return "";
  std::string text = printable(damage.reason);
  if (damage.chunks_lost > 0) {
    text += "; " + count(damage.chunks_lost, "chunk") + " of " +
            count(damage.chunk_bytes_lost, "byte") + " cannot be read";
  }
  if (damage.records_lost > 0)
    text += "; " + count(damage.records_lost, "record") + " make no sense";
  if (damage.bytes_lost_at_end > 0) {
    text += "; " + count(damage.bytes_lost_at_end, "byte") + " from " +
            std::to_string(damage.end_offset) + " on are no whole record";
  }
  if (!damage.is_finished) text += "; the file was not finished";
  return text;
}

}  // namespace echostream::tool
