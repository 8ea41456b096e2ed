#include "runtime/config/option_fields.h"

#include <google/protobuf/message.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <type_traits>

#include "echostream/base/check.h"

namespace echostream::internal {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class FieldCopy {
 public:
  FieldCopy(Direction direction, Message& message)
      : direction_(direction), message_(message), reflection_(*message.GetReflection()) {}

  template <class Number>
  void number(const char* name, Number& variable) {
    const FieldDescriptor& field = find(name);
    if (direction_ == Direction::kToMessage) {
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
        reflection_.SetUInt32(&message_, &field, static_cast<std::uint32_t>(variable));
      } else {
        reflection_.SetUInt64(&message_, &field, variable);
      }
    } else if (reflection_.HasField(message_, &field)) {
      variable = static_cast<Number>(field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32
                                         ? reflection_.GetUInt32(message_, &field)
                                         : reflection_.GetUInt64(message_, &field));
    }
  }
  void number(const char* name, std::optional<std::uint64_t>& variable) {
    const bool is_given = reflection_.HasField(message_, &find(name));
    if (direction_ == Direction::kToOptions && is_given) variable = 0;
    if (variable) number(name, *variable);
  }
  void real(const char* name, double& variable) {
    const FieldDescriptor& field = find(name);
    if (direction_ == Direction::kToMessage) {
      reflection_.SetDouble(&message_, &field, variable);
    } else if (reflection_.HasField(message_, &field)) {
      variable = reflection_.GetDouble(message_, &field);
    }
  }
  void flag(const char* name, bool& variable) {
    const FieldDescriptor& field = find(name);
    if (direction_ == Direction::kToMessage) {
      reflection_.SetBool(&message_, &field, variable);
    } else if (reflection_.HasField(message_, &field)) {
      variable = reflection_.GetBool(message_, &field);
    }
  }
  void text(const char* name, std::string& variable) {
    const FieldDescriptor& field = find(name);
    if (direction_ == Direction::kToMessage) {
      if (!variable.empty()) reflection_.SetString(&message_, &field, variable);
    } else if (reflection_.HasField(message_, &field)) {
      variable = reflection_.GetString(message_, &field);
    }
  }
  void texts(const char* name, std::vector<std::string>& variable) {
    const FieldDescriptor& field = find(name);
    if (direction_ == Direction::kToMessage) {
      for (const std::string& text : variable) reflection_.AddString(&message_, &field, text);
      return;
    }
    const int count = reflection_.FieldSize(message_, &field);
    if (count > 0) variable.clear();
    for (int i = 0; i < count; ++i) {
      variable.push_back(reflection_.GetRepeatedString(message_, &field, i));
    }
  }
  template <class Unit>
  void time(const char* name, Duration& variable) {
    const FieldDescriptor& field = find(name);
    if (direction_ == Direction::kToMessage) {
      reflection_.SetInt64(&message_, &field, std::chrono::duration_cast<Unit>(variable).count());
    } else if (reflection_.HasField(message_, &field)) {
      variable = Unit(reflection_.GetInt64(message_, &field));
    }
  }
  void milliseconds(const char* name, Duration& variable) {
    time<std::chrono::milliseconds>(name, variable);
  }
  /// `values` are in the order of the schema's numbers.
  template <class Enum, std::size_t kCount>
  void choice(const char* name, Enum& variable, const Enum (&values)[kCount]) {
    const FieldDescriptor& field = find(name);
    if (direction_ == Direction::kToMessage) {
      const auto place = std::find(std::begin(values), std::end(values), variable);
      reflection_.SetEnumValue(&message_, &field,
                               static_cast<int>(std::distance(std::begin(values), place)));
    } else if (reflection_.HasField(message_, &field)) {
      const auto number = static_cast<std::size_t>(reflection_.GetEnumValue(message_, &field));
      if (number < kCount) variable = values[number];
    }
  }

 private:
  const FieldDescriptor& find(const char* name) const {
    const FieldDescriptor* field = message_.GetDescriptor()->FindFieldByName(name);
    ECHOSTREAM_CHECK(field != nullptr, name);
    return *field;
  }

  Direction direction_;
  Message& message_;
  const google::protobuf::Reflection& reflection_;
};

// The order of NodeConfig's enums.
constexpr AddressValidation kAddressValidations[] = {AddressValidation::kUnderLoad,
                                                     AddressValidation::kAlways};
constexpr CongestionControl kCongestionControls[] = {
    CongestionControl::kCubic, CongestionControl::kNewReno, CongestionControl::kBbr};

}  // namespace

void copy(Direction direction, config::NodeConfig& message, NodeOptions& options) {
  FieldCopy fields(direction, message);
  fields.flag("resumption", options.resumption);
  fields.flag("accept_early_data", options.accept_early_data);
  fields.milliseconds("handshake_timeout_ms", options.handshake_timeout);
  fields.milliseconds("idle_timeout_ms", options.idle_timeout);
  fields.milliseconds("keep_alive_interval_ms", options.keep_alive_interval);
  fields.number("max_sessions", options.max_sessions);
  fields.number("max_sessions_per_address", options.max_sessions_per_address);
  fields.choice("address_validation", options.address_validation, kAddressValidations);
  fields.number("max_handshakes_per_network", options.max_handshakes_per_network);
  fields.number("max_concurrent_calls", options.max_concurrent_calls);
  fields.flag("synchronise_clocks", options.synchronise_clocks);
  fields.choice("congestion_control", options.congestion_control, kCongestionControls);
  fields.milliseconds("key_update_interval_ms", options.key_update_interval);
  fields.number("max_udp_payload_bytes", options.max_udp_payload_bytes);
  fields.flag("migrate_on_address_change", options.migrate_on_address_change);
  fields.number("max_path_changes_per_second", options.max_path_changes_per_second);
  fields.flag("follow_preferred_address", options.follow_preferred_address);
  fields.text("qlog_directory", options.qlog_directory);
  fields.flag("use_environment", options.use_environment);
  fields.flag("grease_quic_bit", options.grease_quic_bit);

  copy(direction, *message.mutable_limits(), options.limits);
  const bool is_given = message.has_shared_clock();
  if (direction == Direction::kToOptions && is_given) options.shared_clock.emplace();
  if (options.shared_clock) {
    copy(direction, *message.mutable_shared_clock(), *options.shared_clock);
  }
}

void copy(Direction direction, config::LimitsConfig& message, Limits& options) {
  FieldCopy fields(direction, message);
  fields.number("max_message_bytes", options.max_message_bytes);
  fields.number("max_decoded_bytes", options.max_decoded_bytes);
  fields.number("max_metadata_bytes", options.max_metadata_bytes);
  fields.number("max_subscriptions", options.max_subscriptions);
  fields.number("max_running_handlers", options.max_running_handlers);
  fields.number("max_handler_bytes", options.max_handler_bytes);
  fields.number("max_inbox_messages", options.max_inbox_messages);
  fields.number("max_inbox_bytes", options.max_inbox_bytes);
  fields.number("max_running_events", options.max_running_events);
  fields.number("send_high_water_bytes", options.send_high_water_bytes);
  fields.number("send_low_water_bytes", options.send_low_water_bytes);
  fields.number("max_waiting_calls", options.max_waiting_calls);
  fields.number("max_expiring_in_flight", options.max_expiring_in_flight);
  fields.number("max_orphan_streams", options.max_orphan_streams);
  fields.number("max_held_frames", options.max_held_frames);
  fields.number("max_held_bytes", options.max_held_bytes);
  fields.number("max_cancelled_calls_per_second", options.max_cancelled_calls_per_second);
  fields.number("max_control_frame_bytes", options.max_control_frame_bytes);
  fields.number("max_session_bytes", options.max_session_bytes);
  fields.milliseconds("stalled_peer_timeout_ms", options.stalled_peer_timeout);
  fields.number("max_send_bytes_per_second", options.max_send_bytes_per_second);
}

void copy(Direction direction, config::SharedClockConfig& message, SharedClockOptions& options) {
  FieldCopy fields(direction, message);
  fields.number("node_id", options.node_id);
  fields.number("reference", options.reference);
}

void copy(Direction direction, config::LoopConfig& message, LoopOptions& options) {
  FieldCopy(direction, message).time<std::chrono::microseconds>("busy_poll_us", options.busy_poll);
}

void copy(Direction direction, config::HttpConfig& message, HttpOptions& options) {
  FieldCopy fields(direction, message);
  fields.texts("allowed_origins", options.allowed_origins);
  fields.texts("allowed_hosts", options.allowed_hosts);
  fields.number("compress_from_bytes", options.compress_from_bytes);
  fields.milliseconds("body_timeout_ms", options.body_timeout);
  fields.number("max_json_depth", options.max_json_depth);
  fields.flag("console", options.console);
  fields.flag("tcp_side_door", options.tcp_side_door);
}

void copy(Direction direction, config::PoolConfig& message, NodePoolOptions& options) {
  FieldCopy(direction, message).number("threads", options.threads);
}

void copy(Direction direction, config::ReconnectConfig& message, ReconnectOptions& options) {
  FieldCopy fields(direction, message);
  fields.milliseconds("initial_delay_ms", options.initial_delay);
  fields.milliseconds("max_delay_ms", options.max_delay);
  fields.real("multiplier", options.multiplier);
  fields.milliseconds("stable_after_ms", options.stable_after);
  fields.milliseconds("attempt_timeout_ms", options.attempt_timeout);
  fields.flag("fail_fast", options.fail_fast);
  fields.flag("retry_when_refused", options.retry_when_refused);
  fields.real("retry_share", options.retry_share);
  fields.number("retry_burst", options.retry_burst);
}

void copy(Direction direction, config::ConnectConfig& message, ConnectOptions& options) {
  FieldCopy fields(direction, message);
  fields.flag("resume", options.resume);
  fields.flag("early_data", options.early_data);
}

}  // namespace echostream::internal
