#include "runtime/config/problems.h"

#include <algorithm>
#include <numeric>

namespace echostream {

std::string ConfigProblem::to_string() const {
  std::string text = source;
  if (line > 0) text += ":" + std::to_string(line) + ":" + std::to_string(column);
  return text + ": error: " + message;
}

}  // namespace echostream

namespace echostream::internal {

namespace {

constexpr std::size_t kMostQuotedBytes = 60;
constexpr std::size_t kLongestName = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

void Problems::add(ConfigProblem problem) {
  const auto is_there = [&](const ConfigProblem& other) {
    return other.line == problem.line && other.column == problem.column &&
           other.source == problem.source;
  };
  if (problem.line > 0 && std::any_of(problems_.begin(), problems_.end(), is_there)) return;
  if (is_full()) {
    ++left_out_;
    return;
  }
  problems_.push_back(std::move(problem));
}

void Problems::add(std::string source, Place place, std::string field, std::string message) {
  ConfigProblem problem;
  problem.source = std::move(source);
  problem.line = place.line;
  problem.column = place.column;
  problem.field = std::move(field);
  problem.message = std::move(message);
  add(std::move(problem));
}

Status Problems::status(std::vector<ConfigProblem>* out) const {
  if (out != nullptr) *out = problems_;
  if (problems_.empty()) return Status::ok();
  std::string text;
  for (const ConfigProblem& problem : problems_) {
    text += (text.empty() ? "" : "\n") + problem.to_string();
  }
  if (left_out_ > 0) text += "\nand " + std::to_string(left_out_) + " more errors";
  return {StatusCode::kInvalidArgument, text};
}

std::string quoted(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kMostQuotedBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  if (text.size() > kMostQuotedBytes) out += "...";
  return out + '"';
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string suggestion(std::string_view wrong, const std::vector<std::string>& choices) {
  if (wrong.empty() || wrong.size() > kLongestName) return {};
  const std::string* nearest = nullptr;
  std::size_t least = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const std::string& choice : choices) {
    const std::size_t far = distance(wrong, choice);
    // Something must be left of the word that was written.
    if (far < least && far < choice.size()) {
      least = far;
      nearest = &choice;
    }
  }
  return nearest == nullptr ? std::string() : "; did you mean " + quoted(*nearest) + "?";
}

}  // namespace echostream::internal
