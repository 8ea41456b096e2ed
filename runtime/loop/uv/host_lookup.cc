#include "runtime/loop/uv/host_lookup.h"

#include <netdb.h>

#include <algorithm>
#include <utility>

#include "runtime/loop/uv/native_address.h"

namespace echostream::internal {
namespace {

class Lookup;

// What libuv works on. Lives until its callback, which may be after the Lookup is gone.
struct Request {
  uv_getaddrinfo_t raw{};
  Lookup* owner = nullptr;
};

class Lookup final : public Pending, private ReadyNode {
 public:
  Lookup(std::string host, std::uint16_t port, Loop::ResolveCallback callback)
      : host_(std::move(host)), port_(port), callback_(std::move(callback)) {}
  ~Lookup() override {
    if (request_ == nullptr) return;
    request_->owner = nullptr;
    // Refused when a thread is at it already; the callback comes in any case.
    (void)uv_cancel(reinterpret_cast<uv_req_t*>(&request_->raw));
  }

  void start(uv_loop_t& uv, Executor& executor);

 private:
  static void on_looked_up(uv_getaddrinfo_t* raw, int status, addrinfo* list);
  int request(uv_loop_t& uv);
  Result<std::vector<SocketAddress>> answer_of(int status, const addrinfo* list) const;
  // The callback may destroy this object, so it does not run as a member of it.
  void finish(Result<std::vector<SocketAddress>> answer) {
    Loop::ResolveCallback callback = std::move(callback_);
    callback(std::move(answer));
  }
  void on_ready() override { finish(std::move(answer_)); }

  std::string host_;
  std::uint16_t port_;
  Loop::ResolveCallback callback_;
  Request* request_ = nullptr;
  // What is known without asking anybody.
  Result<std::vector<SocketAddress>> answer_ = std::vector<SocketAddress>();
};

void Lookup::start(uv_loop_t& uv, Executor& executor) {
  const bool is_ipv6 = host_.find(':') != std::string::npos;
  auto numeric =
      SocketAddress::parse((is_ipv6 ? "[" + host_ + "]" : host_) + ":" + std::to_string(port_));
  if (numeric) {
    answer_ = std::vector<SocketAddress>{*numeric};
  } else if (host_.empty() || host_.find('\0') != std::string::npos) {
    answer_ = lookup_error(host_, UV_EAI_NONAME);
  } else {
    const int error = request(uv);
    if (error == 0) return;
    answer_ = lookup_error(host_, error);
  }
  executor.schedule(*this);
}

int Lookup::request(uv_loop_t& uv) {
  auto request = std::make_unique<Request>();
  request->owner = this;
  request->raw.data = request.get();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_protocol = IPPROTO_UDP;
  const int error =
      uv_getaddrinfo(&uv, &request->raw, on_looked_up, host_.c_str(), nullptr, &hints);
  if (error == 0) request_ = request.release();
  return error;
}

void Lookup::on_looked_up(uv_getaddrinfo_t* raw, int status, addrinfo* list) {
  const std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> owned_list(list, &uv_freeaddrinfo);
  const std::unique_ptr<Request> request(static_cast<Request*>(raw->data));
  Lookup* owner = request->owner;
  if (owner == nullptr) return;
  owner->request_ = nullptr;
  owner->finish(owner->answer_of(status, list));
}

Result<std::vector<SocketAddress>> Lookup::answer_of(int status, const addrinfo* list) const {
  if (status != 0) return lookup_error(host_, status);
  std::vector<SocketAddress> found;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    if (at->ai_family == AF_INET || at->ai_family == AF_INET6) {
      found.push_back(from_native(at->ai_addr).with_port(port_));
    }
  }
  if (found.empty()) return lookup_error(host_, UV_EAI_NODATA);
  return interleave_families(found);
}

}  // namespace

std::unique_ptr<Pending> look_up(uv_loop_t& uv, Executor& executor, const std::string& host,
                                 std::uint16_t port, Loop::ResolveCallback callback) {
  auto lookup = std::make_unique<Lookup>(host, port, std::move(callback));
  lookup->start(uv, executor);
  return lookup;
}

std::vector<SocketAddress> interleave_families(const std::vector<SocketAddress>& addresses) {
  std::vector<SocketAddress> ipv6;
  std::vector<SocketAddress> ipv4;
  for (const SocketAddress& address : addresses) {
    auto& family = address.family() == SocketAddress::Family::kIpv6 ? ipv6 : ipv4;
    if (std::find(family.begin(), family.end(), address) == family.end()) family.push_back(address);
  }
  std::vector<SocketAddress> result;
  for (std::size_t i = 0; i < std::max(ipv6.size(), ipv4.size()); ++i) {
    if (i < ipv6.size()) result.push_back(ipv6[i]);
    if (i < ipv4.size()) result.push_back(ipv4[i]);
  }
  return result;
}

Status lookup_error(const std::string& host, int error) {
  const std::string name = "'" + host + "'";
  switch (error) {
    case UV_EAI_NONAME:
    case UV_EAI_NODATA:
    case UV_EAI_ADDRFAMILY:
    // libuv's own refusals of what cannot be a name.
    case UV_EINVAL:
    case UV_ENAMETOOLONG:
    case UV_E2BIG:
      return {StatusCode::kNotFound, host.empty() ? "the host name is empty"
                                                  : "no host is called " + name +
                                                        "; check the spelling, or use an address"};
    case UV_EAI_AGAIN:
      return {StatusCode::kUnavailable,
              "no name server answers for " + name + "; check the network, or use an address"};
    case UV_EAI_MEMORY:
    case UV_ENOMEM:
      return {StatusCode::kUnavailable, "no memory to look up " + name};
    default:
      return {StatusCode::kUnavailable,
              "looking up " + name + " failed: " + std::string(uv_strerror(error))};
  }
}

}  // namespace echostream::internal
