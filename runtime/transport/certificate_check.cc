#include "runtime/transport/certificate_check.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "runtime/transport/certificate.h"
#include "runtime/transport/host_name.h"
#include "runtime/transport/pem.h"
#include "runtime/transport/printable.h"
#include "runtime/transport/tls_error.h"

namespace echostream::transport {
namespace {

// Public chains have two or three certificates; a limit bounds the work that a peer can cause.
constexpr int kMaxChainDepth = 10;

Verdict refuse(std::uint8_t alert, std::string message) {
  return {Status(StatusCode::kUnauthenticated, std::move(message)), alert};
}

Verdict out_of_memory() {
  ERR_clear_error();
  return {Status(StatusCode::kResourceExhausted, "out of memory while checking a certificate"),
          SSL_AD_INTERNAL_ERROR};
}

Verdict unreadable() {
  return refuse(SSL_AD_BAD_CERTIFICATE,
                "the peer's certificate cannot be read (" + take_tls_error() + ")");
}

struct Failure {
  int error;
  int depth;
  const X509* certificate;  // The one at fault.
  X509* leaf;
  const ChainQuery& query;
  std::size_t authority_count;
};

std::string which(const Failure& failure) {
  if (failure.depth == 0) return "the peer's certificate";
  return "the certificate '" + subject_for_person(failure.certificate) + "' in the peer's chain";
}

std::string authorities(const Failure& failure) {
  return failure.authority_count == 1
             ? "the trusted CA"
             : "any of the " + std::to_string(failure.authority_count) + " trusted CAs";
}

// Said by BoringSSL only of a certificate that may issue others, unlike those of
// Identity::self_signed().
bool is_self_signed(X509* certificate) {
  if (X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) != 0) {
    return false;
  }
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
  const bool verified = key && X509_verify(certificate, key.get()) == 1;
  ERR_clear_error();
  return verified;
}

std::string explain_issuer(const Failure& failure) {
  if (failure.depth == 0 && is_self_signed(failure.leaf)) {
    return "the peer's certificate '" + subject_for_person(failure.leaf) +
           "' is self-signed, not issued by " + authorities(failure) +
           "; if this is the right peer, trust it with Trust::pinned() and its fingerprint " +
           fingerprint_of(failure.query.chain.front()).to_string();
  }
  if (failure.error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN) {
    return "the peer's chain ends at the CA '" + subject_for_person(failure.certificate) +
           "', which is not trusted here";
  }
  return which(failure) + " was issued by '" + issuer_for_person(failure.certificate) +
         "', which is not trusted here, nor has the peer sent a certificate that links it to " +
         authorities(failure) + " (a server must send its intermediate certificates)";
}

std::string explain_name(const Failure& failure) {
  const std::string hosts = hosts_for_person(failure.leaf);
  const std::string wanted = printable(failure.query.server_name);
  if (hosts.empty()) {
    return "the certificate '" + subject_for_person(failure.leaf) +
           "' names no host (it has no subjectAltName), so it is not for " + wanted;
  }
  return "the certificate is for " + hosts + ", not for " + wanted;
}

std::string explain(const Failure& failure) {
  const std::string now = date_for_person(failure.query.now);
  switch (failure.error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return which(failure) + " expired on " +
             date_for_person(X509_get0_notAfter(failure.certificate)) + "; here it is " + now;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return which(failure) + " is not valid before " +
             date_for_person(X509_get0_notBefore(failure.certificate)) + "; here it is " + now +
             ", if this machine's clock is right";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return explain_name(failure);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return explain_issuer(failure);
    case X509_V_ERR_INVALID_CA:
      return which(failure) + " has issued another one, but is not a CA's";
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return which(failure) + " allows fewer intermediate CAs below it than the chain has";
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return "the peer's certificate chain is longer than " + std::to_string(kMaxChainDepth);
    case X509_V_ERR_INVALID_PURPOSE:
      return which(failure) + " may not be used for a " +
             (failure.query.peer_is_server ? "server" : "client") + " (its key usage lacks " +
             (failure.query.peer_is_server ? "serverAuth" : "clientAuth") + ")";
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return which(failure) +
             " has a wrong signature: it was changed, or signed by another CA of "
             "the name '" +
             issuer_for_person(failure.certificate) + "'";
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
      return which(failure) + " is for names that its CA may not certify";
    default:
      return which(failure) + " was refused: " + X509_verify_cert_error_string(failure.error);
  }
}

// Whoever can speak with a CA's key can speak for everybody, so no peer should have to hold one.
Verdict check_is_no_authority(X509* leaf, const ChainQuery& query) {
  if ((X509_get_extension_flags(leaf) & EXFLAG_CA) == 0) return {};
  return refuse(SSL_AD_BAD_CERTIFICATE,
                "the peer shows the certificate '" + subject_for_person(leaf) +
                    "', which is a CA's own (CA:TRUE); give it one that the CA has issued, or "
                    "trust this one with Trust::pinned() and its fingerprint " +
                    fingerprint_of(query.chain.front()).to_string());
}

// RFC 8446 6.2. Where BoringSSL's own table says only "unknown", a name is meant.
std::uint8_t alert_for(int error) {
  if (error == X509_V_ERR_IP_ADDRESS_MISMATCH || error == X509_V_ERR_HOSTNAME_MISMATCH) {
    return SSL_AD_BAD_CERTIFICATE;
  }
  return static_cast<std::uint8_t>(SSL_alert_from_verify_result(error));
}

enum class NameSetting : std::uint8_t { kSet, kNotAName, kNoMemory };

// An empty name would switch the check off, so only what is certainly a name gets through.
NameSetting require_name(X509_VERIFY_PARAM* parameters, std::string_view name) {
  int done = 0;
  if (const auto address = NumericAddress::parse(name)) {
    done = X509_VERIFY_PARAM_set1_ip(parameters, address->bytes().data(), address->bytes().size());
  } else if (is_host_name(name)) {
    const std::string_view host = without_root_dot(name);
    X509_VERIFY_PARAM_set_hostflags(
        parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    done = X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size());
  } else {
    return NameSetting::kNotAName;
  }
  return done == 1 ? NameSetting::kSet : NameSetting::kNoMemory;
}

bool set_conditions(X509_STORE_CTX* context, const ChainQuery& query) {
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time_posix(parameters, unix_seconds(query.now));
  X509_VERIFY_PARAM_set_depth(parameters, kMaxChainDepth);
  // An intermediate or a leaf that the user lists as an authority is trusted as such.
  return X509_VERIFY_PARAM_set_flags(parameters,
                                     X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST) == 1 &&
         X509_STORE_CTX_set_purpose(context, query.peer_is_server ? X509_PURPOSE_SSL_SERVER
                                                                  : X509_PURPOSE_SSL_CLIENT) == 1;
}

}  // namespace

Result<CertificateAuthorities> CertificateAuthorities::make(std::string_view pem) {
  auto certificates =
      read_pem_certificates(pem, "the list of CA certificates", kMaxAuthoritiesPemBytes);
  if (!certificates) return std::move(certificates).error();
  CertificateAuthorities result;
  result.store_.reset(X509_STORE_new());
  for (const auto& buffer : *certificates) {
    const bssl::UniquePtr<X509> certificate = parse_certificate(buffer.get());
    if (!result.store_ || !certificate ||
        X509_STORE_add_cert(result.store_.get(), certificate.get()) != 1) {
      return Status(StatusCode::kInternal, "cannot hold the CA certificates: " + take_tls_error());
    }
  }
  result.count_ = certificates->size();
  return result;
}

Verdict CertificateAuthorities::check(const ChainQuery& query) const {
  const bssl::UniquePtr<X509> leaf = parse_certificate(query.chain.front());
  if (!leaf) return unreadable();
  const bssl::UniquePtr<STACK_OF(X509)> intermediates(sk_X509_new_null());
  const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (!intermediates || !context) return out_of_memory();
  for (std::size_t i = 1; i < query.chain.size(); ++i) {
    bssl::UniquePtr<X509> certificate = parse_certificate(query.chain[i]);
    if (!certificate) return unreadable();
    if (!bssl::PushToStack(intermediates.get(), std::move(certificate))) return out_of_memory();
  }
  if (X509_STORE_CTX_init(context.get(), store_.get(), leaf.get(), intermediates.get()) != 1 ||
      !set_conditions(context.get(), query)) {
    return out_of_memory();
  }
  if (query.peer_is_server) {
    switch (require_name(X509_STORE_CTX_get0_param(context.get()), query.server_name)) {
      case NameSetting::kSet:
        break;
      case NameSetting::kNotAName:
        return refuse(SSL_AD_BAD_CERTIFICATE,
                      "'" + printable(query.server_name) +
                          "' is neither a host name nor a numeric address, so no certificate can "
                          "be for it");
      case NameSetting::kNoMemory:
        return out_of_memory();
    }
  }
  if (X509_verify_cert(context.get()) == 1) {
    ERR_clear_error();
    return check_is_no_authority(leaf.get(), query);
  }
  ERR_clear_error();
  const X509* at_fault = X509_STORE_CTX_get_current_cert(context.get());
  const Failure failure{X509_STORE_CTX_get_error(context.get()),
                        X509_STORE_CTX_get_error_depth(context.get()),
                        at_fault == nullptr ? leaf.get() : at_fault,
                        leaf.get(),
                        query,
                        count_};
  if (failure.error == X509_V_ERR_OUT_OF_MEM) return out_of_memory();
  return refuse(alert_for(failure.error), explain(failure));
}

Verdict check_pinned(const Fingerprint& peer, const std::vector<Fingerprint>& pinned) {
  if (std::find(pinned.begin(), pinned.end(), peer) != pinned.end()) return {};
  return refuse(
      SSL_AD_CERTIFICATE_UNKNOWN,
      "the peer's certificate has fingerprint " + peer.to_string() + ", which is not " +
          (pinned.size() == 1 ? "the pinned one"
                              : "one of the " + std::to_string(pinned.size()) + " pinned ones"));
}

}  // namespace echostream::transport
