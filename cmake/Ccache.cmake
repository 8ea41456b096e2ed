# Compiles through ccache where it is installed, unless the user chose a launcher (an empty one included).
if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(ECHOSTREAM_CCACHE ccache)
  mark_as_advanced(ECHOSTREAM_CCACHE)
  if(ECHOSTREAM_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${ECHOSTREAM_CCACHE}")
  endif()
endif()
