#include "runtime/config/problems.h"

#include <algorithm>

namespace echostream {

std::string ConfigProblem::to_string() const {
  std::string text = source;
  if (line > 0) text += ":" + std::to_string(line) + ":" + std::to_string(column);
  return text + ": error: " + message;
}

}  // namespace echostream

namespace echostream::internal {

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

}  // namespace echostream::internal
