# echostream_plugin(NAME SOURCES ... [HEADERS ...] [LINK_PUBLIC ...] [LINK_PRIVATE ...] [TESTS ...] [TEST_LINK ...])
#
# A plugin that comes with EchoStream: a static library echostream_plugin_NAME, exported as EchoStream::plugin_NAME.
# Its public header is runtime/plugins/include/echostream/plugins/NAME.h; HEADERS names further ones there. It sees public headers only. Libraries of
# others that it needs are also found by cmake/EchoStreamComponents.cmake, for users of the installed package.
function(echostream_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;HEADERS;LINK_PUBLIC;LINK_PRIVATE;TESTS;TEST_LINK")
  set(target echostream_plugin_${name})
  set(include_dir "${PROJECT_SOURCE_DIR}/runtime/plugins/include")
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(EchoStream::plugin_${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME plugin_${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${include_dir}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PUBLIC EchoStream::echostream ${ARG_LINK_PUBLIC} PRIVATE ${ARG_LINK_PRIVATE})
  echostream_settings(${target})
  set(headers ${name}.h ${ARG_HEADERS})
  list(TRANSFORM headers PREPEND "${include_dir}/echostream/plugins/")
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${include_dir}" FILES ${headers})
  if(PROJECT_IS_TOP_LEVEL)
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
  set_property(GLOBAL APPEND PROPERTY ECHOSTREAM_PLUGINS ${name})
  if(ECHOSTREAM_TESTS AND ARG_TESTS)
    echostream_test(plugin_${name}_test SOURCES ${ARG_TESTS} LINK ${target} ${ARG_LINK_PRIVATE} ${ARG_TEST_LINK})
  endif()
endfunction()
