#include "picture_codec.h"

#include <algorithm>

namespace lipsync {

using echostream::Status;
using echostream::StatusCode;

namespace {

static_assert(kPictureWidth % kBlockSide == 0 && kPictureHeight % kBlockSide == 0);

// The whole picture in 21 frames, 0.7 s: a missed change is seen for so long at most. It is half of
// what a quiet picture takes.
constexpr std::size_t kRefreshedBlocks = 32;

// Where a block's first pixel is.
std::size_t offset_of(std::size_t block) {
  return block / kBlocksPerRow * kBlockSide * kPictureWidth + block % kBlocksPerRow * kBlockSide;
}

bool is_same(const Picture& a, const Picture& b, std::size_t block) {
  for (std::size_t row = 0; row < kBlockSide; ++row) {
    const auto at = static_cast<std::ptrdiff_t>(offset_of(block) + row * kPictureWidth);
    const auto first = a.pixels.begin() + at;
    if (!std::equal(first, first + kBlockSide, b.pixels.begin() + at)) return false;
  }
  return true;
}

void append(std::string& bytes, const Picture& picture, std::size_t block) {
  bytes.push_back(static_cast<char>(block >> 8));
  bytes.push_back(static_cast<char>(block & 0xff));
  for (std::size_t row = 0; row < kBlockSide; ++row) {
    const auto first = picture.pixels.begin() +
                       static_cast<std::ptrdiff_t>(offset_of(block) + row * kPictureWidth);
    bytes.append(first, first + kBlockSide);
  }
}

std::size_t block_number(std::string_view bytes) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[0])) << 8 |
         static_cast<std::uint8_t>(bytes[1]);
}

}  // namespace

std::string PictureEncoder::encode_key(const Picture& picture) {
  std::string bytes;
  bytes.reserve(kBlocks * kBlockBytes);
  for (std::size_t block = 0; block < kBlocks; ++block) append(bytes, picture, block);
  last_ = picture;
  return bytes;
}

std::string PictureEncoder::encode_change(const Picture& picture) {
  std::bitset<kBlocks> sent;
  for (std::size_t i = 0; i < kRefreshedBlocks; ++i) {
    sent.set(refresh_next_);
    refresh_next_ = (refresh_next_ + 1) % kBlocks;
  }
  std::string bytes;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    if (sent[block] || !is_same(picture, last_, block)) append(bytes, picture, block);
  }
  last_ = picture;
  return bytes;
}

Status PictureDecoder::decode(std::string_view blocks) {
  if (blocks.size() % kBlockBytes != 0) {
    return {StatusCode::kDataLoss, "a picture of " + std::to_string(blocks.size()) +
                                       " bytes is not made of blocks of " +
                                       std::to_string(kBlockBytes)};
  }
  for (std::size_t at = 0; at < blocks.size(); at += kBlockBytes) {
    const std::size_t block = block_number(blocks.substr(at));
    if (block >= kBlocks) {
      return {StatusCode::kDataLoss, "a picture has no block " + std::to_string(block)};
    }
  }
  for (std::size_t at = 0; at < blocks.size(); at += kBlockBytes) {
    const std::size_t block = block_number(blocks.substr(at));
    const std::string_view pixels = blocks.substr(at + 2, kBlockSide * kBlockSide);
    for (std::size_t row = 0; row < kBlockSide; ++row) {
      std::copy_n(pixels.begin() + static_cast<std::ptrdiff_t>(row * kBlockSide), kBlockSide,
                  picture_.pixels.begin() +
                      static_cast<std::ptrdiff_t>(offset_of(block) + row * kPictureWidth));
    }
    seen_.set(block);
  }
  return Status::ok();
}

}  // namespace lipsync
