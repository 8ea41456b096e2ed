// Faces and how they are coded.
#include "picture.h"

#include <gtest/gtest.h>

#include <random>

#include "picture_codec.h"

namespace lipsync {
namespace {

using echostream::Duration;
using echostream::StatusCode;
using namespace std::chrono_literals;

TEST(Face, ShowsHowFarItsMouthIsOpen) {
  for (int i = 0; i <= 100; ++i) {
    // At another place of the show each: lamp and eyelids move.
    const Picture picture = draw_face(i / 100.0, i * 70ms);
    EXPECT_NEAR(mouth_opening(picture), i / 100.0, 0.01) << i;
  }
}

TEST(Face, KeepsTheMouthWithinItsBounds) {
  EXPECT_EQ(mouth_opening(draw_face(-5, 0ms)), mouth_opening(draw_face(0, 0ms)));
  EXPECT_EQ(mouth_opening(draw_face(7, 0ms)), mouth_opening(draw_face(1, 0ms)));
}

TEST(Face, IsTakenThirtyTimesASecondAndNeverDriftsFromThat) {
  EXPECT_EQ(picture_position(0), 0ns);
  EXPECT_EQ(picture_position(1), 33'333'333ns);
  EXPECT_EQ(picture_position(30 * 86'400), 24h);
}

// A show of faces whose mouth moves at random.
class Faces {
 public:
  explicit Faces(std::uint32_t seed) : random_(seed) {}
  Picture next() {
    const double mouth = std::uniform_real_distribution<double>(0, 1)(random_);
    return draw_face(mouth, picture_position(index_++));
  }

 private:
  std::mt19937 random_;
  std::uint64_t index_ = 0;
};

TEST(PictureCodec, GivesBackEveryPictureExactly) {
  Faces faces(1);
  PictureEncoder encoder;
  PictureDecoder decoder;
  for (int i = 0; i < 90; ++i) {
    const Picture picture = faces.next();
    const std::string bytes =
        i % 60 == 0 ? encoder.encode_key(picture) : encoder.encode_change(picture);
    ASSERT_TRUE(decoder.decode(bytes).is_ok());
    EXPECT_TRUE(decoder.is_complete());
    ASSERT_EQ(decoder.picture().pixels, picture.pixels) << i;
  }
}

TEST(PictureCodec, MakesFramesAsLargeAsThoseOfRealVideo) {
  Faces faces(2);
  PictureEncoder encoder;
  EXPECT_EQ(encoder.encode_key(faces.next()).size(), kBlocks * kBlockBytes);
  EXPECT_EQ(kBlocks * kBlockBytes, 43'560u);
  for (int i = 0; i < 60; ++i) {
    const std::size_t bytes = encoder.encode_change(faces.next()).size();
    EXPECT_GE(bytes, 2'000u);
    EXPECT_LE(bytes, 10'000u);
  }
}

TEST(PictureCodec, HealsWithinASecondAfterAFrameIsLost) {
  Faces faces(3);
  PictureEncoder encoder;
  PictureDecoder decoder;
  ASSERT_TRUE(decoder.decode(encoder.encode_key(faces.next())).is_ok());
  (void)encoder.encode_change(faces.next());
  Picture picture;
  for (int i = 0; i < kPicturesPerSecond; ++i) {
    picture = faces.next();
    ASSERT_TRUE(decoder.decode(encoder.encode_change(picture)).is_ok());
  }
  EXPECT_EQ(decoder.picture().pixels, picture.pixels);
}

TEST(PictureCodec, IsCompleteOnlyWhenAllOfThePictureHasCome) {
  Faces faces(4);
  PictureEncoder encoder;
  PictureDecoder decoder;
  (void)encoder.encode_key(faces.next());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(decoder.decode(encoder.encode_change(faces.next())).is_ok());
    EXPECT_FALSE(decoder.is_complete()) << i;
  }
  ASSERT_TRUE(decoder.decode(encoder.encode_change(faces.next())).is_ok());
  EXPECT_TRUE(decoder.is_complete());
}

TEST(PictureCodec, RefusesWhatIsNoBlocksAndKeepsThePicture) {
  PictureEncoder encoder;
  PictureDecoder decoder;
  const Picture picture = draw_face(0.5, 0ms);
  const std::string key = encoder.encode_key(picture);
  ASSERT_TRUE(decoder.decode(key).is_ok());
  EXPECT_TRUE(decoder.decode("").is_ok());
  std::string beyond(2 * kBlockBytes, '\0');
  beyond[kBlockBytes] = static_cast<char>(kBlocks >> 8);
  beyond[kBlockBytes + 1] = static_cast<char>(kBlocks & 0xff);
  const std::string_view bad[] = {std::string_view(key).substr(1),
                                  std::string_view(key).substr(0, 1),
                                  std::string_view(key).substr(0, kBlockBytes - 1), beyond};
  for (const std::string_view bytes : bad) {
    EXPECT_EQ(decoder.decode(bytes).code(), StatusCode::kDataLoss);
    EXPECT_EQ(decoder.picture().pixels, picture.pixels);
  }
}

}  // namespace
}  // namespace lipsync
