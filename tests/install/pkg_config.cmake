# The same program with pkg-config, protoc and the compiler alone.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")

if(NOT PKG_CONFIG)
  message(FATAL_ERROR "pkg-config is not installed")
endif()
install_and_move()
set(prefix "${WORK_DIR}/prefix")
set(ENV{PKG_CONFIG_PATH} "${prefix}/${LIBDIR}/pkgconfig:$ENV{PKG_CONFIG_PATH}")
foreach(variable cflags libs)
  execute_process(COMMAND "${PKG_CONFIG}" --${variable} echostream
    OUTPUT_VARIABLE ${variable} OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(${variable} UNIX_COMMAND "${${variable}}")
endforeach()
foreach(variable bindir idldir)
  execute_process(COMMAND "${PKG_CONFIG}" --variable=${variable} echostream
    OUTPUT_VARIABLE ${variable} OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endforeach()
separate_arguments(flags UNIX_COMMAND "${FLAGS}")

file(MAKE_DIRECTORY "${WORK_DIR}/generated")
step("generating" "${PROTOC}" "--plugin=${bindir}/protoc-gen-echostream" "-I${CONSUMER_DIR}" "-I${idldir}"
  "--cpp_out=${WORK_DIR}/generated" "--echostream_out=${WORK_DIR}/generated" greeter.proto)
step("compiling" ${LAUNCHER} "${COMPILER}" -std=c++20 ${flags} ${cflags} "-I${WORK_DIR}/generated"
  "${CONSUMER_DIR}/main.cc" "${WORK_DIR}/generated/greeter.pb.cc"
  "${WORK_DIR}/generated/greeter.echostream.cc" -o "${WORK_DIR}/consumer" ${libs})
step("running" "${WORK_DIR}/consumer")
file(REMOVE_RECURSE "${WORK_DIR}")
