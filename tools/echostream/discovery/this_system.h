// What the commands ask of the machine and the user's account.
#pragma once

#include <cstddef>
#include <string>

#include "echostream/base/result.h"

namespace echostream::tool {

/// Rows of the terminal that stdout is; 0 when it is none.
std::size_t terminal_rows();

/// What this machine is called, without its domain; "device" when it has no name.
std::string machine_name();

/// Where this user's programs keep what they remember: "$XDG_CONFIG_HOME/echostream", or
/// "~/.config/echostream". kNotFound when neither variable is set.
Result<std::string> settings_folder();

/// `given`, or the file "known_peers" in settings_folder().
Result<std::string> known_peers_path(const std::string& given);

/// Makes the folder that `path` is in, for this user alone, unless it is there.
Status make_folder_of(const std::string& path);

/// Makes a file that this user alone may read; kUnavailable when it cannot be made, or is there.
Status write_secret(const std::string& path, const std::string& text);

/// The same with other permissions: 0644.
Status write_new_file(const std::string& path, const std::string& text, unsigned mode);

/// The same, in place of a file that is there, in one step.
Status replace_file(const std::string& path, const std::string& text, unsigned mode);

/// Whether others than its owner may read the file; false when it cannot be looked at.
bool others_may_read(const std::string& path);

}  // namespace echostream::tool
