// Decoding can take a hundred times the bytes: half a million empty sub-messages fit into 1 MiB. So
// what a message will take is told from its bytes before they are decoded.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <optional>

#include "echostream/base/bytes.h"

namespace echostream::internal {

/// How much memory `bytes`, decoded as a message of the type of `message`, take beyond those of
/// their strings and fixed-size numbers; nothing when it is more than `budget`. An estimate: of the
/// fields, strings and messages that there are, each with the size of its type. Malformed bytes are
/// looked at as far as a parser gets. Messages of less than 1 KiB are not looked at, and take 0.
///
/// Messages of LITE_RUNTIME files do not tell their fields: only the outermost are counted, each
/// as if it were a message of 256 bytes.
std::optional<std::size_t> decoded_size(BytesView bytes,
                                        const google::protobuf::MessageLite& message,
                                        std::size_t budget);

struct MessageScan {
  /// Parsers would take it, the strings of proto3 fields are UTF-8, and each google.protobuf.Value
  /// has one field at most, which writers see to (parsers take the last, printers print all).
  bool is_well_formed = false;
  /// As decoded_size(). When it is nothing, is_well_formed says nothing.
  std::optional<std::size_t> size;
};
/// Of bytes that somebody reads who keeps `bytes_per_field` for each field that the type of a
/// message has, set or not. Messages of all sizes are looked at.
MessageScan scan_message(BytesView bytes, const google::protobuf::Descriptor& type,
                         std::size_t bytes_per_field, std::size_t budget);

}  // namespace echostream::internal
