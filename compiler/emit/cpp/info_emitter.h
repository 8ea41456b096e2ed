// The constants that describe a service: its method table, its ServiceInfo, the embedded
// descriptor.
#pragma once

#include "compiler/emit/code_writer.h"
#include "compiler/emit/cpp/names.h"
#include "compiler/model/service_model.h"

namespace echostream::compiler::cpp {

/// The file's descriptor as a constant named `constant`.
void define_descriptor(const FileModel& file, const std::string& constant, CodeWriter& writer);
/// The method table and the ServiceInfo.
void define_info(const ServiceModel& service, const ServiceNames& names,
                 const std::string& descriptor_constant, CodeWriter& writer);

}  // namespace echostream::compiler::cpp
