// Avahi's errors as ours, in words that say what to do.
#pragma once

#include <string_view>

#include "echostream/base/status.h"

namespace echostream::discovery {

/// All UNAVAILABLE.
Status no_daemon();
Status no_bus();
Status daemon_hangs();
/// avahi_client_new() has failed with that.
Status connecting_failed(int avahi_error);

/// Whether a call failed because of the connection to the daemon, not because of what was asked.
bool is_lost(int avahi_error);
/// What to say of such an error.
Status lost_by(int avahi_error);
/// What a call of the daemon's has failed with; never OK. INVALID_ARGUMENT, ALREADY_EXISTS,
/// NOT_FOUND, RESOURCE_EXHAUSTED (the daemon has no room for more) or UNAVAILABLE.
Status status_of(int avahi_error);

/// Whether D-Bus takes it for a string: UTF-8 without NUL. Its library ends the program over
/// others.
bool is_dbus_text(std::string_view text);

}  // namespace echostream::discovery
