#include <gtest/gtest.h>

#include <cmath>

#include "echostream/plugins/tracing.h"
#include "echostream/typed_state.h"

#include "runtime/plugins/tracing/tracing_middleware.h"

namespace echostream::internal {
namespace {

constexpr char kExample[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, ReadsAndWritesTheRecommendationsExample) {
  const auto context = TraceContext::parse(kExample);
  ASSERT_TRUE(context);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->trace_id_hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(context->span_id_hex(), "00f067aa0ba902b7");
  EXPECT_EQ(context->to_traceparent(), kExample);
}

TEST(TraceContext, TakesVersionsToCome) {
  std::string later = kExample;
  later[1] = '1';
  EXPECT_TRUE(TraceContext::parse(later));
  EXPECT_TRUE(TraceContext::parse(later + "-what-comes"));
  EXPECT_FALSE(TraceContext::parse(later + "x"));
}

TEST(TraceContext, IgnoresWhatIsNotValid) {
  const std::string good = kExample;
  EXPECT_FALSE(TraceContext::parse(""));
  EXPECT_FALSE(TraceContext::parse(good + "-x")) << "version 00 has nothing after the flags";
  EXPECT_FALSE(TraceContext::parse(good + std::string(100'000, 'a')));
  EXPECT_FALSE(TraceContext::parse("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
  EXPECT_FALSE(TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
  EXPECT_FALSE(TraceContext::parse("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"));
  EXPECT_FALSE(TraceContext::parse("ff" + good.substr(2)));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = 'g';
    EXPECT_FALSE(TraceContext::parse(bad)) << i;
    EXPECT_FALSE(TraceContext::parse(good.substr(0, i))) << i;
  }
}

TEST(TraceContext, IsNoneWhenTwoSayDifferentThings) {
  Metadata metadata;
  metadata.add("traceparent", kExample);
  ASSERT_TRUE(TraceContext::from(metadata));
  metadata.add("traceparent", kExample);
  EXPECT_FALSE(TraceContext::from(metadata));
}

TEST(TraceContext, JoinsTraceStatesAndDropsThoseTooLong) {
  Metadata metadata;
  metadata.add("tracestate", "a=1");
  metadata.add("traceparent", kExample);
  metadata.add("tracestate", "b=2");
  EXPECT_EQ(TraceContext::from(metadata)->trace_state, "a=1,b=2");
  metadata.add("tracestate", std::string(500'000, 'x'));
  EXPECT_EQ(TraceContext::from(metadata)->trace_state, "");
  Metadata odd;
  odd.add("traceparent", kExample);
  odd.add("tracestate", "a=\r\n1");
  EXPECT_EQ(TraceContext::from(odd)->trace_state, "");
}

TEST(TraceContext, ComesFromTheStateBeforeTheMetadata) {
  Metadata metadata;
  metadata.add("traceparent", kExample);
  TypedState state;
  EXPECT_EQ(trace_context(metadata, state)->to_traceparent(), kExample);
  state.emplace<TraceContext>().span_id[0] = 7;
  EXPECT_EQ(trace_context(metadata, state)->span_id[0], 7);
  EXPECT_FALSE(trace_context({}, {}));
}

TEST(Sampling, KeepsAboutTheShareThatWasAskedFor) {
  TraceContext context;
  std::uint64_t random = 1;
  const auto share = [&](double ratio) {
    int in = 0;
    for (int i = 0; i < 100'000; ++i) {
      for (std::uint8_t& byte : context.trace_id) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        byte = static_cast<std::uint8_t>(random >> 56);
      }
      in += is_in_sample(context, ratio) ? 1 : 0;
    }
    return in / 100'000.0;
  };
  EXPECT_EQ(share(0), 0);
  EXPECT_EQ(share(1), 1);
  EXPECT_NEAR(share(0.01), 0.01, 0.002);
  EXPECT_NEAR(share(0.5), 0.5, 0.01);
  context.trace_id.fill(0xff);
  EXPECT_TRUE(is_in_sample(context, 1));
  EXPECT_FALSE(is_in_sample(context, 0.999));
}

TEST(ReplaceTrace, LeavesEverythingElseAsItWas) {
  Metadata metadata{{"a", "1"}, {"traceparent", "old"}, {"tracestate", "old=1"}, {"b", "2"}};
  const auto context = TraceContext::parse(kExample);
  replace_trace(metadata, *context);
  EXPECT_EQ(metadata, (Metadata{{"a", "1"}, {"b", "2"}, {"traceparent", kExample}}));
}

}  // namespace
}  // namespace echostream::internal
