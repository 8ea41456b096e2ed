# The components of an installed EchoStream: its plugins by their names, "config", which knows all of them, "discovery",
# "discovery_testing" (its simulator), "gateway", "pairing" and "reflection".
#
#   find_package(EchoStream REQUIRED COMPONENTS metrics discovery)
#   target_link_libraries(app PRIVATE EchoStream::plugin_metrics EchoStream::discovery)
#
# Nothing of what a component needs is looked for unless it is asked for.

macro(echostream_component_package debian_package)
  find_package(${ARGN} QUIET)
  if(NOT ${ARGV1}_FOUND)
    string(APPEND ECHOSTREAM_MISSING "\n  ${ARGV1}: on Debian, install ${debian_package}")
  endif()
endmacro()

macro(echostream_component_module prefix module debian_package)
  if(NOT TARGET PkgConfig::${prefix})
    pkg_check_modules(${prefix} QUIET IMPORTED_TARGET GLOBAL "${module}")
    if(NOT ${prefix}_FOUND)
      string(APPEND ECHOSTREAM_MISSING "\n  ${module}: pkg-config cannot find it. On Debian, install "
        "${debian_package}")
    endif()
  endif()
endmacro()

# Adds to ECHOSTREAM_MISSING what the component needs and is not there.
macro(echostream_find_packages_of component)
  if("${component}" STREQUAL "compression")
    echostream_component_package(zlib1g-dev ZLIB)
    echostream_component_module(EchoStream_zstd "libzstd>=1.4" libzstd-dev)
  elseif("${component}" STREQUAL "discovery")
    echostream_component_module(EchoStream_avahi "avahi-client>=0.8" libavahi-client-dev)
  elseif("${component}" STREQUAL "logging")
    echostream_component_module(EchoStream_spdlog spdlog libspdlog-dev)
  elseif("${component}" STREQUAL "metrics")
    echostream_component_module(EchoStream_prometheus prometheus-cpp-core prometheus-cpp-dev)
  elseif("${component}" STREQUAL "recorder")
    echostream_component_module(EchoStream_zstd "libzstd>=1.4" libzstd-dev)
    echostream_component_module(EchoStream_lz4 "liblz4>=1.9" liblz4-dev)
  endif()
endmacro()

# Makes the targets of a component, those that it needs first; EchoStream_<component>_FOUND says how it went.
macro(echostream_add_component component)
  if(NOT DEFINED EchoStream_${component}_FOUND)
    set(EchoStream_${component}_FOUND FALSE)
    if("${component}" IN_LIST EchoStream_PLUGINS OR "${component}" IN_LIST EchoStream_LIBRARIES)
      foreach(echostream_needed IN LISTS EchoStream_${component}_NEEDS)
        echostream_add_component(${echostream_needed})
      endforeach()
      echostream_find_packages_of(${component})
      if(NOT ECHOSTREAM_MISSING)
        include("${CMAKE_CURRENT_LIST_DIR}/EchoStreamComponent_${component}.cmake")
        set(EchoStream_${component}_FOUND TRUE)
      endif()
    else()
      string(APPEND ECHOSTREAM_MISSING "\n  ${component}: it was built without; it has the components "
        "${EchoStream_PLUGINS} ${EchoStream_LIBRARIES}")
    endif()
  endif()
endmacro()
