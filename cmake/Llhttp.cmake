# llhttp, which reads HTTP/1.1 for the side door (docs/http.md): the system's library, or else the C sources that
# Debian 12 has in the package node-llhttp. Without either the side door is left out, and says so when it is asked for.
#
# ECHOSTREAM_HAS_LLHTTP says whether it is there. echostream_use_llhttp(<target>) adds it to a static library.
find_path(Llhttp_SOURCE_INCLUDE_DIR llhttp.h PATH_SUFFIXES llhttp PATHS /usr/share/include)
find_path(Llhttp_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp)
mark_as_advanced(Llhttp_SOURCE_INCLUDE_DIR Llhttp_SOURCE_DIR)

set(ECHOSTREAM_HAS_LLHTTP FALSE)
set(ECHOSTREAM_LINKS_LLHTTP FALSE)  # the library, and not the sources
if(TARGET EchoStream_llhttp)
  set(ECHOSTREAM_HAS_LLHTTP TRUE)
  set(ECHOSTREAM_LINKS_LLHTTP TRUE)
elseif(Llhttp_SOURCE_DIR AND Llhttp_SOURCE_INCLUDE_DIR)
  set(ECHOSTREAM_HAS_LLHTTP TRUE)
  # The C compiler that comes with ours: they share switches.
  if(NOT CMAKE_C_COMPILER AND NOT DEFINED ENV{CC})
    get_filename_component(echostream_compiler_dir "${CMAKE_CXX_COMPILER}" DIRECTORY)
    get_filename_component(echostream_compiler "${CMAKE_CXX_COMPILER}" NAME)
    string(REPLACE "clang++" "clang" echostream_compiler "${echostream_compiler}")
    string(REPLACE "g++" "gcc" echostream_compiler "${echostream_compiler}")
    if(EXISTS "${echostream_compiler_dir}/${echostream_compiler}")
      set(CMAKE_C_COMPILER "${echostream_compiler_dir}/${echostream_compiler}")
    endif()
  endif()
  enable_language(C)
  if(CMAKE_CXX_COMPILER_LAUNCHER AND NOT DEFINED CMAKE_C_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER "${CMAKE_CXX_COMPILER_LAUNCHER}")
  endif()
endif()

function(echostream_use_llhttp target)
  if(ECHOSTREAM_LINKS_LLHTTP)
    target_link_libraries(${target} PRIVATE EchoStream_llhttp)
    return()
  endif()
  # Objects, so that nobody has to install or find another library.
  add_library(echostream_llhttp OBJECT
    "${Llhttp_SOURCE_DIR}/api.c" "${Llhttp_SOURCE_DIR}/http.c" "${Llhttp_SOURCE_DIR}/llhttp.c")
  target_include_directories(echostream_llhttp PRIVATE "${Llhttp_SOURCE_INCLUDE_DIR}")
  target_compile_definitions(echostream_llhttp PRIVATE LLHTTP_STRICT_MODE=1)
  target_compile_options(echostream_llhttp PRIVATE -w)
  set_target_properties(echostream_llhttp PROPERTIES
    C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON UNITY_BUILD OFF)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:echostream_llhttp>)
  target_include_directories(${target} SYSTEM PRIVATE "${Llhttp_SOURCE_INCLUDE_DIR}")
endfunction()
