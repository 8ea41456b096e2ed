// Reads a qlog trace as strictly as its drafts allow.
#pragma once

#include <google/protobuf/struct.pb.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace echostream::testing {

/// A trace that was read; what it holds counts only if `error` is empty.
struct QlogTrace {
  /// What is wrong with it, and in which record.
  std::string error;
  std::string vantage_point;
  std::string group_id;
  /// How many of each name.
  std::map<std::string, int> events;
  /// Records after the first.
  std::vector<google::protobuf::Struct> records;
};

/// JSON-SEQ (RFC 7464) as draft-ietf-quic-qlog-main-schema-02 has it: qlog_version 0.3, the fields
/// that viewers go by, known events only, time that never runs backwards.
QlogTrace check_qlog(std::string_view text);

}  // namespace echostream::testing
