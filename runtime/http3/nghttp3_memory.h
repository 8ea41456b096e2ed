// Where nghttp3 has its memory from: the lists of short blocks that everything else of a call uses.
#pragma once

#include <nghttp3/nghttp3.h>

namespace echostream::http3 {

const nghttp3_mem& nghttp3_memory();

}  // namespace echostream::http3
