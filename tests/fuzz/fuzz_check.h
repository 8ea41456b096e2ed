// What a fuzz target promises; a broken promise ends the process, which is what the fuzzer looks
// for.
#pragma once

#include "echostream/base/check.h"

#define FUZZ_CHECK(condition) ECHOSTREAM_CHECK(condition, "the fuzz target's promise is broken")
