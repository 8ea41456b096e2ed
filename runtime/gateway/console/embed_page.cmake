# Writes the files of a page into a source: cmake -D PAGE=<folder> -D OUT=<file.cc> -P embed_page.cmake
set(types_html "text/html; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_svg "image/svg+xml")

file(GLOB_RECURSE files RELATIVE "${PAGE}" "${PAGE}/*.html" "${PAGE}/*.css" "${PAGE}/*.js" "${PAGE}/*.svg")
list(SORT files)
set(contents "")
set(table "")
set(count 0)
foreach(file IN LISTS files)
  file(READ "${PAGE}/${file}" text)
  if(text MATCHES "\\)~page\"")
    message(FATAL_ERROR "${file} holds what ends a string of the source that is made of it: )~page\"")
  endif()
  file(SHA256 "${PAGE}/${file}" hash)
  string(SUBSTRING "${hash}" 0 16 hash)
  string(REGEX REPLACE "^.*\\." "" ending "${file}")
  string(APPEND contents "constexpr char kFile${count}[] = R\"~page(${text})~page\";\n")
  set(paths "/${file}")
  if(file STREQUAL "index.html")
    set(paths "/")
  elseif(file STREQUAL "favicon.svg")
    list(APPEND paths "/favicon.ico")  # asked for by browsers that look for no link
  endif()
  foreach(path IN LISTS paths)
    set(row "    {\"${path}\", \"${types_${ending}}\", \"\\\"${hash}\\\"\", {kFile${count}, sizeof kFile${count} - 1}},\n")
    if(path STREQUAL "/")
      string(PREPEND table "${row}")
    else()
      string(APPEND table "${row}")
    endif()
  endforeach()
  math(EXPR count "${count} + 1")
endforeach()

string(CONCAT source
  "// Made by embed_page.cmake. DO NOT EDIT.\n"
  "#include \"runtime/gateway/console/console_pages.h\"\n\n"
  "namespace echostream::gateway {\nnamespace {\n\n"
  "${contents}\n"
  "constexpr ConsoleFile kFiles[] = {\n${table}};\n\n"
  "}  // namespace\n\n"
  "std::span<const ConsoleFile> console_files() { return kFiles; }\n\n"
  "}  // namespace echostream::gateway\n")
file(WRITE "${OUT}.new" "${source}")
file(COPY_FILE "${OUT}.new" "${OUT}" ONLY_IF_DIFFERENT)
file(REMOVE "${OUT}.new")
