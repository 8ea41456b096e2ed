# ECHOSTREAM_SANITIZE=address;undefined or thread, for every target of this build.
if(ECHOSTREAM_SANITIZE)
  list(JOIN ECHOSTREAM_SANITIZE "," names)
  set(ECHOSTREAM_SANITIZE_OPTIONS -fsanitize=${names} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(names MATCHES undefined AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # clang 14 cannot emit this check's prologue for coroutines ("difference across sections").
    list(APPEND ECHOSTREAM_SANITIZE_OPTIONS -fno-sanitize=function)
  endif()
  add_compile_options(${ECHOSTREAM_SANITIZE_OPTIONS})
  add_link_options(-fsanitize=${names})
endif()
