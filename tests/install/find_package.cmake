# find_package(EchoStream) in a prefix that was moved after it was installed.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")

install_and_move()
expect_no_paths_of_ours()
expect_manual()
build_consumer("-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix" "-DCONSUMER_COMPONENTS=${COMPONENTS}")
file(REMOVE_RECURSE "${WORK_DIR}")
