#include "runtime/api/target.h"

#include <algorithm>
#include <string_view>

#include "echostream/base/printable.h"

namespace echostream::internal {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_same_scheme(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// RFC 3986 section 3.1.
bool is_scheme(std::string_view text) {
  constexpr std::string_view kOthers = "0123456789+-.";
  return !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || kOthers.find(c) != kOthers.npos;
  });
}

// Of a target that may have one; empty otherwise.
std::string_view scheme_of(std::string_view target) {
  const std::string_view before = target.substr(0, target.find(':'));
  return before.size() < target.size() && is_scheme(before) ? before : std::string_view();
}

Status check_host(const std::string& target) {
  auto parsed = parse_host_and_port(target);
  if (!parsed) return std::move(parsed).error();
  if (parsed->port == 0) {
    return {StatusCode::kInvalidArgument, "'" + printable(target) + "' has port 0"};
  }
  return Status::ok();
}

// Why a target of no resolver that was added cannot be dialled; OK when it is a host and its port.
Status check_host_or_scheme(const std::string& target, std::string_view scheme) {
  const std::string missing =
      "this node has no resolver for '" + std::string(scheme) +
      ":' targets; add a resolver for it: Node::add_resolver(); for echostream+mdns that of "
      "EchoStream::discovery";
  // No host is called that.
  if (scheme.find('+') != scheme.npos) return {StatusCode::kInvalidArgument, missing};
  Status status = check_host(target);
  if (status.is_ok() || scheme.empty() || std::count(target.begin(), target.end(), ':') > 1) {
    return status;
  }
  return {status.code(), std::string(status.message()) + "; or else, " + missing};
}

class HostResolver final : public Resolver {
 public:
  explicit HostResolver(Loop& loop) : loop_(loop) {}
  std::string_view scheme() const override { return {}; }
  Status check(std::string_view name, const Trust&) const override {
    return check_host(std::string(name));
  }
  std::unique_ptr<Pending> resolve(std::string name, const Trust&, Callback callback) override {
    auto target = parse_host_and_port(name);
    if (!target) return nullptr;  // check() has refused it
    return loop_.resolve(target->host, target->port,
                         [host = target->host, callback = std::move(callback)](
                             Result<std::vector<SocketAddress>> addresses) mutable {
                           callback(to_resolution(host, std::move(addresses)));
                         });
  }

 private:
  static Result<Resolution> to_resolution(const std::string& host,
                                          Result<std::vector<SocketAddress>> addresses) {
    if (!addresses) return std::move(addresses).error();
    Resolution all;
    all.is_complete = true;
    for (const SocketAddress& address : *addresses) {
      DialCandidate candidate;
      candidate.address = address;
      candidate.server_name = host;
      all.candidates.push_back(std::move(candidate));
    }
    return all;
  }

  Loop& loop_;
};

}  // namespace

std::shared_ptr<Resolver> make_host_resolver(Loop& loop) {
  return std::make_shared<HostResolver>(loop);
}

Result<Target> find_target(Node::Impl& node, const std::string& text) {
  const std::string_view scheme = scheme_of(text);
  Target target{node.host_resolver, text, true};
  for (const auto& resolver : node.resolvers) {
    if (!is_same_scheme(resolver->scheme(), scheme)) continue;
    target = {resolver, text.substr(scheme.size() + 1), false};
  }
  if (target.is_host) {
    Status status = check_host_or_scheme(text, scheme);
    if (!status.is_ok()) return status;
  }
  if (auto tls = node.client_tls(); !tls) return std::move(tls).error();
  const Status status = target.resolver->check(target.name, *node.context.options.trust);
  if (!status.is_ok()) return status;
  return target;
}

Lookup::Lookup(Target target, const Trust& trust, WaitPoint& changed)
    : target_(std::move(target)), changed_(changed) {
  pending_ = target_.resolver->resolve(
      target_.name, trust, [this](Result<Resolution> result) { take(std::move(result)); });
}

void Lookup::take(Result<Resolution> result) {
  if (error_) return;
  if (result) {
    is_complete_ = result->is_complete;
    for (DialCandidate& candidate : result->candidates) {
      if (found_ == kMostCandidates) break;
      ++found_;
      waiting_.push_back(std::move(candidate));
    }
  } else {
    error_ = std::move(result).error();
  }
  changed_.notify_all();
}

Status Lookup::nothing_found() const {
  const std::string name = printable(target_.name);
  if (target_.is_host)
    return {StatusCode::kDeadlineExceeded, "resolving " + name + " took too long"};
  return {StatusCode::kUnavailable, "nobody who is '" + name + "' answered"};
}

}  // namespace echostream::internal

namespace echostream {

Status Node::add_resolver(std::shared_ptr<Resolver> resolver) {
  if (!resolver || !internal::is_scheme(resolver->scheme())) {
    return {StatusCode::kInvalidArgument,
            "add_resolver: a resolver needs a scheme: a letter, then letters, digits, '+', '-', "
            "'.'"};
  }
  for (const auto& present : impl_->resolvers) {
    if (!internal::is_same_scheme(present->scheme(), resolver->scheme())) continue;
    return {StatusCode::kAlreadyExists, "add_resolver: this node has a resolver for '" +
                                            std::string(resolver->scheme()) + ":' targets"};
  }
  impl_->resolvers.push_back(std::move(resolver));
  return Status::ok();
}

}  // namespace echostream
