// A node's services for those who have no generated stub: over HTTP/3, on the port that the node
// listens on. docs/http.md.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "echostream/base/status.h"
#include "echostream/base/time.h"

namespace echostream {

class Node;

/// Everything has a default.
class HttpOptions {
 public:
  HttpOptions() {}

  /// Pages that may call, as browsers name them ("https://console.example:8443"); "*" allows any.
  /// A page that this node itself serves always may. Empty: no page of another origin.
  std::vector<std::string> allowed_origins;
  /// Host names (without port) that requests may be for. A page of another name that was made to
  /// point at this machine (DNS rebinding) is thereby refused. Empty: any.
  std::vector<std::string> allowed_hosts;
  /// Replies and messages of at least that many bytes are compressed for clients that take gzip.
  std::size_t compress_from_bytes = 1024;
  /// How long the head of a request may take, and then its body if that is a single message; both
  /// are held until they are complete.
  Duration body_timeout = std::chrono::seconds(30);
  /// Objects and arrays of JSON within each other.
  std::size_t max_json_depth = 64;
  /// A page at "/" that shows what the node serves and is doing, and calls it (docs/console.md).
  /// The node then serves reflection (echostream/reflection.h) and echostream.console.v1.Console,
  /// to all who may call it.
  bool console = false;
  /// A second way in for those who do not know yet that the node talks HTTP/3, browsers above all:
  /// HTTPS/1.1 over TCP, on the address and port of Node::listen(). It serves the console's page,
  /// unary calls of Connect and one-way events, and tells in each response where HTTP/3 is
  /// (Alt-Svc); what streams, and gRPC, is UNIMPLEMENTED there. When the port is taken over TCP,
  /// listen() is UNAVAILABLE. Needs a loop that has TCP (Loop::listen_tcp()).
  bool tcp_side_door = false;
};

/// From now on the node talks HTTP/3 with clients that ask for it (ALPN "h3") beside its own
/// protocol: Connect, gRPC and gRPC-Web, with messages as protobuf or JSON. Such a client is a
/// session like any other: middleware, plugins and limits hold for it, and its address and
/// certificate are those of Call::peer(). It cannot be called.
///
/// On the node's loop, before Node::listen(), which tells TLS what is offered: FAILED_PRECONDITION
/// after it. ALREADY_EXISTS the second time, INVALID_ARGUMENT: an option that makes no sense. With
/// HttpOptions::console also what Node::serve() says of its services.
Status enable_http(Node& node, HttpOptions options = {});

}  // namespace echostream
