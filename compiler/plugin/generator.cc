#include "compiler/plugin/generator.h"

#include <google/protobuf/compiler/plugin.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <memory>

#include "compiler/emit/cpp/file_emitter.h"
#include "compiler/emit/cpp/names.h"
#include "compiler/model/build_model.h"
#include "compiler/model/source_map.h"
#include "compiler/model/wire_changes.h"
#include "compiler/plugin/parameters.h"

namespace echostream::compiler {
namespace {

bool write_file(const GeneratedFile& file, Generator::Context& context, std::string* error) {
  const std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> stream(context.Open(file.name));
  google::protobuf::io::CodedOutputStream coded(stream.get());
  coded.WriteString(file.content);
  coded.Trim();
  if (coded.HadError()) *error = "cannot write " + file.name;
  return !coded.HadError();
}

/// protoc before release 22 (which called itself 3.x) does not escape keywords in packages, so its
/// own .pb.h would not compile. An unknown compiler (buf names none) is given the benefit of doubt.
void check_packages(const std::vector<const Generator::File*>& files,
                    const Generator::Context& context, Diagnostics& diagnostics) {
  google::protobuf::compiler::Version version;
  context.GetCompilerVersion(&version);
  if (version.major() != 3) return;
  for (const Generator::File* file : files) {
    const std::string keyword = cpp::keyword_in_package(file->package());
    if (keyword.empty() || file->service_count() == 0) continue;
    const int kPackage = google::protobuf::FileDescriptorProto::kPackageFieldNumber;
    diagnostics.error(SourceMap(*file).locate({kPackage}),
                      "package " + file->package() + ": '" + keyword +
                          "' is a C++ keyword, and this protoc writes a .pb.h that does not "
                          "compile; rename that part of the package");
  }
}

}  // namespace

bool Generator::Generate(const File* file, const std::string& parameter, Context* context,
                         std::string* error) const {
  return GenerateAll({file}, parameter, context, error);
}

bool Generator::GenerateAll(const std::vector<const File*>& files, const std::string& parameter,
                            Context* context, std::string* error) const {
  Parameters parameters;
  *error = parse_parameters(parameter, parameters);
  if (!error->empty()) return false;

  Diagnostics diagnostics;
  const std::vector<FileModel> models = build_models(files, diagnostics);
  check_packages(files, *context, diagnostics);
  if (!parameters.against.empty()) {
    *error = check_against(parameters.against, files, diagnostics);
    if (!error->empty()) return false;
  }
  if (!diagnostics.empty()) {
    *error = diagnostics.to_string();
    return false;
  }

  const cpp::FileEmitter emitter;
  for (const FileModel& model : models) {
    for (const GeneratedFile& file : emitter.emit(model)) {
      if (!write_file(file, *context, error)) return false;
    }
  }
  return true;
}

}  // namespace echostream::compiler
