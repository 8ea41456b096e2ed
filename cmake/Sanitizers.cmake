# ECHOSTREAM_SANITIZE=address;undefined or thread, for every target of this build.
if(ECHOSTREAM_SANITIZE)
  list(JOIN ECHOSTREAM_SANITIZE "," names)
  add_compile_options(-fsanitize=${names} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${names})
endif()
