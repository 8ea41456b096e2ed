// Random messages, mostly well-formed and dense, some cut, too long or changed: what protobuf takes
// for them, and what was estimated.
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/type.pb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>

#include "runtime/messages/decode_budget.h"

namespace echostream::internal {
namespace {

using google::protobuf::Message;

class RandomMessage {
 public:
  explicit RandomMessage(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }

  std::string make(std::size_t bytes, int depth = 0) {
    std::string out;
    choose();
    while (out.size() < bytes && !chance(2000)) {
      // Long runs of the same field: arrays that grow.
      if (chance(run_length_)) choose();
      add_field(out, bytes, depth);
    }
    for (std::size_t changes = chance(3) ? below(4) : 0; changes > 0 && !out.empty(); --changes) {
      out[below(out.size())] = static_cast<char>(random_());
    }
    return out;
  }

 private:
  void choose() {
    constexpr std::array<unsigned, 7> kWireTypes = {0, 2, 2, 2, 3, 5, 1};
    number_ = static_cast<unsigned>(1 + below(12));
    wire_type_ = kWireTypes[below(kWireTypes.size())];
    run_length_ = chance(2) ? 2 : 500;
  }

  // At least `least` bytes long, for there are many ways to write a number.
  static void add_varint(std::string& out, std::uint64_t value, std::size_t least = 1) {
    for (std::size_t i = 1; (value >= 0x80 || i < least) && i < 10; ++i, value >>= 7) {
      out += static_cast<char>(value | 0x80);
    }
    out += static_cast<char>(value & 0x7f);
  }

  void add_field(std::string& out, std::size_t bytes, int depth) {
    // A message inside chooses its own.
    const unsigned number = number_;
    const unsigned wire_type = wire_type_;
    std::uint64_t tag = number << 3 | wire_type;
    if (chance(16)) tag |= below(8) << 32;
    add_varint(out, tag, chance(16) ? 1 + below(5) : 1);
    if (wire_type == 0) add_varint(out, chance(2) ? random_() : 0);
    if (wire_type == 1) out.append(8, '\0');
    if (wire_type == 5) out.append(4, '\0');
    if (wire_type == 2) {
      std::string inner;
      const std::size_t room = bytes - std::min(bytes, out.size());
      if (depth < 4 && chance(3))
        inner = make(chance(2) ? std::min<std::size_t>(20, room) : room, depth + 1);
      add_varint(out, inner.size() + (chance(64) ? below(100) : 0), chance(16) ? 5 : 1);
      out += inner;
    }
    if (wire_type == 3) {
      if (depth < 4 && chance(4)) out += make(20, depth + 1);
      add_varint(out, number << 3 | 4);
    }
  }

  std::mt19937_64 random_;
  unsigned number_ = 1;
  unsigned wire_type_ = 0;
  std::size_t run_length_ = 2;
};

TEST(DecodeBudget, R03_RandomMessagesTakeAtMostTwiceTheEstimate) {
  using namespace google::protobuf;
  const std::array<const Message*, 8> types = {&FileDescriptorProto::default_instance(),
                                               &DescriptorProto::default_instance(),
                                               &SourceCodeInfo::default_instance(),
                                               &FieldOptions::default_instance(),
                                               &Type::default_instance(),
                                               &ListValue::default_instance(),
                                               &Struct::default_instance(),
                                               &Empty::default_instance()};
  const auto log_nothing = SetLogHandler(nullptr);
  int looked_at = 0;
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    RandomMessage random(seed);
    const Message& type = *types[random.below(types.size())];
    const std::string bytes = random.make(1500 + random.below(8000));
    const BytesView view(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    const auto estimate = decoded_size(view, type, SIZE_MAX / 2);
    ASSERT_TRUE(estimate) << "seed " << seed;
    if (*estimate == 0) continue;
    ++looked_at;
    const std::unique_ptr<Message> message(type.New());
    (void)message->ParsePartialFromString(bytes);
    const std::size_t taken = message->SpaceUsedLong() - type.SpaceUsedLong();
    EXPECT_LE(taken, 2 * (*estimate + bytes.size())) << type.GetTypeName() << ", seed " << seed;
  }
  SetLogHandler(log_nothing);
  EXPECT_GT(looked_at, 1000);
}

}  // namespace
}  // namespace echostream::internal
