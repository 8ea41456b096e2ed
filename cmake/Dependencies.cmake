# Finds what EchoStream stands on, at any prefix (CMAKE_PREFIX_PATH, PKG_CONFIG_PATH), and names the Debian
# package when something is missing. Used by our own build and, installed, by EchoStreamConfig.cmake.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(echostream_require_pkg target module debian_package)
  string(MAKE_C_IDENTIFIER "ES_${module}" prefix)
  pkg_check_modules(${prefix} QUIET IMPORTED_TARGET GLOBAL ${module})
  if(NOT ${prefix}_FOUND)
    message(FATAL_ERROR "EchoStream needs '${module}', which pkg-config cannot find. "
      "On Debian, install ${debian_package}; elsewhere add its prefix to PKG_CONFIG_PATH.")
  endif()
  if(NOT TARGET ${target})
    add_library(${target} ALIAS PkgConfig::${prefix})
  endif()
endfunction()

echostream_require_pkg(EchoStream_ngtcp2 "libngtcp2>=1.11" "libngtcp2-dev (from bookworm-backports on Debian 12)")
echostream_require_pkg(EchoStream_uv "libuv>=1.44" "libuv1-dev")

# BoringSSL: Debian keeps it in a folder of its own, beside OpenSSL, whose symbols have the same names.
if(NOT TARGET EchoStream_boringssl)
  find_path(BoringSSL_INCLUDE_DIR openssl/is_boringssl.h PATH_SUFFIXES android boringssl)
  find_library(BoringSSL_SSL_LIBRARY ssl PATH_SUFFIXES android boringssl NO_CMAKE_SYSTEM_PATH
    PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
  find_library(BoringSSL_CRYPTO_LIBRARY crypto PATH_SUFFIXES android boringssl NO_CMAKE_SYSTEM_PATH
    PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
  if(NOT BoringSSL_INCLUDE_DIR OR NOT BoringSSL_SSL_LIBRARY OR NOT BoringSSL_CRYPTO_LIBRARY)
    message(FATAL_ERROR "EchoStream needs BoringSSL. On Debian, install android-libboringssl-dev (from "
      "bookworm-backports on Debian 12); elsewhere set BoringSSL_INCLUDE_DIR, BoringSSL_SSL_LIBRARY and "
      "BoringSSL_CRYPTO_LIBRARY.")
  endif()
  add_library(EchoStream_boringssl INTERFACE IMPORTED GLOBAL)
  target_include_directories(EchoStream_boringssl SYSTEM INTERFACE ${BoringSSL_INCLUDE_DIR})
  target_link_libraries(EchoStream_boringssl INTERFACE ${BoringSSL_SSL_LIBRARY} ${BoringSSL_CRYPTO_LIBRARY})
endif()

find_package(Protobuf 3.21 QUIET)
if(NOT Protobuf_FOUND)
  message(FATAL_ERROR "EchoStream needs protobuf >= 3.21. On Debian, install libprotobuf-dev, "
    "libprotoc-dev and protobuf-compiler.")
endif()
