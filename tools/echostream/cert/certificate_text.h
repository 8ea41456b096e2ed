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

/// Whether it is valid for longer than who issued it, by more than a day. Peers refuse it when that
/// one has ended.
bool outlives(const transport::CertificateFacts& certificate,
              const transport::CertificateFacts& issuer);
/// A warning of that.
std::string outliving_text(const transport::CertificateFacts& issuer);

/// A sentence for each thing that would make peers refuse the first certificate of a chain, or
/// soon will, at `now`.
std::vector<std::string> certificate_warnings(const std::vector<transport::CertificateFacts>& chain,
                                              WallTime now);

}  // namespace echostream::tool
