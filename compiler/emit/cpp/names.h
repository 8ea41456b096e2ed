// Which C++ names stand for the names of a .proto: keywords and clashes end in '_', message types
// as protoc's own C++ generator spells them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/model/service_model.h"

namespace echostream::compiler::cpp {

/// A word that C++20 keeps for itself.
bool is_keyword(std::string_view word);

/// `word`, with '_' behind it when it is a keyword or a macro of the standard library.
std::string escape(std::string_view word);

/// The first part of a package that is a keyword; empty for none.
std::string keyword_in_package(std::string_view package);

/// "acme.v1" -> "acme::v1", with keywords escaped; empty for no package.
std::string namespace_of(std::string_view package);

/// "::acme::v1::Outer_Inner".
std::string type_name(const TypeName& type);

/// "acme/robot.proto" -> "acme/robot" + `suffix`.
std::string output_path(std::string_view proto_path, std::string_view suffix);

/// A string literal of any bytes, quotes included.
std::string string_literal(std::string_view bytes);

/// Comment lines (///) with a newline behind the last; empty for no comment.
std::string doc_comment(std::string_view text);

struct MethodNames {
  std::string method;     // Bumped
  std::string publish;    // PublishBumped
  std::string publisher;  // bumped_publisher_
};

struct ServiceNames {
  std::string service;        // Robot
  std::string info_constant;  // kRobotInfo
  std::string method_table;   // kRobotMethods
  std::vector<MethodNames> methods;
};

/// The names of all services of a file, in its order, without clashes among themselves, with the
/// file's types, or with what the runtime's base classes declare.
std::vector<ServiceNames> name_services(const FileModel& file);

}  // namespace echostream::compiler::cpp
