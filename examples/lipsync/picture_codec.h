// Codes pictures by what changed since the one before, in blocks: conditional replenishment, as the
// first video codecs did it (ITU-T H.120). Blocks are not compressed: that makes the frames as
// large as those of a real codec at a real size.
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "echostream/base/status.h"

#include "picture.h"

namespace lipsync {

constexpr int kBlockSide = 8;
constexpr std::size_t kBlocksPerRow = kPictureWidth / kBlockSide;
constexpr std::size_t kBlocks = kBlocksPerRow * (kPictureHeight / kBlockSide);
/// A block on the wire: its number and its pixels.
constexpr std::size_t kBlockBytes = 2 + kBlockSide * kBlockSide;

class PictureEncoder {
 public:
  /// All blocks: 43,560 bytes.
  std::string encode_key(const Picture& picture);
  /// Those that changed, and a few in turn, so that a receiver which missed a frame has all of the
  /// picture right again after a while.
  std::string encode_change(const Picture& picture);

 private:
  Picture last_;
  std::size_t refresh_next_ = 0;
};

class PictureDecoder {
 public:
  /// kDataLoss when the bytes are no blocks; the picture is then as before.
  echostream::Status decode(std::string_view blocks);
  /// Every block has come at least once.
  bool is_complete() const noexcept { return seen_.all(); }
  const Picture& picture() const noexcept { return picture_; }

 private:
  Picture picture_;
  std::bitset<kBlocks> seen_;
};

}  // namespace lipsync
