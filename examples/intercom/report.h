// The table at the end of a call, from the reports of both stations.
#pragma once

#include <string>

#include "echostream/session.h"

#include "intercom.pb.h"

namespace intercom {

std::string report_table(const v1::CallReport& caller, const v1::CallReport& answerer,
                         const echostream::SessionStats& session);

}  // namespace intercom
