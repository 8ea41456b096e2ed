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

# Configures, builds and tests the consumer with extra arguments for CMake.
function(build_consumer)
  step("configuring the consumer" "${CMAKE_COMMAND}" -S "${CONSUMER_DIR}" -B "${WORK_DIR}/build"
    -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
    "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DCMAKE_EXE_LINKER_FLAGS=${FLAGS}" ${ARGN})
  step("building the consumer" "${CMAKE_COMMAND}" --build "${WORK_DIR}/build" --parallel 2)
  step("running the consumer" "${CMAKE_CTEST_COMMAND}" --test-dir "${WORK_DIR}/build"
    --output-on-failure --timeout 120 --no-tests=error)
endfunction()
