#include "runtime/http3/control_filter.h"

#include <algorithm>

namespace echostream::http3 {
namespace {

constexpr std::uint64_t kControlStream = 0x00;
constexpr std::uint64_t kSettings = 0x04;
constexpr std::uint64_t kPriorityUpdate = 0xf0700;
// A dozen settings are known, and a few of unknown meaning are customary.
constexpr std::uint64_t kMostSettingsBytes = 1024;

std::size_t varint_size(std::uint8_t first) { return std::size_t{1} << (first >> 6); }

std::uint64_t varint_value(BytesView bytes) {
  std::uint64_t value = bytes[0] & 0x3f;
  for (const std::uint8_t byte : bytes.subspan(1)) value = value << 8 | byte;
  return value;
}

// RFC 9114 7.2.4: each identifier once. What is cut off is nghttp3's to refuse.
bool has_duplicates(BytesView payload) {
  std::vector<std::uint64_t> ids;
  for (bool is_id = true; !payload.empty(); is_id = !is_id) {
    const std::size_t size = varint_size(payload[0]);
    if (payload.size() < size) break;
    if (is_id) ids.push_back(varint_value(payload.first(size)));
    payload = payload.subspan(size);
  }
  std::sort(ids.begin(), ids.end());
  return std::adjacent_find(ids.begin(), ids.end()) != ids.end();
}

}  // namespace

std::optional<Http3Error> ControlFilter::feed(BytesView data, std::vector<std::uint8_t>& out) {
  while (!data.empty()) {
    if (state_ == State::kOther) {
      out.insert(out.end(), data.begin(), data.end());
      return std::nullopt;
    }
    std::optional<Http3Error> error;
    if (state_ == State::kPayload) {
      const std::size_t count = std::min<std::uint64_t>(left_, data.size());
      error = read_payload(data.first(count), out);
      data = data.subspan(count);
    } else {
      header_[header_size_++] = data[0];
      data = data.subspan(1);
      const BytesView number(&header_[field_begin_], header_size_ - field_begin_);
      if (number.size() == varint_size(number[0])) error = read_header(varint_value(number), out);
    }
    if (error) return error;
  }
  return std::nullopt;
}

std::optional<Http3Error> ControlFilter::read_header(std::uint64_t value,
                                                     std::vector<std::uint8_t>& out) {
  field_begin_ = header_size_;
  switch (state_) {
    case State::kStreamType:
      state_ = value == kControlStream ? State::kFrameType : State::kOther;
      break;
    case State::kFrameType:
      type_ = value;
      state_ = State::kFrameLength;
      return std::nullopt;
    default:
      left_ = value;
      // Without SETTINGS before it, or empty, it is an error that nghttp3 knows.
      drops_ = is_clients_ && type_ == kPriorityUpdate && has_settings_ && left_ > 0;
      if (type_ == kSettings && left_ > kMostSettingsBytes) return Http3Error::kExcessiveLoad;
      has_settings_ |= type_ == kSettings;
      state_ = left_ > 0 ? State::kPayload : State::kFrameType;
      break;
  }
  if (!drops_) out.insert(out.end(), header_.begin(), header_.begin() + header_size_);
  header_size_ = field_begin_ = 0;
  return std::nullopt;
}

std::optional<Http3Error> ControlFilter::read_payload(BytesView piece,
                                                      std::vector<std::uint8_t>& out) {
  left_ -= piece.size();
  if (type_ == kSettings) {
    settings_.insert(settings_.end(), piece.begin(), piece.end());
    if (left_ == 0 && has_duplicates(settings_)) return Http3Error::kSettingsError;
    if (left_ == 0) settings_ = {};
  }
  if (!drops_) out.insert(out.end(), piece.begin(), piece.end());
  if (left_ == 0) {
    state_ = State::kFrameType;
    drops_ = false;
  }
  return std::nullopt;
}

}  // namespace echostream::http3
