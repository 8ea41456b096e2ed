# `cmake --build <build> --target tidy`: clang-tidy, with the checks of .clang-tidy, over all that this build
# compiles from our own sources.
if(PROJECT_IS_TOP_LEVEL AND CMAKE_EXPORT_COMPILE_COMMANDS)
  add_custom_target(tidy
    COMMAND "${PROJECT_SOURCE_DIR}/tools/tidy.sh" "${PROJECT_BINARY_DIR}"
    COMMENT "Running clang-tidy"
    USES_TERMINAL
    VERBATIM)
endif()
