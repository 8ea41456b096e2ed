#include "compiler/emit/cpp/handler_emitter.h"

#include "compiler/emit/cpp/method_shape.h"

namespace echostream::compiler::cpp {
namespace {

/// What a handler's method returns.
std::string return_type(const MethodModel& method) {
  switch (shape_of(method)) {
    case MethodShape::kRpc:
    case MethodShape::kClientStream:
      return "::echostream::Task<::echostream::Result<" + type_name(method.reply) + ">>";
    case MethodShape::kEvent:
    case MethodShape::kServerStream:
    case MethodShape::kDuplex:
      return "::echostream::Task<::echostream::Status>";
    case MethodShape::kPublished:
      return "bool";
  }
  return {};
}

std::string parameters(const MethodModel& method) {
  const std::string request = type_name(method.request);
  const std::string reply = type_name(method.reply);
  const std::string call = "::echostream::Call& call, ";
  const std::string in = "::echostream::Reader<" + request + "> in";
  const std::string out = ", ::echostream::Writer<" + reply + "> out";
  switch (shape_of(method)) {
    case MethodShape::kRpc:
      return call + request + " request";
    case MethodShape::kEvent:
      return call + request + " event";
    case MethodShape::kPublished:
      return "const " + request + "& filter, const " + reply + "& event";
    case MethodShape::kServerStream:
      return call + request + " request" + out;
    case MethodShape::kClientStream:
      return call + in;
    case MethodShape::kDuplex:
      return call + in + out;
  }
  return {};
}

void declare_published(const MethodModel& method, const MethodNames& names, CodeWriter& writer) {
  writer.print(R"(
/// Whether `event` goes to a subscriber that asked with `filter`.
virtual bool $method$($parameters$) = 0;
/// Publishes an event to every subscriber whose filter lets it pass; encoded once.
void $publish$(const $event$& event);
)",
               {{"method", names.method},
                {"parameters", parameters(method)},
                {"publish", names.publish},
                {"event", type_name(method.reply)}});
}

void declare_method(const MethodModel& method, const MethodNames& names, CodeWriter& writer) {
  writer.print_raw(doc_comment(method.comment));
  if (method.kind == MethodKind::kPublished) {
    if (!method.comment.empty()) writer.print_raw("///\n");
    return declare_published(method, names, writer);
  }
  writer.print("virtual $return_type$ $method$($parameters$) = 0;\n",
               {{"return_type", return_type(method)},
                {"method", names.method},
                {"parameters", parameters(method)}});
}

/// The statement of dispatch() that serves one method.
std::string serve_call(const MethodModel& method, const MethodNames& names) {
  const std::string to_method = "(call, *this, &Handler::" + names.method + ")";
  switch (shape_of(method)) {
    case MethodShape::kRpc:
      return "serve_rpc" + to_method;
    case MethodShape::kEvent:
      return "serve_event" + to_method;
    case MethodShape::kPublished:
      return "serve_subscription<" + type_name(method.request) + ">(call, " + names.publisher + ")";
    case MethodShape::kServerStream:
      return "serve_server_stream" + to_method;
    case MethodShape::kClientStream:
      return "serve_client_stream" + to_method;
    case MethodShape::kDuplex:
      return "serve_duplex" + to_method;
  }
  return {};
}

/// The constructor's initialisers of the publishers, ": a_(...), b_(...)".
std::string publisher_initialisers(const ServiceModel& service, const ServiceNames& names) {
  CodeWriter writer;
  const char* separator = "    : ";
  for (std::size_t i = 0; i < service.methods.size(); ++i) {
    const MethodModel& method = service.methods[i];
    if (method.kind != MethodKind::kPublished) continue;
    writer.print(R"(
$separator$$publisher$($table$[$index$],
          [this](const ::google::protobuf::MessageLite& filter, const ::google::protobuf::MessageLite& event) {
            return $method$(static_cast<const $filter$&>(filter), static_cast<const $event$&>(event));
          })
)",
                 {{"separator", separator},
                  {"publisher", names.methods[i].publisher},
                  {"table", names.method_table},
                  {"index", std::to_string(i)},
                  {"method", names.methods[i].method},
                  {"filter", type_name(method.request)},
                  {"event", type_name(method.reply)}});
    separator = "    , ";
  }
  return writer.text();
}

void define_dispatch(const ServiceModel& service, const ServiceNames& names, CodeWriter& writer) {
  if (service.methods.empty()) {
    writer.print(R"(
::echostream::Task<void> $service$::Handler::dispatch(std::size_t, ::echostream::internal::ServerCall& call) {
  return ::echostream::internal::serve_unknown(call);
}

)",
                 {{"service", names.service}});
    return;
  }
  writer.print(R"(
::echostream::Task<void> $service$::Handler::dispatch(std::size_t method, ::echostream::internal::ServerCall& call) {
  switch (method) {
)",
               {{"service", names.service}});
  for (std::size_t i = 0; i < service.methods.size(); ++i) {
    writer.print(R"(
    case $index$:
      return ::echostream::internal::$serve$;
)",
                 {{"index", std::to_string(i)},
                  {"serve", serve_call(service.methods[i], names.methods[i])}});
  }
  writer.print(R"(
    default:
      return ::echostream::internal::serve_unknown(call);
  }
}

)");
}

}  // namespace

void declare_handler(const ServiceModel& service, const ServiceNames& names, CodeWriter& writer) {
  writer.print(R"(
/// Serves $full_name$: derive, implement the methods, and give it to `node.serve()`.
class $service$::Handler : public ::echostream::Service {
 public:
  Handler();
  ~Handler() override;
)",
               {{"full_name", service.full_name}, {"service", names.service}});
  std::string publishers;
  {
    const CodeWriter::Indented indented(writer);
    for (std::size_t i = 0; i < service.methods.size(); ++i) {
      declare_method(service.methods[i], names.methods[i], writer);
      const std::string& publisher = names.methods[i].publisher;
      if (!publisher.empty())
        publishers += "::echostream::internal::Publisher " + publisher + ";\n";
    }
    writer.print(R"(
// @@protoc_insertion_point(handler_scope:$full_name$)
const ::echostream::ServiceInfo& info() const final;
)",
                 {{"full_name", service.full_name}});
  }
  writer.print(R"(

 private:
  ::echostream::Task<void> dispatch(std::size_t method, ::echostream::internal::ServerCall& call) final;
)");
  {
    const CodeWriter::Indented indented(writer);
    writer.print_raw(publishers);
  }
  writer.print("};\n\n");
}

void define_handler(const ServiceModel& service, const ServiceNames& names, CodeWriter& writer) {
  const std::string initialisers = publisher_initialisers(service, names);
  if (initialisers.empty()) {
    writer.print("$service$::Handler::Handler() = default;\n\n", {{"service", names.service}});
  } else {
    writer.print("$service$::Handler::Handler()\n$initialisers$    {}\n\n",
                 {{"service", names.service}, {"initialisers", initialisers}});
  }
  writer.print(R"(
$service$::Handler::~Handler() = default;

const ::echostream::ServiceInfo& $service$::Handler::info() const { return $info$; }

)",
               {{"service", names.service}, {"info", names.info_constant}});
  for (std::size_t i = 0; i < service.methods.size(); ++i) {
    const MethodModel& method = service.methods[i];
    if (method.kind != MethodKind::kPublished) continue;
    writer.print(R"(
void $service$::Handler::$publish$(const $event$& event) { $publisher$.publish(event); }

)",
                 {{"service", names.service},
                  {"publish", names.methods[i].publish},
                  {"event", type_name(method.reply)},
                  {"publisher", names.methods[i].publisher}});
  }
  define_dispatch(service, names, writer);
}

}  // namespace echostream::compiler::cpp
