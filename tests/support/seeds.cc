#include "tests/support/seeds.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

namespace echostream::testing {
namespace {

std::optional<std::uint64_t> from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

// "ECHOSTREAM_SEED=7 <program> --gtest_filter=<this test>".
std::string replay_command(std::uint64_t seed) {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  const ::testing::TestInfo* test = ::testing::UnitTest::GetInstance()->current_test_info();
  return "ECHOSTREAM_SEED=" + std::to_string(seed) + " " +
         (failed ? std::string("<this program>") : program.string()) +
         " --gtest_filter=" + test->test_suite_name() + "." + test->name();
}

}  // namespace

void for_each_seed(std::uint64_t count, const std::function<void(std::uint64_t)>& scenario) {
  const auto only = from_environment("ECHOSTREAM_SEED");
  const std::uint64_t first = only.value_or(1);
  const std::uint64_t last = only ? *only : from_environment("ECHOSTREAM_SEEDS").value_or(count);
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    scenario(seed);
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "failed at seed " << seed << "; to run it again:\n  "
                    << replay_command(seed);
      return;
    }
  }
  std::printf("%llu seeds\n", static_cast<unsigned long long>(last - first + 1));
}

}  // namespace echostream::testing
