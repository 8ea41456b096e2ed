#include "runtime/api/known_peer_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "echostream/base/printable.h"

namespace echostream::internal {
namespace {

constexpr std::string_view kFirstLine =
    "# EchoStream known peers: fingerprint, how it came to be known, since when, name\n";
constexpr std::size_t kMostNameBytes = 255;

constexpr std::pair<KnownPeer::Origin, std::string_view> kOrigins[] = {
    {KnownPeer::Origin::kFirstUse, "first-use"},
    {KnownPeer::Origin::kPaired, "paired"},
    {KnownPeer::Origin::kAdded, "added"},
};

Status check_name(std::string_view name) {
  std::string plain(name.substr(0, kMostNameBytes + 1));
  // The one character that is shown otherwise and yet is good.
  std::erase(plain, '\\');
  if (!name.empty() && name.size() <= kMostNameBytes && printable(plain) == plain) {
    return Status::ok();
  }
  return {StatusCode::kInvalidArgument,
          "'" + printable(name.substr(0, kMostNameBytes)) +
              "' is no name of a peer: 1 to 255 bytes of UTF-8, no control characters"};
}

std::string_view to_text(KnownPeer::Origin origin) {
  const auto* found = std::find_if(std::begin(kOrigins), std::end(kOrigins),
                                   [&](const auto& entry) { return entry.first == origin; });
  return found == std::end(kOrigins) ? "added" : found->second;
}

std::optional<KnownPeer::Origin> parse_origin(std::string_view text) {
  for (const auto& [origin, name] : kOrigins) {
    if (name == text) return origin;
  }
  return std::nullopt;
}

using Days = std::chrono::sys_days;

// What is written can be read again, whatever a clock says.
constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2200;
constexpr WallTime first_of(int year) {
  return WallTime(Days(std::chrono::year(year) / 1 / 1).time_since_epoch());
}

// "2026-11-30T06:44:55Z".
std::string to_text(WallTime time) {
  const WallTime shown =
      std::clamp(time, first_of(kFirstYear), first_of(kLastYear + 1) - std::chrono::seconds(1));
  const auto since = std::chrono::floor<std::chrono::seconds>(shown.time_since_epoch());
  const auto days = std::chrono::floor<std::chrono::days>(since);
  const std::chrono::year_month_day date{Days(days)};
  const std::chrono::hh_mm_ss clock(since - days);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

std::optional<int> parse_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::optional<WallTime> parse_time(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  constexpr std::array<std::size_t, 6> kPlaces = {0, 5, 8, 11, 14, 17};
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !is_digit : text[i] != kShape[i]) return std::nullopt;
  }
  std::array<int, 6> numbers{};
  for (std::size_t i = 0; i < kPlaces.size(); ++i) {
    numbers[i] = parse_number(text.substr(kPlaces[i], i == 0 ? 4 : 2)).value_or(0);
  }
  const std::chrono::year_month_day date{std::chrono::year(numbers[0]),
                                         std::chrono::month(static_cast<unsigned>(numbers[1])),
                                         std::chrono::day(static_cast<unsigned>(numbers[2]))};
  if (!date.ok() || numbers[0] < kFirstYear || numbers[0] > kLastYear || numbers[3] > 23 ||
      numbers[4] > 59 || numbers[5] > 59) {
    return std::nullopt;
  }
  const auto since = Days(date).time_since_epoch() + std::chrono::hours(numbers[3]) +
                     std::chrono::minutes(numbers[4]) + std::chrono::seconds(numbers[5]);
  return WallTime(since);
}

// The words of a line; the last one is all the rest.
std::array<std::string_view, 4> words_of(std::string_view line) {
  std::array<std::string_view, 4> words;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t space = std::min(line.find(' '), line.size());
    words[i] = line.substr(0, space);
    line.remove_prefix(std::min(space + 1, line.size()));
  }
  words[3] = line;
  return words;
}

Result<KnownPeer> parse_line(std::string_view line) {
  const auto refuse = [](const char* what) { return Status(StatusCode::kInvalidArgument, what); };
  const auto [fingerprint, origin, since, name] = words_of(line);
  KnownPeer peer;
  auto parsed = Fingerprint::parse(fingerprint);
  if (!parsed) return refuse("does not begin with a fingerprint");
  peer.fingerprint = *parsed;
  const auto known_origin = parse_origin(origin);
  if (!known_origin) return refuse("has neither first-use, paired nor added in the second place");
  peer.origin = *known_origin;
  const auto time = parse_time(since);
  if (!time) return refuse("has no time like 2026-01-31T12:00:00Z in the third place");
  peer.since = *time;
  if (!check_name(name).is_ok()) return refuse("has no name of a peer at its end");
  peer.name = std::string(name);
  return peer;
}

}  // namespace

std::optional<KnownPeer> KnownPeerList::find(std::string_view name) const {
  const auto found = peers_.find(name);
  if (found == peers_.end()) return std::nullopt;
  return found->second;
}

std::optional<KnownPeer> KnownPeerList::find(const Fingerprint& fingerprint) const {
  for (const auto& [name, peer] : peers_) {
    if (peer.fingerprint == fingerprint) return peer;
  }
  return std::nullopt;
}

std::vector<KnownPeer> KnownPeerList::list() const {
  std::vector<KnownPeer> all;
  for (const auto& [name, peer] : peers_) all.push_back(peer);
  return all;
}

Result<bool> KnownPeerList::add(const KnownPeer& peer) {
  if (Status status = check_name(peer.name); !status.is_ok()) return status;
  const auto found = peers_.find(peer.name);
  if (found == peers_.end()) {
    if (peers_.size() >= kMostPeers) {
      return Status(StatusCode::kResourceExhausted,
                    "the list of known peers is full: 10,000 of them");
    }
    peers_.emplace(peer.name, peer);
    return true;
  }
  KnownPeer& known = found->second;
  if (known.fingerprint != peer.fingerprint) {
    return Status(StatusCode::kAlreadyExists, "'" + printable(peer.name) +
                                                  "' is known by another certificate, " +
                                                  known.fingerprint.to_string());
  }
  if (known.origin != KnownPeer::Origin::kFirstUse || peer.origin != KnownPeer::Origin::kPaired) {
    return false;
  }
  known = peer;
  return true;
}

Status KnownPeerList::remove(std::string_view name) {
  const auto found = peers_.find(name);
  if (found == peers_.end()) {
    return {StatusCode::kNotFound,
            "nobody is known by the name '" + printable(name.substr(0, kMostNameBytes)) + "'"};
  }
  peers_.erase(found);
  return Status::ok();
}

Result<KnownPeerList> KnownPeerList::parse(std::string_view text) {
  KnownPeerList made;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto refuse = [&](std::string_view why) {
      return Status(StatusCode::kInvalidArgument,
                    "line " + std::to_string(number) + " " + std::string(why));
    };
    const auto peer = parse_line(line);
    if (!peer) return refuse(peer.error().message());
    if (made.peers_.size() >= kMostPeers) return refuse("is one too many: there may be 10,000");
    if (!made.peers_.emplace(peer->name, *peer).second)
      return refuse("has a name for a second time");
  }
  return made;
}

std::string KnownPeerList::to_text() const {
  std::string text(kFirstLine);
  for (const auto& [name, peer] : peers_) {
    text += peer.fingerprint.to_string();
    text.append(" ").append(internal::to_text(peer.origin));
    text.append(" ").append(internal::to_text(peer.since));
    text.append(" ").append(name).append("\n");
  }
  return text;
}

}  // namespace echostream::internal
