// What this process has used of the machine. Linux.
#pragma once

#include <cstdint>

namespace bench {

/// User and system time of all threads since the process started.
double cpu_seconds();
/// Memory of this process that is in RAM now; 0 where /proc does not say.
std::uint64_t resident_bytes();
/// As many file descriptors as the system allows: the peers need one per session.
void raise_file_limit();
/// Ends the process with SIGALRM after that long, so that nothing outlives a driver that died. 0:
/// never.
void limit_lifetime(unsigned seconds);

}  // namespace bench
