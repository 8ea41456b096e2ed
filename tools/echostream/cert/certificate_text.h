// A certificate as a person reads it, and what is doubtful about it.
#pragma once

#include <string>
#include <vector>

#include "runtime/transport/certificate_facts.h"

namespace echostream::tool {

/// "2026-01-31 12:00:00 UTC".
std::string date_text(WallTime time);

/// Host names, addresses, URIs and mailboxes, each with its kind: "DNS:robot.example".
std::vector<std::string> alternative_names(const PeerIdentity& identity);

/// A sentence for each thing that would make peers refuse the first certificate of a chain, or
/// soon will, at `now`.
std::vector<std::string> certificate_warnings(const std::vector<transport::CertificateFacts>& chain,
                                              WallTime now);

}  // namespace echostream::tool
