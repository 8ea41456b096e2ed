// Ends a stream on which no message was seen for some time.
#pragma once

#include "echostream/middleware.h"

namespace echostream::timeout {

/// Runs next(), and gives it up when neither direction had a message for `idle`: DEADLINE_EXCEEDED.
Task<Status> run_until_idle(InterceptedCall& call, Next next, Duration idle);

}  // namespace echostream::timeout
