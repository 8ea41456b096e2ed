#include "runtime/transport/session_ticket.h"

#include <gtest/gtest.h>

namespace echostream::transport {
namespace {

TEST(SessionTicket, ComesBackAsItWas) {
  const std::string bytes = encode_ticket({as_bytes("limits"), as_bytes("session")});
  const auto ticket = parse_ticket(as_bytes(bytes));
  ASSERT_TRUE(ticket);
  EXPECT_EQ(as_text(ticket->transport_parameters), "limits");
  EXPECT_EQ(as_text(ticket->session), "session");
}

TEST(SessionTicket, NeedsNoTransportParameters) {
  const std::string bytes = encode_ticket({{}, as_bytes("session")});
  const auto ticket = parse_ticket(as_bytes(bytes));
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(ticket->transport_parameters.empty());
}

TEST(SessionTicket, DamagedOnesAreIgnored) {
  const std::string whole = encode_ticket({as_bytes("limits"), as_bytes("session")});
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(parse_ticket(as_bytes(whole).first(i))) << i;
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(parse_ticket(as_bytes(damaged))) << i;
  }
  EXPECT_FALSE(parse_ticket(as_bytes(whole + "x")));
}

TEST(SessionTicket, OtherFormatsAreIgnored) {
  std::string bytes = encode_ticket({as_bytes("limits"), as_bytes("session")});
  bytes[0] = 2;
  EXPECT_FALSE(parse_ticket(as_bytes(bytes)));
}

TEST(SessionTicket, OneOverTheLimitIsNotKept) {
  const std::string session(kMostTicketBytes - 11, 's');
  EXPECT_EQ(encode_ticket({{}, as_bytes(session)}).size(), kMostTicketBytes);
  EXPECT_TRUE(encode_ticket({as_bytes("x"), as_bytes(session)}).empty());
  EXPECT_FALSE(parse_ticket(as_bytes("\1" + std::string(kMostTicketBytes, '\0'))));
}

}  // namespace
}  // namespace echostream::transport
