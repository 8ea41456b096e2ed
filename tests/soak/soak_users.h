// The users of one session in the soak. Each does its one thing again and again until the session
// ends, and fails the test when a promise is broken while it lives.
#pragma once

#include "tests/soak/soak_world.h"

namespace echostream::testing {

/// What every session has, on either end. The members live longer than the group.
void spawn_users(TaskGroup& group, SoakWorld& world, SoakWorld::Member& me, const Session& session);

}  // namespace echostream::testing
