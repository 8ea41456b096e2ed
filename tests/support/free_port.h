// A port for a program that has to be told which one to listen on.
#pragma once

#include <cstdint>

namespace echostream::testing {

/// A UDP port of 127.0.0.1 that nobody has. It lies below the range that Linux hands out by itself
/// (from 32768 on): no other test that binds to port 0 can take it before the program does.
std::uint16_t free_udp_port();

}  // namespace echostream::testing
