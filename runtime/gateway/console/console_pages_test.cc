#include "runtime/gateway/console/console_pages.h"

#include <gmock/gmock.h>

#include <set>
#include <string>

namespace echostream::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

http3::Fields request(std::string path, std::string method = "GET") {
  return {{":method", std::move(method)}, {":scheme", "https"}, {":path", std::move(path)}};
}

std::string body_of(const ResponsePart& page) {
  std::string text;
  for (const Buffer& piece : page.body) text += as_text(piece.view());
  return text;
}

TEST(ConsolePages, TheRootIsThePage) {
  const auto page = console_page(request("/"));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->is_end);
  EXPECT_EQ(page->head.get(":status"), "200");
  EXPECT_EQ(page->head.get("content-type"), "text/html; charset=utf-8");
  EXPECT_THAT(body_of(*page), StartsWith("<!doctype html>"));
  EXPECT_EQ(page->head.get("content-length"), std::to_string(body_of(*page).size()));
}

TEST(ConsolePages, EachFileHasItsTypeAndAPathOfItsOwn) {
  std::set<std::string_view> paths;
  for (const ConsoleFile& file : console_files()) {
    EXPECT_TRUE(paths.insert(file.path).second) << file.path;
    EXPECT_FALSE(file.content_type.empty()) << file.path;
    EXPECT_FALSE(file.contents.empty()) << file.path;
    const auto page = console_page(request(std::string(file.path)));
    ASSERT_TRUE(page) << file.path;
    EXPECT_EQ(body_of(*page), file.contents);
  }
  for (const char* path : {"/", "/console.js", "/console.css", "/favicon.svg", "/favicon.ico"}) {
    EXPECT_TRUE(paths.contains(path)) << path;
  }
}

TEST(ConsolePages, MayLoadNothingFromElsewhereAndBeShownByNobodyElse) {
  const auto page = console_page(request("/console.js"));
  ASSERT_TRUE(page);
  const std::string policy(page->head.get("content-security-policy"));
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("script-src 'self'"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_EQ(page->head.get("x-content-type-options"), "nosniff");
  // What the policy would refuse is not in the page either.
  const std::string html = body_of(*console_page(request("/")));
  EXPECT_THAT(html, Not(HasSubstr("style=")));
  EXPECT_THAT(html, Not(HasSubstr("<style")));
  EXPECT_THAT(html, Not(HasSubstr("onclick")));
  EXPECT_THAT(html, Not(HasSubstr("://")));
}

TEST(ConsolePages, HeadHasNoBodyButTellsItsLength) {
  const auto page = console_page(request("/", "HEAD"));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->body.empty());
  EXPECT_TRUE(page->is_end);
  EXPECT_EQ(page->head.get("content-length"),
            console_page(request("/"))->head.get("content-length"));
}

TEST(ConsolePages, AreNotSentAgainToWhoeverHasThem) {
  const std::string etag(console_page(request("/console.css"))->head.get("etag"));
  EXPECT_THAT(etag, StartsWith("\""));
  for (const std::string& held : {etag, "W/" + etag, "\"other\", " + etag, std::string("*")}) {
    http3::Fields head = request("/console.css");
    head.add("if-none-match", held);
    const auto page = console_page(head);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->head.get(":status"), "304") << held;
    EXPECT_EQ(page->head.get("etag"), etag);
    EXPECT_TRUE(page->body.empty());
    EXPECT_FALSE(page->head.has("content-length"));
  }
  http3::Fields head = request("/console.css");
  head.add("if-none-match", "\"other\",, ,");
  EXPECT_EQ(console_page(head)->head.get(":status"), "200");
}

TEST(ConsolePages, AreHeldOnceHoweverOftenTheyAreAskedFor) {
  const auto once = console_page(request("/console.js"));
  const auto again = console_page(request("/console.js"));
  ASSERT_TRUE(once && again);
  EXPECT_EQ(once->body.front().data(), again->body.front().data());
}

TEST(ConsolePages, AQueryMakesNoDifference) { EXPECT_TRUE(console_page(request("/?method=x"))); }

TEST(ConsolePages, EverythingElseIsForSomebodyElse) {
  EXPECT_FALSE(console_page(request("/", "POST")));
  EXPECT_FALSE(console_page(request("/", "OPTIONS")));
  EXPECT_FALSE(console_page(request("/lab.v1.Lab/Echo")));
  EXPECT_FALSE(console_page(request("/index.html")));
  EXPECT_FALSE(console_page(request("/console/../console.js")));
  EXPECT_FALSE(console_page(request("/%63onsole.js")));
  EXPECT_FALSE(console_page(request("")));
  EXPECT_FALSE(console_page({}));
}

}  // namespace
}  // namespace echostream::gateway
