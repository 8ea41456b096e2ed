// Words of ours that come back from the network or from a disk: address tokens, sealed tickets,
// kept tickets, the ticket cache's file, and transport parameters. What we did not write so is
// worth nothing. Input: one byte that chooses, then bytes, or edits (see fuzz_input.h) of a good
// one.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "echostream/session_tickets.h"

#include "runtime/transport/crypto/address_tokens.h"
#include "runtime/transport/peer_parameters.h"
#include "runtime/transport/session_ticket.h"
#include "runtime/transport/ticket_keys.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"

using namespace echostream;
using namespace echostream::testing;
using namespace echostream::transport;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr WallTime kNow{std::chrono::seconds(1'717'243'200)};
const SocketAddress kClient = SocketAddress::ipv4({198, 51, 100, 7}, 50000);

Bytes copy(BytesView bytes) { return {bytes.begin(), bytes.end()}; }

void try_address_token(FuzzInput& input, bool is_retry, bool from_scratch) {
  const AddressTokens tokens(AddressTokens::derive_secret({1, 2, 3}));
  const ConnectionId retry_id(as_bytes("retry id"));
  const ConnectionId original_id(as_bytes("original"));
  const AddressTokens::Nonce nonce = {9};
  const Bytes good = is_retry ? tokens.make_retry_token(kNow, kClient, retry_id, original_id, nonce)
                              : tokens.make_new_token(kNow, kClient, nonce);
  Bytes token = from_scratch ? copy(input.rest()) : good;
  if (!from_scratch) apply_edits(token, input);
  const auto original = tokens.open_retry_token(kNow, token, kClient, retry_id);
  FUZZ_CHECK(original.has_value() == (is_retry && token == good));
  FUZZ_CHECK(!original || *original == original_id);
  FUZZ_CHECK(tokens.check_new_token(kNow, token, kClient) == (!is_retry && token == good));
  (void)AddressTokens::is_retry_token(token);
  const SocketAddress other = SocketAddress::ipv4({198, 51, 100, 8}, 50000);
  FUZZ_CHECK(!tokens.open_retry_token(kNow, token, other, retry_id));
  FUZZ_CHECK(!tokens.check_new_token(kNow, token, other));
}

void try_sealed_ticket(FuzzInput& input, bool from_scratch) {
  TicketKeys keys;
  const BytesView scope = as_bytes("server.test");
  const Bytes good = keys.seal(kNow, as_bytes("a session of BoringSSL's"), scope);
  Bytes ticket = good;
  if (from_scratch) {
    // Behind the number of the key, without which nothing is looked at.
    ticket.resize(8);
    const Bytes rest = copy(input.rest());
    ticket.insert(ticket.end(), rest.begin(), rest.end());
  } else {
    apply_edits(ticket, input);
  }
  const auto opened = keys.open(kNow, ticket, scope);
  FUZZ_CHECK(opened.has_value() == (ticket == good));
  if (!opened) return;
  FUZZ_CHECK(opened->may_carry_early_data);
  const auto again = keys.open(kNow, ticket, scope);
  FUZZ_CHECK(again && !again->may_carry_early_data);
}

void try_kept_ticket(FuzzInput& input, bool from_scratch) {
  const std::string good = encode_ticket({as_bytes("transport parameters"), as_bytes("a session")});
  Bytes ticket = from_scratch ? copy(input.rest()) : copy(as_bytes(good));
  if (!from_scratch) apply_edits(ticket, input);
  const auto parsed = parse_ticket(ticket);
  if (!parsed) return;
  FUZZ_CHECK(!parsed->session.empty());
  FUZZ_CHECK(parsed->session.data() >= ticket.data());
  FUZZ_CHECK(parsed->session.data() + parsed->session.size() == ticket.data() + ticket.size());
  FUZZ_CHECK(encode_ticket(*parsed) == as_text(ticket));
}

void try_parameters(FuzzInput& input) {
  const BytesView bytes = input.rest();
  if (!are_well_formed_parameters(bytes)) return;
  // Then they come twice.
  Bytes twice = copy(bytes);
  twice.insert(twice.end(), bytes.begin(), bytes.end());
  FUZZ_CHECK(bytes.empty() || !are_well_formed_parameters(twice));
}

/// A folder that goes with the process.
class Folder {
 public:
  Folder() { ECHOSTREAM_CHECK(::mkdtemp(path_) != nullptr, "a folder for the cache's file"); }
  ~Folder() {
    for (const char* name : {"/t", "/t.lock", "/t.new"})
      ::unlink((path_ + std::string(name)).c_str());
    ::rmdir(path_);
  }
  std::string file() const { return path_ + std::string("/t"); }

 private:
  char path_[64] = "/dev/shm/echostream_fuzz_XXXXXX";
};

void try_cache_file(FuzzInput& input, bool with_first_line) {
  static const Folder folder;
  constexpr std::size_t kMostTickets = 8;
  std::string text;
  if (with_first_line) text = "# EchoStream session tickets, format 1. Keep secret.\n";
  text += as_text(input.rest());
  const int file = ::open(folder.file().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FUZZ_CHECK(file >= 0);
  FUZZ_CHECK(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(file);

  // Making it writes it again: what was damaged is gone, and it is ours from there on. A file that
  // holds something else is left as it is.
  const auto cache = make_file_ticket_cache(folder.file(), kMostTickets);
  struct stat about {};
  FUZZ_CHECK(::stat(folder.file().c_str(), &about) == 0);
  if (!cache) {
    FUZZ_CHECK(cache.error().code() == StatusCode::kInvalidArgument);
    FUZZ_CHECK(static_cast<std::size_t>(about.st_size) == text.size());
    return;
  }
  FUZZ_CHECK(static_cast<std::size_t>(about.st_size) <= text.size() + 60);
  (*cache)->store("server", "ticket");
  FUZZ_CHECK((*cache)->take("server") == "ticket");
  int others = 0;
  while (const auto ticket = (*cache)->take("server")) {
    FUZZ_CHECK(!ticket->empty());
    FUZZ_CHECK(++others <= 4);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::uint8_t choice = input.byte();
  const bool from_scratch = (choice & 0x80) != 0;
  switch (choice % 8) {
    case 0:
    case 1:
      try_address_token(input, choice % 2 == 0, from_scratch);
      break;
    case 2:
      try_sealed_ticket(input, from_scratch);
      break;
    case 3:
      try_kept_ticket(input, from_scratch);
      break;
    case 4:
      try_cache_file(input, !from_scratch);
      break;
    default:
      try_parameters(input);
  }
  return 0;
}
