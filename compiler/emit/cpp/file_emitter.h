// Header and source for one .proto file. Only puts together what the other emitters write.
#pragma once

#include "compiler/emit/emitter.h"

namespace echostream::compiler::cpp {

/// Emits "x.echostream.h" and "x.echostream.cc" for "x.proto", always both, so that build systems
/// know the outputs without reading the file. They are all but empty when it has no service.
class FileEmitter final : public Emitter {
 public:
  std::vector<GeneratedFile> emit(const FileModel& file) const override;
};

}  // namespace echostream::compiler::cpp
