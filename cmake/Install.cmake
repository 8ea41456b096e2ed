# What `cmake --install` puts where. The result may be moved: nothing in it knows the prefix.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/EchoStream")
get_property(layers GLOBAL PROPERTY ECHOSTREAM_LAYERS)
get_property(plugins GLOBAL PROPERTY ECHOSTREAM_PLUGINS)
# Libraries above the runtime, which are components like the plugins: config knows those; discovery and pairing are
# there when they were built (discovery/CMakeLists.txt), reflection and gateway, which needs it, always.
list(REMOVE_ITEM layers echostream_gateway)
set(libraries)
if(TARGET echostream_config)
  list(REMOVE_ITEM layers echostream_config)
  list(APPEND libraries config)
endif()
foreach(library IN ITEMS discovery discovery_testing gateway pairing reflection)
  if(TARGET echostream_${library})
    list(APPEND libraries ${library})
  endif()
endforeach()
install(TARGETS ${layers} echostream echostream_idl echostream_config_idl protoc-gen-echostream
  EXPORT EchoStreamTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT EchoStreamTargets NAMESPACE EchoStream:: DESTINATION "${package_dir}")

# Each component in a file of its own, which only those read who ask for it: EchoStreamComponents.cmake.
set(component_needs "")
foreach(component IN LISTS plugins libraries)
  set(target echostream_plugin_${component})
  if(component IN_LIST libraries)
    set(target echostream_${component})
  endif()
  install(TARGETS ${target} EXPORT EchoStreamComponent_${component}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT EchoStreamComponent_${component} NAMESPACE EchoStream:: DESTINATION "${package_dir}")
  get_target_property(linked ${target} LINK_LIBRARIES)
  set(needed)
  foreach(library IN LISTS linked)
    string(REGEX REPLACE "^EchoStream::(plugin_)?" "" library "${library}")
    if(library IN_LIST plugins OR library IN_LIST libraries)
      list(APPEND needed ${library})
    endif()
  endforeach()
  list(JOIN needed " " needed)
  string(APPEND component_needs "set(EchoStream_${component}_NEEDS ${needed})\n")
endforeach()
list(JOIN plugins " " ECHOSTREAM_INSTALLED_PLUGINS)
list(JOIN libraries " " ECHOSTREAM_INSTALLED_LIBRARIES)

# options.proto has a folder of its own to pass to protoc: -I <prefix>/share/echostream/idl.
set(ECHOSTREAM_INSTALL_IDL_DIR "${CMAKE_INSTALL_DATADIR}/echostream/idl")
install(FILES "${PROJECT_SOURCE_DIR}/idl/echostream/options.proto"
  DESTINATION "${ECHOSTREAM_INSTALL_IDL_DIR}/echostream")
install(FILES "${PROJECT_BINARY_DIR}/idl/generated/echostream/options.pb.h"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/echostream")

# For Wireshark: docs/debugging.md.
install(FILES "${PROJECT_SOURCE_DIR}/tools/wireshark/echostream.lua"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/echostream")
# The schema of configurations: config.h includes what is made of it.
install(FILES "${PROJECT_SOURCE_DIR}/idl/echostream/config.proto"
  "${PROJECT_SOURCE_DIR}/idl/echostream/config_options.proto"
  DESTINATION "${ECHOSTREAM_INSTALL_IDL_DIR}/echostream")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/idl/echostream/plugins"
  DESTINATION "${ECHOSTREAM_INSTALL_IDL_DIR}/echostream" FILES_MATCHING PATTERN "*.proto")
install(DIRECTORY "${PROJECT_BINARY_DIR}/idl/generated/echostream"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.pb.h" PATTERN "options.pb.h" EXCLUDE)

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/EchoStreamConfig.cmake.in" "${PROJECT_BINARY_DIR}/EchoStreamConfig.cmake"
  INSTALL_DESTINATION "${package_dir}"
  PATH_VARS ECHOSTREAM_INSTALL_IDL_DIR)
# Before 1.0 every minor version may break its users.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/EchoStreamConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/EchoStreamConfig.cmake"
  "${PROJECT_BINARY_DIR}/EchoStreamConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/EchoStreamGenerate.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/EchoStreamPlugins.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/EchoStreamComponents.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/Dependencies.cmake"
  DESTINATION "${package_dir}")

# The .pc file says where the prefix is by its own place, however deep the library folder is.
set(pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH ECHOSTREAM_PC_PREFIX "/prefix/${pkgconfig_dir}" "/prefix")
get_filename_component(ECHOSTREAM_PC_BORINGSSL_DIR "${BoringSSL_SSL_LIBRARY}" DIRECTORY)
# By file name: -lssl could find OpenSSL.
string(REPLACE "${ECHOSTREAM_PC_BORINGSSL_DIR}/" "\${boringssl_libdir}/" ECHOSTREAM_PC_BORINGSSL_LIBS
  "${BoringSSL_SSL_LIBRARY} ${BoringSSL_CRYPTO_LIBRARY}")
set(ECHOSTREAM_PC_LIBS "-lechostream_idl -lechostream_api -lechostream_messages -lechostream_loop -lechostream_transport -lechostream_core -lechostream_timing -lechostream_base")
configure_file("${PROJECT_SOURCE_DIR}/cmake/echostream.pc.in" "${PROJECT_BINARY_DIR}/echostream.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/echostream.pc" DESTINATION "${pkgconfig_dir}")
