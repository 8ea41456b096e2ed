#include "tests/support/quic_pair.h"

#include <algorithm>
#include <utility>

#include "echostream/base/check.h"

#include "tests/support/test_certificates.h"

namespace echostream::testing {
namespace {

constexpr char kServerName[] = "server.test";

}  // namespace

// ---- RecordingSink

RecordingSink::Stream& RecordingSink::touch(StreamId id) {
  Stream& known = streams[id.value];
  if (known.closed || closed) ++broken_promises;
  return known;
}

void RecordingSink::on_connected(LocalTime now) {
  if (connected_at || closed) ++broken_promises;
  connected_at = now;
  if (when_connected) when_connected();
}

void RecordingSink::on_stream_data(LocalTime, StreamId id, BytesView data, bool fin) {
  Stream& known = touch(id);
  if (known.fin || known.reset_code) ++broken_promises;
  known.received += as_text(data);
  known.fin = fin;
  if (consumes) connection->consume(id, data.size());
  if (when_data) when_data(id, data, fin);
}

void RecordingSink::on_early_data_rejected(LocalTime) {
  if (connected_at || closed) ++broken_promises;
  ++early_rejections;
  streams.clear();
}

void RecordingSink::on_stream_reset(LocalTime, StreamId id, std::uint64_t code) {
  touch(id).reset_code = code;
}

void RecordingSink::on_stop_sending(LocalTime, StreamId id, std::uint64_t code) {
  Stream& known = touch(id);
  if (known.stop_code) ++broken_promises;
  known.stop_code = code;
}

void RecordingSink::on_stream_drained(LocalTime, StreamId id) { ++touch(id).drained; }
void RecordingSink::on_stream_stalled(LocalTime, StreamId id) { ++touch(id).stalled; }
void RecordingSink::on_stream_closed(LocalTime, StreamId id) {
  touch(id).closed = true;
  if (forgets_closed_streams) streams.erase(id.value);
}
void RecordingSink::on_streams_available(LocalTime) { ++streams_available; }

void RecordingSink::on_datagram(LocalTime, BytesView data) {
  if (closed) ++broken_promises;
  datagrams.emplace_back(as_text(data));
}

void RecordingSink::on_datagram_sent(LocalTime now, std::uint64_t tag) {
  sent_datagrams.emplace_back(tag, now);
}

void RecordingSink::on_datagram_dropped(LocalTime, std::uint64_t tag) {
  dropped_datagrams.push_back(tag);
}

void RecordingSink::on_closed(LocalTime now, const CloseInfo& info) {
  if (closed) ++broken_promises;
  closed = info;
  closed_at = now;
}

std::string RecordingSink::close_message() const {
  return closed ? std::string(closed->status.message()) : std::string();
}

std::size_t RecordingSink::ended_streams() const {
  return static_cast<std::size_t>(std::count_if(
      streams.begin(), streams.end(), [](const auto& entry) { return entry.second.fin; }));
}

// ---- QuicHost

QuicConnectionSink* QuicHost::on_incoming(LocalTime, QuicConnection& connection) {
  if (refuses) return nullptr;
  if (make_sink) return make_sink(connection);
  accepted.push_back(std::make_unique<RecordingSink>());
  RecordingSink& sink = *accepted.back();
  sink.connection = &connection;
  sink.consumes = consumes;
  if (when_accepted) when_accepted(sink);
  return &sink;
}

void QuicHost::on_misdelivered(LocalTime now, std::size_t owner, const IncomingDatagram& datagram) {
  if (when_misdelivered) when_misdelivered(now, owner, datagram);
}

// ---- QuicWorld

QuicWorld::QuicWorld(std::uint64_t seed)
    : wall_time(kCertificateTestTime),
      random(seed, 0),
      identity_(Identity::self_signed(kServerName, kCertificateTestTime).value()) {}

QuicHost& QuicWorld::add(const SocketAddress& address) {
  hosts_.push_back(std::make_unique<QuicHost>());
  hosts_.back()->address = hosts_.back()->public_address = address;
  return *hosts_.back();
}

namespace {

class QlogForwarder final : public transport::QlogSink {
 public:
  explicit QlogForwarder(std::function<void(BytesView)> target) : target_(std::move(target)) {}
  void on_qlog(BytesView record) override { target_(record); }

 private:
  std::function<void(BytesView)> target_;
};

}  // namespace

void QuicWorld::start(QuicHost& host, Options options, bool listens) {
  QuicEndpoint::Options made;
  made.quic = options.quic;
  made.retry_above_half_open = options.retry_above_half_open;
  made.max_half_open = options.max_half_open;
  made.max_connections = options.max_connections;
  made.max_stateless_answers_per_second = options.max_stateless_answers_per_second;
  made.group = options.group;
  made.max_connections_per_address = options.max_connections_per_address;
  made.max_handshakes_per_network = options.max_handshakes_per_network;
  made.static_secret = options.static_secret;
  if (listens) made.server_tls = options.server_tls ? options.server_tls : server_tls(options);
  const std::uint64_t seed = options.secret_seed != 0 ? options.secret_seed : random.next();
  made.fill_random = [source = std::make_shared<Random>(seed, 1)](MutableBytes out) {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(source->next());
  };
  made.wall_time = [this] { return wall_time + now_.time_since_epoch(); };
  if (options.on_qlog) {
    made.open_qlog = [on_qlog = options.on_qlog](const transport::QlogName&) {
      return std::make_unique<QlogForwarder>(on_qlog);
    };
  }
  host.endpoint = transport::make_quic_endpoint(std::move(made), host);
}

QuicHost& QuicWorld::add_server(const SocketAddress& address, Options options) {
  QuicHost& host = add(address);
  start(host, std::move(options), true);
  return host;
}

QuicHost& QuicWorld::add_client(const SocketAddress& address, Options options) {
  QuicHost& host = add(address);
  start(host, std::move(options), false);
  return host;
}

void QuicWorld::replace(QuicHost& host, Options options) {
  host.endpoint.reset();
  start(host, std::move(options), true);
}

std::shared_ptr<TlsContext> QuicWorld::server_tls(const Options& options) const {
  TlsContext::Options tls;
  tls.alpn = options.server_alpn;
  tls.identity = identity_;
  tls.ciphers = options.ciphers;
  tls.trust = options.client_trust;
  tls.resumption = options.resumption;
  tls.early_data = options.early_data;
  return TlsContext::make_server(std::move(tls)).value();
}

std::shared_ptr<TlsContext> QuicWorld::client_tls(const std::string& alpn) const {
  TlsContext::Options tls;
  tls.alpn = {alpn};
  tls.trust = Trust::pinned({identity_.fingerprint()});
  return TlsContext::make_client(std::move(tls)).value();
}

QuicConnection& QuicWorld::dial(QuicHost& from, const QuicHost& to, RecordingSink& sink,
                                const std::string& alpn) {
  sink.connection = &dial(from, to, static_cast<QuicConnectionSink&>(sink), alpn);
  return *sink.connection;
}

QuicConnection& QuicWorld::dial(QuicHost& from, const QuicHost& to, QuicConnectionSink& sink,
                                const std::string& alpn) {
  QuicEndpoint::Dial dial;
  dial.remote = to.public_address;
  dial.server_name = kServerName;
  dial.tls = client_tls(alpn);
  auto dialled = from.endpoint->connect(now_, std::move(dial), sink);
  ECHOSTREAM_CHECK(dialled.has_value(), "the endpoint has room for another connection");
  return **dialled;
}

QuicConnection& QuicWorld::dial_again(QuicHost& from, const QuicHost& to, RecordingSink& sink,
                                      std::string ticket, bool early_data) {
  QuicEndpoint::Dial dial;
  dial.remote = to.public_address;
  dial.server_name = server_name;
  dial.tls = client_tls("echostream/1");
  dial.ticket = std::move(ticket);
  dial.early_data = early_data;
  auto dialled = from.endpoint->connect(now_, std::move(dial), sink);
  ECHOSTREAM_CHECK(dialled.has_value(), "the endpoint has room for another connection");
  sink.connection = *dialled;
  return **dialled;
}

QuicHost* QuicWorld::find(const SocketAddress& address) {
  for (auto& host : hosts_) {
    if (host->public_address == address) return host.get();
    for (const auto& [name, seen] : host->sockets) {
      if (seen == address) return host.get();
    }
  }
  return nullptr;
}

QuicHost* QuicWorld::receiver_of(const Datagram& datagram) {
  QuicHost* chosen = deliver_to ? deliver_to(datagram) : nullptr;
  return chosen != nullptr ? chosen : find(datagram.to);
}

bool QuicWorld::run_until(const std::function<bool()>& done, Duration limit) {
  const LocalTime end = now_ + limit;
  for (;;) {
    for (auto& host : hosts_) flush(*host);
    if (done()) return true;
    LocalTime next = arrivals_.empty() ? kNever : arrivals_.begin()->first;
    for (auto& host : hosts_) next = std::min(next, host->endpoint->next_deadline());
    if (next > end) {
      now_ = end;
      return false;
    }
    now_ = std::max(now_, next);
    for (auto& host : hosts_) {
      if (host->endpoint->next_deadline() <= now_) host->endpoint->handle_timeout(now_);
    }
    while (!arrivals_.empty() && arrivals_.begin()->first <= now_) {
      const Datagram datagram = std::move(arrivals_.extract(arrivals_.begin()).mapped());
      if (QuicHost* host = receiver_of(datagram)) {
        hand_over(*host, datagram);
      }
    }
  }
}

void QuicWorld::hand_over(QuicHost& host, const Datagram& datagram) {
  IncomingDatagram incoming{host.address, datagram.from, datagram.ecn, datagram.bytes, {}};
  for (const auto& [name, seen] : host.sockets) {
    if (seen == datagram.to && seen != host.public_address) incoming.local = incoming.socket = name;
  }
  host.endpoint->handle_datagram(now_, incoming);
}

void QuicWorld::run_for(Duration duration) {
  run_until([] { return false; }, duration);
}

void QuicWorld::flush(QuicHost& host) {
  while (const auto transmit = host.endpoint->poll_transmit(now_)) send(host, *transmit);
}

void QuicWorld::send(QuicHost& host, const transport::Transmit& transmit) {
  std::size_t run = 0;
  for (BytesView rest = transmit.data; !rest.empty(); ++run) {
    const BytesView one = rest.first(std::min(rest.size(), transmit.segment_size));
    rest = rest.subspan(one.size());
    const auto socket = host.sockets.find(transmit.local);
    const SocketAddress& from = socket == host.sockets.end() ? host.public_address : socket->second;
    send_one({from, transmit.remote, transmit.ecn, {one.begin(), one.end()}});
  }
  longest_run = std::max(longest_run, run);
}

void QuicWorld::send_one(Datagram datagram) {
  ++datagrams_sent;
  if (tap && !tap(datagram)) return;
  int& burst_left = burst_left_[{datagram.from, datagram.to}];
  if (burst_left == 0 && random.chance(link.loss)) burst_left = link.loss_burst;
  if (burst_left > 0) {
    --burst_left;
    ++datagrams_lost;
    return;
  }
  if (datagram.bytes.size() > link.mtu) return;
  largest_datagram = std::max(largest_datagram, datagram.bytes.size());
  if (random.chance(link.corrupt)) {
    ++datagrams_corrupted;
    datagram.bytes[random.below(datagram.bytes.size())] ^=
        static_cast<std::uint8_t>(1 + random.below(255));
  }
  if (random.chance(link.duplicate)) arrive(link.delay + link.jitter, datagram);
  const auto extra = random.below(static_cast<std::uint64_t>(link.jitter.count()) + 1);
  arrive(link.delay + Duration(static_cast<Duration::rep>(extra)), std::move(datagram));
}

void QuicWorld::arrive(Duration delay, Datagram datagram) {
  arrivals_.emplace(now_ + delay, std::move(datagram));
}

void QuicWorld::inject(Datagram datagram) { arrive(link.delay, std::move(datagram)); }

void QuicWorld::deliver(QuicHost& host, const SocketAddress& from, BytesView bytes) {
  host.endpoint->handle_datagram(now_, {host.address, from, 0, bytes, {}});
}

// ---- QuicPair

QuicPair::QuicPair(std::uint64_t seed, QuicWorld::Options client_options,
                   QuicWorld::Options server_options)
    : world(seed),
      server(world.add_server(SocketAddress::ipv4({192, 0, 2, 1}, 4433), server_options)),
      client(world.add_client(SocketAddress::ipv4({198, 51, 100, 7}, 50000), client_options)) {}

bool QuicPair::connect(Duration limit) {
  const std::size_t before = server.accepted.size();
  connection = &world.dial(client, server, sink);
  return world.run_until(
             [&] {
               return (sink.is_connected() && server.accepted.size() > before) || sink.is_closed();
             },
             limit) &&
         !sink.is_closed();
}

StreamId QuicPair::send(QuicConnection& from, std::string_view bytes, bool fin) {
  const auto id = from.open_bidirectional();
  ECHOSTREAM_CHECK(id.has_value(), "the peer allows another stream");
  from.write(*id, Buffer::copy(bytes), fin);
  return *id;
}

std::string pattern(std::size_t size, std::uint64_t salt) {
  Random source(salt, 2);
  std::string text(size, '\0');
  for (char& byte : text) byte = static_cast<char>(source.next());
  return text;
}

}  // namespace echostream::testing
