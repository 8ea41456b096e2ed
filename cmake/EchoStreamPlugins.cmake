# Plugins in shared objects (docs/plugins.md). Works in EchoStream's own build and after find_package(EchoStream).
include_guard(GLOBAL)

# echostream_allow_plugins(<executable>)
#
# The program can load plugins with load_plugin(). They have no EchoStream of their own and use the program's,
# which must therefore hold all of it, and show it.
function(echostream_allow_plugins target)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL "EXECUTABLE")
    message(FATAL_ERROR "echostream_allow_plugins: '${target}' is no executable.")
  endif()
  set(archives)
  foreach(layer IN ITEMS base api loop idl)
    list(APPEND archives "$<TARGET_FILE:EchoStream::${layer}>")
  endforeach()
  list(JOIN archives " " archives)
  set_target_properties(${target} PROPERTIES ENABLE_EXPORTS ON)
  target_link_libraries(${target} PRIVATE EchoStream::echostream EchoStream::idl ${CMAKE_DL_LIBS})
  target_link_options(${target} PRIVATE "SHELL:-Wl,--whole-archive ${archives} -Wl,--no-whole-archive")
endfunction()

# echostream_loadable_plugin(<module library>)
#
# Makes what add_library(<name> MODULE ...) began a plugin for load_plugin(): it compiles against EchoStream's
# headers, and gets the code from the program that loads it. Call it before echostream_generate().
function(echostream_loadable_plugin target)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL "MODULE_LIBRARY")
    message(FATAL_ERROR "echostream_loadable_plugin: write add_library(${target} MODULE ...).")
  endif()
  set_target_properties(${target} PROPERTIES PREFIX "" ECHOSTREAM_LOADABLE_PLUGIN ON)
  target_compile_features(${target} PRIVATE cxx_std_20)
  foreach(library IN ITEMS EchoStream::base EchoStream::idl protobuf::libprotobuf)
    target_include_directories(${target} PRIVATE
      "$<TARGET_PROPERTY:${library},INTERFACE_INCLUDE_DIRECTORIES>")
  endforeach()
endfunction()
