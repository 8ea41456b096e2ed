# add_subdirectory() of the source tree, which FetchContent does too.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")

file(REMOVE_RECURSE "${WORK_DIR}")
# In unity builds, for the time it saves.
build_consumer("-DECHOSTREAM_SOURCE_DIR=${SOURCE_DIR}" "-DCMAKE_UNITY_BUILD=ON")
# Our tests, examples and install rules are not the business of who adds us.
file(GLOB unwanted "${WORK_DIR}/build/echostream/tests/*" "${WORK_DIR}/build/echostream/examples/*")
if(unwanted)
  message(FATAL_ERROR "a project that adds us got our tests or examples: ${unwanted}")
endif()
file(REMOVE_RECURSE "${WORK_DIR}")
