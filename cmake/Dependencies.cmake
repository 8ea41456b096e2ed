# Finds what EchoStream stands on, at any prefix (CMAKE_PREFIX_PATH, PKG_CONFIG_PATH), and names the Debian
# package when something is missing. Used by our own build and, installed, by EchoStreamConfig.cmake.
#
# What is missing ends up in ECHOSTREAM_MISSING; only our own build stops at it here.
set(ECHOSTREAM_MISSING "")
if(NOT CMAKE_FIND_PACKAGE_NAME STREQUAL "EchoStream")
  # A project that adds us by add_subdirectory has to see these targets too.
  set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
endif()
find_package(Threads)
find_package(PkgConfig QUIET)
if(NOT PkgConfig_FOUND)
  string(APPEND ECHOSTREAM_MISSING "\n  pkg-config: on Debian, install pkg-config")
endif()

macro(echostream_require_pkg target module debian_package)
  if(PkgConfig_FOUND AND NOT TARGET ${target})
    string(MAKE_C_IDENTIFIER "ES_${module}" echostream_prefix)
    pkg_check_modules(${echostream_prefix} QUIET IMPORTED_TARGET GLOBAL "${module}")
    if(${echostream_prefix}_FOUND)
      add_library(${target} INTERFACE IMPORTED GLOBAL)
      target_link_libraries(${target} INTERFACE PkgConfig::${echostream_prefix})
    else()
      string(APPEND ECHOSTREAM_MISSING "\n  ${module}: pkg-config cannot find it. On Debian, install "
        "${debian_package}; elsewhere add its prefix to PKG_CONFIG_PATH")
    endif()
  endif()
endmacro()

echostream_require_pkg(EchoStream_ngtcp2 "libngtcp2>=1.11" "libngtcp2-dev (from bookworm-backports on Debian 12)")
echostream_require_pkg(EchoStream_nghttp3 "libnghttp3>=1.8" "libnghttp3-dev (from bookworm-backports on Debian 12)")
echostream_require_pkg(EchoStream_uv "libuv>=1.44" "libuv1-dev")

# For HTTP/1.1, where the system has it as a library; cmake/Llhttp.cmake knows another way. An installed EchoStream that
# was built with it needs it.
if(EchoStream_NEEDS_LLHTTP)
  echostream_require_pkg(EchoStream_llhttp "libllhttp>=8.1" "libllhttp-dev")
elseif(PkgConfig_FOUND AND NOT CMAKE_FIND_PACKAGE_NAME STREQUAL "EchoStream" AND NOT TARGET EchoStream_llhttp)
  pkg_check_modules(ES_LLHTTP QUIET IMPORTED_TARGET GLOBAL "libllhttp>=8.1")
  if(ES_LLHTTP_FOUND)
    add_library(EchoStream_llhttp INTERFACE IMPORTED GLOBAL)
    target_link_libraries(EchoStream_llhttp INTERFACE PkgConfig::ES_LLHTTP)
  endif()
endif()

find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND)
  string(APPEND ECHOSTREAM_MISSING "\n  zlib: on Debian, install zlib1g-dev; elsewhere add its prefix to CMAKE_PREFIX_PATH")
endif()

# BoringSSL: Debian keeps it in a folder of its own, beside OpenSSL, whose symbols have the same names.
find_path(BoringSSL_INCLUDE_DIR openssl/is_boringssl.h PATH_SUFFIXES android boringssl)
find_library(BoringSSL_SSL_LIBRARY ssl PATH_SUFFIXES android boringssl NO_CMAKE_SYSTEM_PATH
  PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
find_library(BoringSSL_CRYPTO_LIBRARY crypto PATH_SUFFIXES android boringssl NO_CMAKE_SYSTEM_PATH
  PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
mark_as_advanced(BoringSSL_INCLUDE_DIR BoringSSL_SSL_LIBRARY BoringSSL_CRYPTO_LIBRARY)
if(NOT BoringSSL_INCLUDE_DIR OR NOT BoringSSL_SSL_LIBRARY OR NOT BoringSSL_CRYPTO_LIBRARY)
  string(APPEND ECHOSTREAM_MISSING "\n  BoringSSL: on Debian, install android-libboringssl-dev (from "
    "bookworm-backports on Debian 12); elsewhere set BoringSSL_INCLUDE_DIR, BoringSSL_SSL_LIBRARY and "
    "BoringSSL_CRYPTO_LIBRARY")
elseif(NOT TARGET EchoStream_boringssl)
  add_library(EchoStream_boringssl INTERFACE IMPORTED GLOBAL)
  target_include_directories(EchoStream_boringssl SYSTEM INTERFACE "${BoringSSL_INCLUDE_DIR}")
  target_link_libraries(EchoStream_boringssl INTERFACE "${BoringSSL_SSL_LIBRARY}" "${BoringSSL_CRYPTO_LIBRARY}")
endif()

find_package(Protobuf 3.21 QUIET)
if(NOT Protobuf_FOUND OR NOT TARGET protobuf::protoc)
  string(APPEND ECHOSTREAM_MISSING "\n  protobuf >= 3.21: on Debian, install libprotobuf-dev and protobuf-compiler; "
    "elsewhere add its prefix to CMAKE_PREFIX_PATH")
elseif(NOT CMAKE_FIND_PACKAGE_NAME STREQUAL "EchoStream" AND NOT TARGET protobuf::libprotoc)
  string(APPEND ECHOSTREAM_MISSING "\n  libprotoc >= 3.21: on Debian, install libprotoc-dev")
endif()
# Where google/protobuf/*.proto are, for echostream_generate() in whichever folder it is called.
set_property(GLOBAL PROPERTY ECHOSTREAM_PROTOBUF_INCLUDE_DIRS "${Protobuf_INCLUDE_DIRS}")

if(ECHOSTREAM_MISSING AND NOT CMAKE_FIND_PACKAGE_NAME STREQUAL "EchoStream")
  message(FATAL_ERROR "EchoStream needs what is not here:${ECHOSTREAM_MISSING}\n"
    "On Debian 12 and 13, scripts/setup installs all of it.")
endif()
