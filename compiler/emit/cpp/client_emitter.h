// The class through which a service is called: S::Client.
#pragma once

#include "compiler/emit/code_writer.h"
#include "compiler/emit/cpp/names.h"
#include "compiler/model/service_model.h"

namespace echostream::compiler::cpp {

/// The class, for the header.
void declare_client(const ServiceModel& service, const ServiceNames& names, CodeWriter& writer);
/// Its member functions, for the source.
void define_client(const ServiceModel& service, const ServiceNames& names, CodeWriter& writer);

}  // namespace echostream::compiler::cpp
