#include "picture.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lipsync {

using echostream::Duration;

namespace {

constexpr std::uint8_t kSkin = 200;
constexpr std::uint8_t kDark = 20;
constexpr std::uint8_t kBright = 250;
// Between what is dark and everything else.
constexpr std::uint8_t kThreshold = 90;

// Only the mouth is ever dark in here.
constexpr int kMouthLeft = 72;
constexpr int kMouthTop = 104;
constexpr int kMouthWidth = 96;
constexpr int kMouthHeight = 56;
constexpr double kMouthRadius = 40;
constexpr double kClosedRadius = 2;
constexpr double kOpenRadius = 26;

struct Ellipse {
  double x;
  double y;
  double radius_x;
  double radius_y;
};

void fill(Picture& picture, const Ellipse& ellipse, std::uint8_t grey) {
  const int top = std::max(0, static_cast<int>(ellipse.y - ellipse.radius_y));
  const int bottom =
      std::min(kPictureHeight - 1, static_cast<int>(ellipse.y + ellipse.radius_y) + 1);
  for (int y = top; y <= bottom; ++y) {
    const double height = (y + 0.5 - ellipse.y) / ellipse.radius_y;
    if (std::abs(height) >= 1) continue;
    const double half_width = ellipse.radius_x * std::sqrt(1 - height * height);
    const int left = std::max(0, static_cast<int>(std::lround(ellipse.x - half_width)));
    const int right =
        std::min(kPictureWidth, static_cast<int>(std::lround(ellipse.x + half_width)));
    for (int x = left; x < right; ++x) {
      picture.pixels[static_cast<std::size_t>(y * kPictureWidth + x)] = grey;
    }
  }
}

double seconds(Duration duration) { return static_cast<double>(duration.count()) / 1e9; }

void draw_room(Picture& picture, Duration position) {
  for (int y = 0; y < kPictureHeight; ++y) {
    const auto row = picture.pixels.begin() + y * kPictureWidth;
    std::fill_n(row, kPictureWidth, static_cast<std::uint8_t>(110 + y / 4));
  }
  // The lamp swings over the head, once in three seconds.
  const double swing =
      std::sin(seconds(position % std::chrono::seconds(3)) / 3 * 2 * std::numbers::pi);
  fill(picture, {120 + 95 * swing, 12, 13, 10}, kBright);
}

void draw_eyes(Picture& picture, Duration position) {
  // They blink every four seconds, for a seventh of one.
  const bool closed = position % std::chrono::seconds(4) < std::chrono::milliseconds(140);
  for (const double x : {85.0, 155.0}) fill(picture, {x, 70, 12, closed ? 1.5 : 7.0}, kDark);
}

}  // namespace

Picture draw_face(double mouth, Duration position) {
  Picture picture;
  draw_room(picture, position);
  fill(picture, {120, 98, 76, 74}, kSkin);
  draw_eyes(picture, position);
  const double height = kClosedRadius + std::clamp(mouth, 0.0, 1.0) * (kOpenRadius - kClosedRadius);
  fill(picture,
       {kMouthLeft + kMouthWidth / 2.0, kMouthTop + kMouthHeight / 2.0, kMouthRadius, height},
       kDark);
  return picture;
}

double mouth_opening(const Picture& picture) {
  int dark = 0;
  for (int y = kMouthTop; y < kMouthTop + kMouthHeight; ++y) {
    const auto row = picture.pixels.begin() + y * kPictureWidth + kMouthLeft;
    dark += static_cast<int>(
        std::count_if(row, row + kMouthWidth, [](std::uint8_t grey) { return grey < kThreshold; }));
  }
  // The area of an ellipse.
  const double radius = dark / (std::numbers::pi * kMouthRadius);
  return std::clamp((radius - kClosedRadius) / (kOpenRadius - kClosedRadius), 0.0, 1.0);
}

}  // namespace lipsync
