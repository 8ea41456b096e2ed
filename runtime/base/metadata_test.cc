#include "echostream/metadata.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream {
namespace {

TEST(Metadata, KeepsOrderAndDuplicatesAndFindsTheFirst) {
  Metadata metadata{{"a", "1"}, {"b", "2"}};
  metadata.add("a", "3");
  EXPECT_EQ(metadata.find("a"), "1");
  EXPECT_EQ(metadata.find("c"), std::nullopt);
  ASSERT_EQ(metadata.entries().size(), 3u);
  EXPECT_EQ(metadata.entries()[2].second, "3");
  EXPECT_NE(metadata, (Metadata{{"a", "1"}, {"a", "3"}, {"b", "2"}}));
}

TEST(Metadata, CountsKeysValuesAndEachEntry) {
  EXPECT_EQ(Metadata().byte_size(), 0u);
  EXPECT_EQ((Metadata{{"", ""}}).byte_size(), 32u);
  EXPECT_EQ((Metadata{{"key", "value"}, {"k", ""}}).byte_size(), 3 + 5 + 1 + 64u);
}

TEST(Metadata, TakesAsKeysOnlyWhatIsSafeEverywhere) {
  EXPECT_TRUE(Metadata::is_valid_key("a"));
  EXPECT_TRUE(Metadata::is_valid_key("x-trace_id.0"));
  EXPECT_TRUE(Metadata::is_valid_key(std::string(128, 'a')));
  EXPECT_FALSE(Metadata::is_valid_key(std::string(129, 'a')));
  EXPECT_FALSE(Metadata::is_valid_key(""));
  std::size_t valid = 0;
  for (int c = 0; c < 256; ++c) {
    const std::string key(1, static_cast<char>(c));
    if (Metadata::is_valid_key(key)) ++valid;
    if (Metadata::is_valid_key("a" + key) != Metadata::is_valid_key(key)) ADD_FAILURE() << c;
  }
  EXPECT_EQ(valid, 26 + 10 + 3u);
}

}  // namespace
}  // namespace echostream
