// Spans as OpenTelemetry's OTLP in JSON (opentelemetry-proto, ExportTraceServiceRequest).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/plugins/tracing/span.h"

namespace echostream::internal {

using ResourceAttributes = std::vector<std::pair<std::string, std::string>>;

/// One request, without a line break.
std::string to_otlp_json(std::span<const Span> spans, const ResourceAttributes& resource);

}  // namespace echostream::internal
