# echostream_generate(TARGET <target> PROTOS <a.proto> ... [IMPORT_DIRS <dir> ...] [AGAINST <old.binpb>])
#
# Adds to <target> the C++ that protoc and protoc-gen-echostream make of the .proto files, the include folder
# to reach it, and the libraries it needs. Works in EchoStream's own build and after find_package(EchoStream).
#
#   PROTOS       relative to the current source folder, or absolute.
#   IMPORT_DIRS  where imports are looked for; default: the current source folder. The first one that holds a
#                .proto also says what it is called: <dir>/acme/robot.proto becomes "acme/robot.echostream.h".
#   AGAINST      a descriptor set of an earlier version; the build fails on changes that break the wire.
include_guard(GLOBAL)

if(NOT EchoStream_IDL_DIR)
  get_filename_component(EchoStream_IDL_DIR "${CMAKE_CURRENT_LIST_DIR}/../idl" ABSOLUTE)
endif()
set_property(GLOBAL PROPERTY ECHOSTREAM_IDL_DIR "${EchoStream_IDL_DIR}")

function(echostream_generate)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "TARGET;AGAINST" "PROTOS;IMPORT_DIRS")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "echostream_generate: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}. "
      "Write echostream_generate(TARGET t PROTOS a.proto ... [IMPORT_DIRS ...] [AGAINST old.binpb]).")
  endif()
  if(NOT ARG_TARGET OR NOT ARG_PROTOS)
    message(FATAL_ERROR "echostream_generate needs TARGET and PROTOS.")
  endif()
  if(NOT TARGET ${ARG_TARGET})
    message(FATAL_ERROR "echostream_generate: there is no target '${ARG_TARGET}'. "
      "Call add_library or add_executable first.")
  endif()
  get_target_property(type ${ARG_TARGET} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    message(FATAL_ERROR "echostream_generate: '${ARG_TARGET}' is an INTERFACE library and compiles nothing. "
      "Use a STATIC, SHARED or OBJECT library.")
  endif()
  # Those who link a library include its generated headers; nobody links an executable.
  set(visibility PUBLIC)
  if(type STREQUAL "EXECUTABLE")
    set(visibility PRIVATE)
  endif()

  if(NOT ARG_IMPORT_DIRS)
    set(ARG_IMPORT_DIRS "${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
  get_property(idl_dir GLOBAL PROPERTY ECHOSTREAM_IDL_DIR)
  get_property(protobuf_dirs GLOBAL PROPERTY ECHOSTREAM_PROTOBUF_INCLUDE_DIRS)
  set(import_dirs)
  foreach(dir IN LISTS ARG_IMPORT_DIRS)
    get_filename_component(dir "${dir}" ABSOLUTE)
    list(APPEND import_dirs "${dir}")
  endforeach()
  set(import_flags)
  foreach(dir IN LISTS import_dirs idl_dir protobuf_dirs)
    if(EXISTS "${dir}")
      list(APPEND import_flags -I "${dir}")
    endif()
  endforeach()

  set(parameters "")
  if(ARG_AGAINST)
    get_filename_component(ARG_AGAINST "${ARG_AGAINST}" ABSOLUTE)
    set(parameters "against=${ARG_AGAINST}:")
  endif()

  set(output_dir "${CMAKE_CURRENT_BINARY_DIR}/echostream_generated/${ARG_TARGET}")
  foreach(proto IN LISTS ARG_PROTOS)
    get_filename_component(proto "${proto}" ABSOLUTE)
    echostream_path_in_import_dirs(name "${proto}" "${import_dirs}")
    string(REGEX REPLACE "\\.proto$" "" stem "${output_dir}/${name}")
    get_filename_component(stem_dir "${stem}" DIRECTORY)
    file(MAKE_DIRECTORY "${stem_dir}")
    set(outputs "${stem}.pb.cc" "${stem}.pb.h" "${stem}.echostream.cc" "${stem}.echostream.h")
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc
        "--plugin=protoc-gen-echostream=$<TARGET_FILE:EchoStream::protoc-gen-echostream>"
        ${import_flags}
        "--dependency_out=${stem}.d"
        "--cpp_out=${output_dir}"
        "--echostream_out=${parameters}${output_dir}"
        "${name}"
      DEPENDS "${proto}" EchoStream::protoc-gen-echostream ${ARG_AGAINST}
      DEPFILE "${stem}.d"
      COMMENT "Generating EchoStream code from ${name}"
      VERBATIM)
    # Two .pb.cc in one compilation define the same static names.
    set_source_files_properties(${outputs} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    target_sources(${ARG_TARGET} PRIVATE ${outputs})
  endforeach()

  target_include_directories(${ARG_TARGET} ${visibility} "$<BUILD_INTERFACE:${output_dir}>")
  get_target_property(is_loadable_plugin ${ARG_TARGET} ECHOSTREAM_LOADABLE_PLUGIN)
  if(NOT is_loadable_plugin)
    target_link_libraries(${ARG_TARGET} ${visibility} EchoStream::echostream EchoStream::idl protobuf::libprotobuf)
  endif()
endfunction()

# What `proto` is called in the first of the import folders that holds it.
function(echostream_path_in_import_dirs result proto import_dirs)
  if(NOT EXISTS "${proto}")
    message(FATAL_ERROR "echostream_generate: there is no file ${proto}")
  endif()
  foreach(dir IN LISTS import_dirs)
    file(RELATIVE_PATH relative "${dir}" "${proto}")
    if(NOT relative MATCHES "^\\.\\./" AND NOT IS_ABSOLUTE "${relative}")
      set(${result} "${relative}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  list(JOIN import_dirs ", " dirs)
  message(FATAL_ERROR "echostream_generate: ${proto} lies in none of the import folders (${dirs}). "
    "Add the folder that its import path starts from to IMPORT_DIRS.")
endfunction()
