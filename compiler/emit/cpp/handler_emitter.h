// The class that serves a service: S::Handler, with one pure virtual for each method.
#pragma once

#include "compiler/emit/code_writer.h"
#include "compiler/emit/cpp/names.h"
#include "compiler/model/service_model.h"

namespace echostream::compiler::cpp {

/// The class, for the header.
void declare_handler(const ServiceModel& service, const ServiceNames& names, CodeWriter& writer);
/// Its member functions, for the source.
void define_handler(const ServiceModel& service, const ServiceNames& names, CodeWriter& writer);

}  // namespace echostream::compiler::cpp
