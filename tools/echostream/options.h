// What the values of options may be, said in messages of ours.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/time.h"

namespace echostream::tool {

/// A time in milliseconds of at least `least_ms`; at most an hour.
CLI::Option* add_milliseconds(CLI::App& app, const std::string& name, Duration& value,
                              double least_ms, const std::string& help);
/// A part of a whole: more than 0, at most `most`.
CLI::Option* add_share(CLI::App& app, const std::string& name, double& value, double most,
                       const std::string& help);
/// One of `choices`; `value` becomes its place among them.
CLI::Option* add_choice(CLI::App& app, const std::string& name, std::size_t& value,
                        const std::vector<std::string>& choices, const std::string& help);
/// The name of a file.
CLI::Option* add_file(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& help);

}  // namespace echostream::tool
