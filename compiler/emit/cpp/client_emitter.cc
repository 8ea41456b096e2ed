#include "compiler/emit/cpp/client_emitter.h"

#include "compiler/emit/cpp/method_shape.h"

namespace echostream::compiler::cpp {
namespace {

/// What the awaited call yields.
std::string result_type(const MethodModel& method) {
  const std::string request = type_name(method.request);
  const std::string reply = type_name(method.reply);
  switch (shape_of(method)) {
    case MethodShape::kRpc:
      return "::echostream::Result<" + reply + ">";
    case MethodShape::kEvent:
      return "::echostream::Status";
    case MethodShape::kPublished:
    case MethodShape::kServerStream:
      return "::echostream::Reader<" + reply + ">";
    case MethodShape::kClientStream:
      return "::echostream::ClientStream<" + request + ", " + reply + ">";
    case MethodShape::kDuplex:
      return "::echostream::DuplexStream<" + request + ", " + reply + ">";
  }
  return {};
}

/// The name of the message parameter; empty when the request is a stream.
std::string message_parameter(const MethodModel& method) {
  if (method.client_streaming) return {};
  return method.kind == MethodKind::kEvent ? "event" : "request";
}

std::string parameters(const MethodModel& method) {
  const std::string name = message_parameter(method);
  return (name.empty() ? "" : "const " + type_name(method.request) + "& " + name + ", ") +
         "::echostream::CallOptions options";
}

/// The function of generated_support.h that does the work.
std::string support_function(const MethodModel& method) {
  const std::string request = type_name(method.request);
  const std::string reply = type_name(method.reply);
  switch (shape_of(method)) {
    case MethodShape::kRpc:
      return "call_rpc<" + reply + ">";
    case MethodShape::kEvent:
      return "emit_event";
    case MethodShape::kPublished:
    case MethodShape::kServerStream:
      return "open_reader<" + reply + ">";
    case MethodShape::kClientStream:
      return "open_client_stream<" + request + ", " + reply + ">";
    case MethodShape::kDuplex:
      return "open_duplex<" + request + ", " + reply + ">";
  }
  return {};
}

}  // namespace

void declare_client(const ServiceModel& service, const ServiceNames& names, CodeWriter& writer) {
  writer.print(R"(
/// Calls $full_name$ at a peer: `session.client<$service$>()`.
class $service$::Client {
 public:
  explicit Client(::echostream::Channel channel);
)",
               {{"full_name", service.full_name}, {"service", names.service}});
  {
    const CodeWriter::Indented indented(writer);
    for (std::size_t i = 0; i < service.methods.size(); ++i) {
      const MethodModel& method = service.methods[i];
      writer.print("$comment$$deprecated$::echostream::Task<$result$> $name$($parameters$ = {});\n",
                   {{"comment", doc_comment(method.comment)},
                    {"deprecated", method.deprecated ? "[[deprecated]] " : ""},
                    {"result", result_type(method)},
                    {"name", names.methods[i].method},
                    {"parameters", parameters(method)}});
    }
    writer.print("// @@protoc_insertion_point(client_scope:$full_name$)\n",
                 {{"full_name", service.full_name}});
  }
  writer.print(R"(

 private:
  ::echostream::Channel channel_;
};

)");
}

void define_client(const ServiceModel& service, const ServiceNames& names, CodeWriter& writer) {
  writer.print(R"(
$service$::Client::Client(::echostream::Channel channel) : channel_(std::move(channel)) {}

)",
               {{"service", names.service}});
  for (std::size_t i = 0; i < service.methods.size(); ++i) {
    const MethodModel& method = service.methods[i];
    const std::string message = message_parameter(method);
    writer.print(
        R"(
::echostream::Task<$result$> $service$::Client::$name$($parameters$) {
  return ::echostream::internal::$function$(channel_, $table$[$index$], $message$std::move(options));
}

)",
        {{"result", result_type(method)},
         {"service", names.service},
         {"name", names.methods[i].method},
         {"parameters", parameters(method)},
         {"function", support_function(method)},
         {"table", names.method_table},
         {"index", std::to_string(i)},
         {"message", message.empty() ? "" : message + ", "}});
  }
}

}  // namespace echostream::compiler::cpp
