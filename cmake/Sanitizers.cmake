# ECHOSTREAM_SANITIZE=address;undefined or thread, for every target of this build.
if(ECHOSTREAM_SANITIZE)
  list(JOIN ECHOSTREAM_SANITIZE "," names)
  add_compile_options(-fsanitize=${names} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(names MATCHES undefined AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # clang 14 cannot emit this check's prologue for coroutines ("difference across sections").
    add_compile_options(-fno-sanitize=function)
  endif()
  add_link_options(-fsanitize=${names})
endif()
