#include "tests/support/qlog_check.h"

#include <google/protobuf/util/json_util.h>

#include <set>

namespace echostream::testing {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr char kRecordSeparator = '\x1e';

const std::set<std::string>& events() {
  static const std::set<std::string> kNames = {"transport:parameters_set", "transport:packet_sent",
                                               "transport:packet_received",
                                               "recovery:metrics_updated", "recovery:packet_lost"};
  return kNames;
}

const std::set<std::string>& packet_types() {
  static const std::set<std::string> kNames = {
      "initial", "handshake", "0RTT", "1RTT", "retry", "version_negotiation", "stateless_reset"};
  return kNames;
}

const std::set<std::string>& frame_types() {
  static const std::set<std::string> kNames = {"padding",
                                               "ping",
                                               "ack",
                                               "reset_stream",
                                               "stop_sending",
                                               "crypto",
                                               "new_token",
                                               "stream",
                                               "max_data",
                                               "max_stream_data",
                                               "max_streams",
                                               "data_blocked",
                                               "streams_blocked",
                                               "stream_data_blocked",
                                               "path_challenge",
                                               "new_connection_id",
                                               "path_response",
                                               "retire_connection_id",
                                               "connection_close",
                                               "handshake_done",
                                               "datagram"};
  return kNames;
}

const Value* find(const Struct& object, const std::string& name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? nullptr : &found->second;
}

const Struct& object_at(const Struct& object, const std::string& name) {
  const Value* value = find(object, name);
  return value != nullptr ? value->struct_value() : Struct::default_instance();
}

std::string text_at(const Struct& object, const std::string& name) {
  const Value* value = find(object, name);
  return value != nullptr ? value->string_value() : std::string();
}

bool is_number(const Struct& object, const std::string& name) {
  const Value* value = find(object, name);
  return value != nullptr && value->kind_case() == Value::kNumberValue;
}

std::string check_header(const Struct& record, QlogTrace& trace) {
  if (text_at(record, "qlog_format") != "JSON-SEQ") return "qlog_format is not JSON-SEQ";
  if (text_at(record, "qlog_version") != "0.3") return "qlog_version is not 0.3";
  const Struct& about = object_at(record, "trace");
  trace.vantage_point = text_at(object_at(about, "vantage_point"), "type");
  if (trace.vantage_point != "client" && trace.vantage_point != "server") {
    return "no vantage point";
  }
  const Struct& common = object_at(about, "common_fields");
  trace.group_id = text_at(common, "group_id");
  if (trace.group_id.empty()) return "no group_id";
  if (text_at(common, "time_format") != "relative") return "time_format is not relative";
  if (!is_number(common, "reference_time")) return "no reference_time";
  return {};
}

std::string check_packet(const Struct& data) {
  const Struct& header = object_at(data, "header");
  const std::string type = text_at(header, "packet_type");
  if (packet_types().count(type) == 0) return "packet type '" + type + "'";
  if (type == "retry" || type == "version_negotiation" || type == "stateless_reset") return {};
  if (!is_number(header, "packet_number")) return "no packet number";
  if (!is_number(object_at(data, "raw"), "length")) return "no length";
  const Value* frames = find(data, "frames");
  if (frames == nullptr || frames->kind_case() != Value::kListValue) return "no frames";
  for (const Value& frame : frames->list_value().values()) {
    const std::string name = text_at(frame.struct_value(), "frame_type");
    if (frame_types().count(name) == 0) return "frame type '" + name + "'";
  }
  return {};
}

std::string check_event(const Struct& record, double& last_time, QlogTrace& trace) {
  if (!is_number(record, "time")) return "no time";
  const double time = find(record, "time")->number_value();
  if (time < last_time) return "time runs backwards";
  last_time = time;
  const std::string name = text_at(record, "name");
  if (events().count(name) == 0) return "event '" + name + "'";
  ++trace.events[name];
  const Value* data = find(record, "data");
  if (data == nullptr || data->kind_case() != Value::kStructValue) return "no data";
  const bool is_packet = name == "transport:packet_sent" || name == "transport:packet_received";
  return is_packet ? check_packet(data->struct_value()) : std::string();
}

}  // namespace

QlogTrace check_qlog(std::string_view text) {
  QlogTrace trace;
  double last_time = 0;
  for (int number = 0; trace.error.empty() && !text.empty(); ++number) {
    const std::size_t end = text.find(kRecordSeparator, 1);
    const std::string_view record = text.substr(0, end);
    text.remove_prefix(record.size());
    Struct parsed;
    if (record.front() != kRecordSeparator) {
      trace.error = "no record separator";
    } else if (record.back() != '\n') {
      trace.error = "no line feed at its end";
    } else if (const auto status = google::protobuf::util::JsonStringToMessage(
                   std::string(record.substr(1)), &parsed);
               !status.ok()) {
      trace.error = "not JSON: " + status.ToString();
    } else if (number == 0) {
      trace.error = check_header(parsed, trace);
    } else {
      trace.error = check_event(parsed, last_time, trace);
      trace.records.push_back(std::move(parsed));
    }
    if (!trace.error.empty()) {
      trace.error = "record " + std::to_string(number) + ": " + trace.error + ": " +
                    std::string(record.substr(0, 200));
    }
  }
  if (trace.vantage_point.empty() && trace.error.empty()) trace.error = "it is empty";
  return trace;
}

}  // namespace echostream::testing
