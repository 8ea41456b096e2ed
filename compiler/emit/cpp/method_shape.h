// The six forms that a method takes in generated C++.
#pragma once

#include "compiler/model/service_model.h"

namespace echostream::compiler::cpp {

enum class MethodShape { kRpc, kEvent, kPublished, kServerStream, kClientStream, kDuplex };

inline MethodShape shape_of(const MethodModel& method) {
  switch (method.kind) {
    case MethodKind::kRpc:
      return MethodShape::kRpc;
    case MethodKind::kEvent:
      return MethodShape::kEvent;
    case MethodKind::kPublished:
      return MethodShape::kPublished;
    case MethodKind::kStream:
      break;
  }
  if (!method.client_streaming) return MethodShape::kServerStream;
  return method.server_streaming ? MethodShape::kDuplex : MethodShape::kClientStream;
}

}  // namespace echostream::compiler::cpp
