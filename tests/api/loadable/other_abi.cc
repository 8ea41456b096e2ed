// Of another version. Nothing beside the number may be looked at.
#include "echostream/plugin.h"

extern "C" const echostream::PluginEntry echostream_plugin;
const echostream::PluginEntry echostream_plugin = {ECHOSTREAM_PLUGIN_ABI + 41,
                                                   reinterpret_cast<const char*>(8),
                                                   reinterpret_cast<echostream::Plugin* (*)()>(8)};
