// Which field of the configuration is which variable of the options: one list, read in both
// directions.
#pragma once

#include "echostream/config.pb.h"
#include "echostream/connect_options.h"
#include "echostream/http.h"
#include "echostream/loop.h"
#include "echostream/node_pool.h"
#include "echostream/persistent_session.h"

namespace echostream::internal {

enum class Direction : std::uint8_t {
  kToOptions,  // what is given; the rest stays as it is
  kToMessage,  // everything
};

/// Plain values only: identities, trust and what else comes from files are not among them.
void copy(Direction direction, config::NodeConfig& message, NodeOptions& options);
void copy(Direction direction, config::LimitsConfig& message, Limits& options);
void copy(Direction direction, config::SharedClockConfig& message, SharedClockOptions& options);
void copy(Direction direction, config::LoopConfig& message, LoopOptions& options);
void copy(Direction direction, config::HttpConfig& message, HttpOptions& options);
void copy(Direction direction, config::PoolConfig& message, NodePoolOptions& options);
void copy(Direction direction, config::ReconnectConfig& message, ReconnectOptions& options);
void copy(Direction direction, config::ConnectConfig& message, ConnectOptions& options);

}  // namespace echostream::internal
