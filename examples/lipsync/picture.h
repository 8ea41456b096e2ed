// The pictures of the show: a grey face whose mouth opens as wide as the voice is loud, so that
// whoever has a picture can tell from it which sound belongs to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "echostream/base/time.h"

namespace lipsync {

constexpr int kPictureWidth = 240;
constexpr int kPictureHeight = 176;
constexpr std::size_t kPictureBytes = std::size_t{kPictureWidth} * kPictureHeight;
constexpr int kPicturesPerSecond = 30;

/// When picture `index` of a show is taken, since the show's beginning.
constexpr echostream::Duration picture_position(std::uint64_t index) {
  const auto number = static_cast<echostream::Duration::rep>(index);
  return std::chrono::seconds(number / kPicturesPerSecond) +
         std::chrono::nanoseconds(std::chrono::seconds(number % kPicturesPerSecond)) /
             kPicturesPerSecond;
}

/// Grey values, row by row; 0 is black.
struct Picture {
  std::vector<std::uint8_t> pixels = std::vector<std::uint8_t>(kPictureBytes);
};

/// `mouth`: 0 (closed) to 1. What else moves, a lamp and the eyelids, follows from `position` in
/// the show.
Picture draw_face(double mouth, echostream::Duration position);
/// How far the mouth of a drawn face is open: measured in the picture, to a hundredth.
double mouth_opening(const Picture& picture);

}  // namespace lipsync
