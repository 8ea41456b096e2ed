# Where avahi's library is missing: who asks for the component is told, and our own build does without it, or stops where
# it was told not to.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")

install_and_move()
hide_from_pkg_config(avahi-client)
if(COMPONENTS MATCHES "discovery")
  configure("${CONSUMER_DIR}" passed output "-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix" -DCONSUMER_COMPONENTS=discovery)
  if(passed OR NOT output MATCHES "avahi-client>=0.8: .* install libavahi-client-dev")
    message(FATAL_ERROR "the error does not name what is missing:\n${output}")
  endif()
endif()
# The component is not a need of the rest.
configure("${CONSUMER_DIR}" passed output "-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix")
if(NOT passed)
  message(FATAL_ERROR "a project that does not ask for discovery cannot do without avahi:\n${output}")
endif()

set(left_out "discovery is left out: .* install libavahi-client-dev")
configure("${SOURCE_DIR}" passed output)
if(NOT passed OR NOT output MATCHES "${left_out}")
  message(FATAL_ERROR "a build without avahi does not work, or does not say so:\n${output}")
endif()
configure("${SOURCE_DIR}" passed output -DECHOSTREAM_DISCOVERY=TRUE)  # as good as ON
if(passed OR NOT output MATCHES "${left_out}")
  message(FATAL_ERROR "a build that must have discovery passed without avahi, or does not say why not:\n${output}")
endif()
configure("${SOURCE_DIR}" passed output -DECHOSTREAM_DISCOVERY=OFF)
if(NOT passed OR NOT output MATCHES "discovery is left out: ECHOSTREAM_DISCOVERY is OFF")
  message(FATAL_ERROR "a build that shall not have discovery does not work, or does not say so:\n${output}")
endif()
file(REMOVE_RECURSE "${WORK_DIR}")
