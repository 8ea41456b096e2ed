// TCP connections with TLS for both programs.
#pragma once

#include <kj/async-io.h>
#include <kj/compat/tls.h>

#include <string>

namespace bench::capnproto {

/// A PEM file's text; throws a kj::Exception that names the file.
kj::String read_pem(const std::string& path);

/// Sends small messages at once, and tells Cap'n Proto that as much may be under way as
/// EchoStream's windows allow: through TLS it cannot see the socket's buffer and would take 64 KiB.
kj::Own<kj::AsyncIoStream> tune(kj::Own<kj::AsyncIoStream> tls_stream);
void send_at_once(kj::AsyncIoStream& tcp_stream);

}  // namespace bench::capnproto
