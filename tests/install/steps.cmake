# Steps that the scripts of this folder share.

# Runs a command; its output is shown when it fails.
function(step what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}")
  endif()
  message(STATUS "${what}: done")
endfunction()

# Installs the build, and moves the result away from where it was installed to.
function(install_and_move)
  file(REMOVE_RECURSE "${WORK_DIR}")
  step("installing" "${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${WORK_DIR}/staging")
  file(RENAME "${WORK_DIR}/staging" "${WORK_DIR}/prefix")
endfunction()

# An installed tree knows neither the source tree, nor the build folder, nor where it was first.
function(expect_no_paths_of_ours)
  file(GLOB_RECURSE files "${WORK_DIR}/prefix/*.cmake" "${WORK_DIR}/prefix/*.pc" "${WORK_DIR}/prefix/*.h")
  foreach(file IN LISTS files)
    file(READ "${file}" text)
    foreach(path "${SOURCE_DIR}" "${BUILD_DIR}" "${WORK_DIR}")
      string(FIND "${text}" "${path}" found)
      if(NOT found EQUAL -1)
        message(FATAL_ERROR "${file} names ${path}: it would not work elsewhere")
      endif()
    endforeach()
  endforeach()
endfunction()

# The page of the command has its commands and their options, where it could be made.
function(expect_manual)
  find_program(HELP2MAN help2man)
  if(NOT HELP2MAN)
    message(STATUS "NOT TESTED: the manual page, for want of help2man")
    return()
  endif()
  file(READ "${WORK_DIR}/prefix/share/man/man1/echostream.1" page)
  foreach(word subscribe "\\-\\-trust\\-first\\-use")
    string(FIND "${page}" "${word}" found)
    if(found EQUAL -1)
      message(FATAL_ERROR "the manual page does not know ${word}")
    endif()
  endforeach()
endfunction()

# Configures, builds and tests the consumer with extra arguments for CMake.
function(build_consumer)
  step("configuring the consumer" "${CMAKE_COMMAND}" -S "${CONSUMER_DIR}" -B "${WORK_DIR}/build"
    -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
    "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DCMAKE_EXE_LINKER_FLAGS=${FLAGS}" ${ARGN})
  step("building the consumer" "${CMAKE_COMMAND}" --build "${WORK_DIR}/build" --parallel 2)
  step("running the consumer" "${CMAKE_CTEST_COMMAND}" --test-dir "${WORK_DIR}/build"
    --output-on-failure --timeout 120 --no-tests=error)
endfunction()

# pkg-config finds everything but the module, as where it is not installed.
function(hide_from_pkg_config module)
  execute_process(COMMAND "${PKG_CONFIG}" --variable=pc_path pkg-config
    OUTPUT_VARIABLE folders OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE ":" ";" folders "$ENV{PKG_CONFIG_PATH}:${folders}")
  set(all_but_one "${WORK_DIR}/all_but_${module}")
  foreach(folder IN LISTS folders)
    file(GLOB files "${folder}/*.pc")
    file(COPY ${files} DESTINATION "${all_but_one}")
  endforeach()
  file(REMOVE "${all_but_one}/${module}.pc")
  set(ENV{PKG_CONFIG_LIBDIR} "${all_but_one}")
  set(ENV{PKG_CONFIG_PATH} "")
endfunction()

# What configuring said, as one line; whether it passed in `passed`.
function(configure source passed output)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" --fresh -S "${source}" -B "${WORK_DIR}/build" -G "${GENERATOR}"
      "-DCMAKE_CXX_COMPILER=${COMPILER}" ${ARGN}
    RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")
  set(${output} "${text}" PARENT_SCOPE)
  set(${passed} FALSE PARENT_SCOPE)
  if(result EQUAL 0)
    set(${passed} TRUE PARENT_SCOPE)
  endif()
endfunction()
