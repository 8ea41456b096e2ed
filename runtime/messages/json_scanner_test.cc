#include "runtime/messages/json_scanner.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream::internal {
namespace {

// What was told, written down: "{ a 1 }".
class Transcript final : public JsonHandler {
 public:
  bool on_scalar(Place, JsonScalar kind, std::string text) override {
    return add(kind == JsonScalar::kString ? "'" + text + "'" : text);
  }
  bool on_begin(Place, char bracket) override { return add(std::string(1, bracket)); }
  bool on_end(Place) override { return add("."); }
  bool on_name(Place, std::string name) override { return add(name + ":"); }
  bool on_problem(Place place, std::string message) override {
    problems += std::to_string(place.line) + ":" + std::to_string(place.column) + " " + message;
    problems += '\n';
    return goes_on;
  }

  std::string told;
  std::string problems;
  bool goes_on = true;
  int most = 1'000'000;

 private:
  bool add(const std::string& what) {
    told += (told.empty() ? "" : " ") + what;
    return --most > 0;
  }
};

TEST(JsonScanner, TellsEachThingInItsOrder) {
  Transcript heard;
  EXPECT_TRUE(scan_json(R"({"a": [1, -2.5e3, "x"], "b": {"c": null}, "d": true})", {}, heard));
  EXPECT_EQ(heard.told, "{ a: [ 1 -2.5e3 'x' . b: { c: null . d: true .");
  EXPECT_EQ(heard.problems, "");
}

TEST(JsonScanner, GoesOnAfterASlipOnlyWhenTheHandlerSaysSo) {
  Transcript patient;
  EXPECT_TRUE(scan_json("[1,,]", {}, patient) || !patient.problems.empty());
  Transcript all;
  EXPECT_TRUE(scan_json("{\"a\": yes,\n}", {}, all));
  EXPECT_EQ(all.problems,
            "1:7 \"yes\" must stand in double quotes, or be true, false or null\n"
            "1:10 no comma is allowed before }\n");
  Transcript first;
  first.goes_on = false;
  EXPECT_FALSE(scan_json("{\"a\": yes,\n}", {}, first));
  EXPECT_EQ(first.problems, "1:7 \"yes\" must stand in double quotes, or be true, false or null\n");
}

TEST(JsonScanner, EndsWhereTheHandlerEndsIt) {
  for (int most = 1; most < 12; ++most) {
    Transcript heard;
    heard.most = most;
    EXPECT_FALSE(scan_json(R"([{"a": 1}, {"b": [2]}, "c"])", {}, heard)) << most;
    EXPECT_EQ(heard.most, 0);
  }
}

TEST(JsonScanner, TakesAsManyLevelsAsItIsToldAndNotOneMore) {
  JsonScanOptions options;
  options.max_depth = 3;
  Transcript good;
  EXPECT_TRUE(scan_json("[[[1]]]", options, good));
  Transcript bad;
  EXPECT_FALSE(scan_json("[[\n[[]]]]", options, bad));
  EXPECT_EQ(bad.problems, "2:2 nested deeper than 3\n");
}

TEST(JsonScanner, CountsLinesAndColumnsInBytes) {
  Transcript heard;
  EXPECT_FALSE(scan_json("{\n \"\xc3\xa9\": 1,\r\n  !", {}, heard));
  EXPECT_EQ(heard.problems, "3:3 a name in double quotes was expected here, not \"!\"\n");
}

}  // namespace
}  // namespace echostream::internal
