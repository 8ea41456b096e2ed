#include "contact.h"

#include <cstdio>
#include <fstream>

namespace intercom {

using echostream::Fingerprint;
using echostream::Result;
using echostream::Status;
using echostream::StatusCode;

Status write_contact(const std::string& path, const Contact& contact) {
  const std::string draft = path + ".new";
  {
    std::ofstream out(draft, std::ios::trunc);
    out << "address " << contact.address << "\nfingerprint " << contact.fingerprint.to_string()
        << '\n'
        << std::flush;
    if (!out) return {StatusCode::kUnavailable, "cannot write " + draft};
  }
  if (std::rename(draft.c_str(), path.c_str()) != 0) {
    return {StatusCode::kUnavailable, "cannot rename " + draft + " to " + path};
  }
  return Status::ok();
}

Result<Contact> read_contact(const std::string& path) {
  std::ifstream in(path);
  if (!in) return Status(StatusCode::kNotFound, "cannot open " + path);
  std::string address;
  std::string digits;
  std::string word;
  std::string value;
  while (in >> word >> value) {
    if (word == "address") address = value;
    if (word == "fingerprint") digits = value;
  }
  auto fingerprint = Fingerprint::parse(digits);
  if (!fingerprint) return fingerprint.error().with_context(path + ", fingerprint");
  if (address.empty()) {
    return Status(StatusCode::kInvalidArgument, path + " has no line 'address HOST:PORT'");
  }
  return Contact{address, *fingerprint};
}

}  // namespace intercom
