// From the values of a file to the messages of the schema: every problem is found, and told with
// its place, what is allowed there, and what was probably meant.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/config/problems.h"
#include "runtime/config/value.h"

namespace echostream::internal {

/// Where settings come from.
struct SettingSource {
  /// For messages: "robot.json".
  std::string name;
  /// What relative names of files begin in, with a '/' at its end; empty: as they are written.
  std::string folder;
  bool is_json = false;
  /// Lists are replaced, and messages that exist already are changed.
  bool is_override = false;
};

struct FieldPlace {
  std::string source;
  Place place;
};
/// Where each field was set, by its path: "node.limits.max_message_bytes", "peers.1.target".
using FieldPlaces = std::map<std::string, FieldPlace, std::less<>>;

class MessageReader {
 public:
  MessageReader(const SettingSource& source, FieldPlaces& places, Problems& problems)
      : source_(source), places_(places), problems_(problems) {}

  /// `path` is that of `message`: empty for the whole.
  void read_message(const Value& value, google::protobuf::Message& message,
                    const std::string& path);
  /// What is given for one field. `where` is the place of its name.
  void read_field(const Value& value, Place where, google::protobuf::Message& message,
                  const google::protobuf::FieldDescriptor& field, const std::string& path);
  /// One element of a list that has it already, or has as many as come before it.
  void read_element(const Value& value, google::protobuf::Message& message,
                    const google::protobuf::FieldDescriptor& field, int index,
                    const std::string& path);
  /// False, with a problem, when another field of the same oneof is set.
  bool may_set(const google::protobuf::Message& message,
               const google::protobuf::FieldDescriptor& field, Place where,
               const std::string& path);

 private:
  void read_list(const Value& value, google::protobuf::Message& message,
                 const google::protobuf::FieldDescriptor& field, const std::string& path);
  void read_map(const Value& value, google::protobuf::Message& message,
                const google::protobuf::FieldDescriptor& field, const std::string& path);
  void read_scalar(const Value& value, google::protobuf::Message& message,
                   const google::protobuf::FieldDescriptor& field, int index,
                   const std::string& path);
  // google.protobuf.Struct and Value, in JSON.
  void read_free_object(const Value& value, google::protobuf::Message& message,
                        const std::string& path);
  void read_free_value(const Value& value, google::protobuf::Value& to, const std::string& path);
  void refuse(const Value& value, const std::string& path, const std::string& expected);
  void report(Place where, const std::string& path, std::string message);

  const SettingSource& source_;
  FieldPlaces& places_;
  Problems& problems_;
};

/// "node" + "trust" is "node.trust".
std::string child_path(const std::string& path, const std::string& name);
std::vector<std::string> field_names(const google::protobuf::Descriptor& message);
/// `; did you mean "x"? Fields here: ...`.
std::string unknown_field_hint(std::string_view name, const google::protobuf::Descriptor& message);

}  // namespace echostream::internal
