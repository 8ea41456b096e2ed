# What is made by running the program once it is built: completion for shells, and the manual page where help2man is
# there. Left out when it cannot run here.
if(CMAKE_CROSSCOMPILING)
  return()
endif()
set(made "${CMAKE_CURRENT_BINARY_DIR}/made")
file(MAKE_DIRECTORY "${made}")
set(manual "")
foreach(shell IN ITEMS bash zsh fish)
  add_custom_command(
    OUTPUT "${made}/echostream.${shell}"
    COMMAND echostream_program completion ${shell} > "${made}/echostream.${shell}"
    DEPENDS echostream_program
    VERBATIM)
  list(APPEND manual "${made}/echostream.${shell}")
endforeach()
set(share "${CMAKE_INSTALL_DATADIR}")
install(FILES "${made}/echostream.bash" DESTINATION "${share}/bash-completion/completions" RENAME echostream)
install(FILES "${made}/echostream.zsh" DESTINATION "${share}/zsh/site-functions" RENAME _echostream)
install(FILES "${made}/echostream.fish" DESTINATION "${share}/fish/vendor_completions.d")

find_program(ECHOSTREAM_HELP2MAN help2man)
mark_as_advanced(ECHOSTREAM_HELP2MAN)
if(ECHOSTREAM_HELP2MAN)
  add_custom_command(
    OUTPUT "${made}/echostream.1"
    COMMAND "${ECHOSTREAM_HELP2MAN}" --no-info --output=${made}/echostream.1
      --help-option=--help-all "--name=looks at nodes of EchoStream, and talks to them" "$<TARGET_FILE:echostream_program>"
    DEPENDS echostream_program
    VERBATIM)
  list(APPEND manual "${made}/echostream.1")
  install(FILES "${made}/echostream.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
endif()
add_custom_target(echostream_manual ALL DEPENDS ${manual})
