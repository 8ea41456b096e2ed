#include "compiler/model/comments.h"

#include <algorithm>
#include <vector>

namespace echostream::compiler {
namespace {

void append_lines(const std::string& text, std::vector<std::string>& lines) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    line.erase(line.find_last_not_of(" \t\r") + 1);
    lines.push_back(std::move(line));
    begin = end + 1;
  }
}

void remove_indentation(std::vector<std::string>& lines) {
  std::size_t common = std::string::npos;
  for (const std::string& line : lines) common = std::min(common, line.find_first_not_of(' '));
  for (std::string& line : lines) line.erase(0, std::min(common, line.size()));
}

}  // namespace

std::string comment_text(const google::protobuf::SourceLocation& location) {
  std::vector<std::string> lines;
  append_lines(location.leading_comments, lines);
  // What is left of a Javadoc comment's "/**".
  if (!lines.empty() && lines.front().starts_with('*')) lines.front().front() = ' ';
  append_lines(location.trailing_comments, lines);
  while (!lines.empty() && lines.front().empty()) lines.erase(lines.begin());
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  remove_indentation(lines);
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace echostream::compiler
