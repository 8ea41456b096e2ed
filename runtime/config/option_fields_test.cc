// Each field of the schema against the variable that it stands for. tools/check_config.py holds
// that there is a field for every variable.
#include "runtime/config/option_fields.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "echostream/config_options.pb.h"

namespace echostream::internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

const config::Setting& setting_of(const FieldDescriptor& field) {
  return field.options().GetExtension(config::setting);
}

std::string value_text(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.GetEnum(message, &field)->name();
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      std::string text = std::to_string(reflection.GetDouble(message, &field));
      text.erase(text.find_last_not_of('0') + 1);
      return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
    }
    default:
      return {};
  }
}

// Fields that are no plain values.
bool is_plain(const FieldDescriptor& field) {
  return field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE &&
         field.cpp_type() != FieldDescriptor::CPPTYPE_STRING && !field.is_repeated() &&
         field.name() != "log_level";
}

template <class Pair>
class OptionFields : public ::testing::Test {};

template <class Message, class Options>
struct Of {
  using Config = Message;
  using Variables = Options;
};
using Pairs =
    ::testing::Types<Of<config::NodeConfig, NodeOptions>, Of<config::LimitsConfig, Limits>,
                     Of<config::LoopConfig, LoopOptions>, Of<config::HttpConfig, HttpOptions>,
                     Of<config::PoolConfig, NodePoolOptions>,
                     Of<config::ReconnectConfig, ReconnectOptions>,
                     Of<config::ConnectConfig, ConnectOptions>>;
TYPED_TEST_SUITE(OptionFields, Pairs);

TYPED_TEST(OptionFields, TheSchemaTellsTheDefaultsOfTheCode) {
  typename TypeParam::Config message;
  typename TypeParam::Variables options;
  copy(Direction::kToMessage, message, options);
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (!is_plain(field)) continue;
    EXPECT_EQ(value_text(message, field), setting_of(field).default_value()) << field.full_name();
  }
}

// Every field gets a value that no other has, goes through the options and comes back.
TYPED_TEST(OptionFields, EachIsTheVariableThatItIsCalledAfter) {
  typename TypeParam::Config message;
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (!is_plain(field)) continue;
    const std::int64_t number = setting_of(field).at_least() + 2 + i;
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64:
        reflection.SetInt64(&message, &field, number);
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        reflection.SetUInt64(&message, &field, static_cast<std::uint64_t>(number));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        reflection.SetUInt32(&message, &field, static_cast<std::uint32_t>(number));
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        reflection.SetBool(&message, &field, setting_of(field).default_value() == "false");
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        reflection.SetEnumValue(&message, &field, field.enum_type()->value_count() - 1);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        reflection.SetDouble(&message, &field, static_cast<double>(number) / 64);
        break;
      default:
        FAIL() << field.full_name() << " has a type that this test does not know";
    }
  }
  typename TypeParam::Variables options;
  typename TypeParam::Config given = message;
  copy(Direction::kToOptions, given, options);
  typename TypeParam::Config back;
  copy(Direction::kToMessage, back, options);
  if constexpr (std::is_same_v<TypeParam, Of<config::NodeConfig, NodeOptions>>) {
    back.clear_limits();  // tested by themselves
  }
  std::string difference;
  MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(message, back)) << difference;
}

TEST(OptionFields, KeepTheIdsOfASharedClock) {
  config::NodeConfig message;
  message.mutable_shared_clock()->set_reference(7);
  NodeOptions options;
  copy(Direction::kToOptions, message, options);
  ASSERT_TRUE(options.shared_clock);
  EXPECT_FALSE(options.shared_clock->node_id);
  EXPECT_EQ(options.shared_clock->reference, 7u);
  config::NodeConfig back;
  copy(Direction::kToMessage, back, options);
  EXPECT_FALSE(back.shared_clock().has_node_id());
  EXPECT_EQ(back.shared_clock().reference(), 7u);
}

// The variables behind the names, once by hand: the two directions could be wrong alike.
TEST(OptionFields, StandForWhatTheirNamesSay) {
  config::NodeConfig message;
  message.set_handshake_timeout_ms(1);
  message.set_idle_timeout_ms(2);
  message.set_keep_alive_interval_ms(30);
  message.set_key_update_interval_ms(4000);
  message.set_max_sessions(5);
  message.set_max_sessions_per_address(6);
  message.set_max_handshakes_per_network(7);
  message.set_max_concurrent_calls(8);
  message.set_max_udp_payload_bytes(1300);
  message.set_max_path_changes_per_second(9);
  message.set_address_validation(config::NodeConfig::ALWAYS);
  message.set_congestion_control(config::NodeConfig::NEW_RENO);
  message.set_qlog_directory("traces");
  NodeOptions options;
  copy(Direction::kToOptions, message, options);
  using namespace std::chrono_literals;
  EXPECT_EQ(options.handshake_timeout, 1ms);
  EXPECT_EQ(options.idle_timeout, 2ms);
  EXPECT_EQ(options.keep_alive_interval, 30ms);
  EXPECT_EQ(options.key_update_interval, 4s);
  EXPECT_EQ(options.max_sessions, 5u);
  EXPECT_EQ(options.max_sessions_per_address, 6u);
  EXPECT_EQ(options.max_handshakes_per_network, 7u);
  EXPECT_EQ(options.max_concurrent_calls, 8u);
  EXPECT_EQ(options.max_udp_payload_bytes, 1300u);
  EXPECT_EQ(options.max_path_changes_per_second, 9u);
  EXPECT_EQ(options.address_validation, AddressValidation::kAlways);
  EXPECT_EQ(options.congestion_control, CongestionControl::kNewReno);
  EXPECT_EQ(options.qlog_directory, "traces");
}

}  // namespace
}  // namespace echostream::internal
