# echostream_layer(NAME SOURCES ... [LINK_PUBLIC ...] [LINK_PRIVATE ...] [TESTS ...])
#
# One static library per layer (docs/architecture.md), named echostream_NAME, exported as EchoStream::NAME.
# What a layer may include is what it links: dependencies are PRIVATE, so that a header of ngtcp2 or libuv
# cannot leak. TESTS are the *_test.cc files beside the code; they become one test program.
function(echostream_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;LINK_PUBLIC;LINK_PRIVATE;TESTS;TEST_LINK")
  set(target echostream_${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(EchoStream::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/runtime/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PUBLIC ${ARG_LINK_PUBLIC} PRIVATE ${ARG_LINK_PRIVATE})
  echostream_settings(${target})
  set_property(GLOBAL APPEND PROPERTY ECHOSTREAM_LAYERS ${target})
  if(ECHOSTREAM_TESTS AND ARG_TESTS)
    echostream_test(${name}_test SOURCES ${ARG_TESTS} LINK ${target} ${ARG_LINK_PRIVATE} ${ARG_TEST_LINK})
  endif()
endfunction()

# Language level and warnings of everything we compile ourselves.
function(echostream_settings target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror=switch)
  if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 warns of its own library code: in coroutines, and where a string is appended to a literal.
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized -Wno-restrict -foptimize-sibling-calls)
    if(CMAKE_UNITY_BUILD)
      # A source that another file includes takes its anonymous namespace for a header's.
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
  elseif(CMAKE_UNITY_BUILD)
    # clang tells of names that a file before has in its anonymous namespace.
    target_compile_options(${target} PRIVATE -Wno-shadow)
  endif()
endfunction()
