#include "tools/echostream/call/type_text.h"

#include <gtest/gtest.h>

namespace echostream::tool {
namespace {

TEST(TypeText, LeavesOutTheJsonNamesThatFieldsHaveAnyway) {
  EXPECT_EQ(without_usual_json_names("  bytes opus = 1 [json_name = \"opus\"];\n"),
            "  bytes opus = 1;\n");
  EXPECT_EQ(without_usual_json_names("int32 least_force = 12 [json_name = \"leastForce\"];"),
            "int32 least_force = 12;");
  EXPECT_EQ(without_usual_json_names("int32 a = 1 [json_name = \"a\", deprecated = true]; int32 "
                                     "b = 2 [json_name = \"b\"];"),
            "int32 a = 1 [deprecated = true]; int32 b = 2;");
}

TEST(TypeText, KeepsOtherNamesAndTexts) {
  for (const char* text :
       {"int32 a = 1 [json_name = \"other\"];", " [json_name = \"\"]", " [json_name = \"",
        "1 [json_name = \"a\"", "int32 a = 1 [json_name = \"a\"x];", ""}) {
    EXPECT_EQ(without_usual_json_names(text), text);
  }
}

}  // namespace
}  // namespace echostream::tool
