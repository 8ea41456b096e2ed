// A node that tells what it serves, to tools that were built without its .proto files: the library
// EchoStream::reflection. docs/reflection.md.
#pragma once

#include "echostream/base/status.h"
#include "echostream/node.h"

namespace echostream {

/// Serves, to all who may call the node,
///
///   echostream.reflection.v1.Reflection        methods with kind, id and delivery, and descriptors
///   grpc.reflection.v1.ServerReflection        descriptors, for tools that know gRPC's protocol
///   grpc.reflection.v1alpha.ServerReflection   the same for older ones
///
/// which tell of everything that the node serves, themselves and services that come later included:
/// names, types, options, and comments where descriptors hold them. Nothing of calls and their
/// messages. Of a node that strangers reach, think whether they are to know: docs/reflection.md.
///
/// Once is enough; a second time it does nothing. ALREADY_EXISTS when the node serves one of the
/// three by other means, and what plugins say about them. On the node's thread.
Status serve_reflection(Node& node);

}  // namespace echostream
