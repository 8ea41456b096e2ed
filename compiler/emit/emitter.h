// Turns a file's model into files of one target language. Knows nothing of protobuf's descriptors.
#pragma once

#include <string>
#include <vector>

#include "compiler/model/service_model.h"

namespace echostream::compiler {

struct GeneratedFile {
  std::string name;
  std::string content;
};

class Emitter {
 public:
  virtual ~Emitter() = default;
  virtual std::vector<GeneratedFile> emit(const FileModel& file) const = 0;
};

}  // namespace echostream::compiler
