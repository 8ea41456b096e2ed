# Where a dependency is missing, find_package says which, and what to install.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")

install_and_move()
# pkg-config that finds nothing: libuv and ngtcp2 are "not installed".
set(ENV{PKG_CONFIG_LIBDIR} "${WORK_DIR}/nothing")
set(ENV{PKG_CONFIG_PATH} "")
configure("${CONSUMER_DIR}" passed output "-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix")
if(passed)
  message(FATAL_ERROR "configuring passed without libuv and ngtcp2:\n${output}")
endif()
foreach(expected "libngtcp2-dev" "libuv1-dev")
  if(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "the error does not name ${expected}:\n${output}")
  endif()
endforeach()
file(REMOVE_RECURSE "${WORK_DIR}")
