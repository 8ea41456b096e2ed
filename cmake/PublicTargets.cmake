# EchoStream::echostream, the target that users link: the public headers, and the layers behind them.
add_library(echostream INTERFACE)
add_library(EchoStream::echostream ALIAS echostream)
target_compile_features(echostream INTERFACE cxx_std_20)
target_link_libraries(echostream INTERFACE EchoStream::api EchoStream::loop)

# Every header below runtime/include is public and gets installed; those of the simulator belong to its library.
# The target all_verify_interface_header_sets compiles each of them alone.
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
  set_target_properties(echostream echostream_testing PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endif()
set(include_dir "${PROJECT_SOURCE_DIR}/runtime/include")
file(GLOB_RECURSE public_headers CONFIGURE_DEPENDS "${include_dir}/echostream/*.h")
set(testing_headers ${public_headers})
list(FILTER testing_headers INCLUDE REGEX "/echostream/testing/")
list(FILTER public_headers EXCLUDE REGEX "/echostream/testing/")
target_sources(echostream INTERFACE
  FILE_SET HEADERS BASE_DIRS "${include_dir}" FILES ${public_headers})
target_sources(echostream_testing PUBLIC
  FILE_SET HEADERS BASE_DIRS "${include_dir}" FILES ${testing_headers})
