// The table of C callbacks that ngtcp2 gets: each finds its Connection and forwards.
#pragma once

#include <ngtcp2/ngtcp2.h>

namespace echostream::transport {

struct ConnectionCallbacks {
  static ngtcp2_callbacks client();
  static ngtcp2_callbacks server();

 private:
  static ngtcp2_callbacks common();
  static void add_stream_callbacks(ngtcp2_callbacks& callbacks);
  static void add_identity_callbacks(ngtcp2_callbacks& callbacks);
};

}  // namespace echostream::transport
