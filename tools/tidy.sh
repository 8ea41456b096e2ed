#!/bin/sh
# Runs clang-tidy with our .clang-tidy over the sources of a build folder, or only over the files given.
#   tools/tidy.sh <build folder> [<file> ...]      with CLANG_TIDY=<program> to choose another one
set -eu

if [ $# -lt 1 ] || [ ! -f "$1/compile_commands.json" ]; then
  echo "usage: $0 <build folder with compile_commands.json> [<file> ...]" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
build=$1
shift
cd "$here/.."
if [ $# -eq 0 ]; then
  # Only what this build compiles; the rest has no command to be parsed with.
  files=$(PYTHONPATH="$here" python3 - "$build" <<'PYTHON'
import json, os, sys, source_files
with open(os.path.join(sys.argv[1], "compile_commands.json"), encoding="utf-8") as file:
    compiled = {os.path.realpath(os.path.join(c["directory"], c["file"])) for c in json.load(file)}
for path in source_files.source_files("."):
    if os.path.realpath(path) in compiled:
        print(path)
PYTHON
)
  # shellcheck disable=SC2086  # no path of ours holds a space
  set -- $files
fi
if [ $# -eq 0 ]; then
  echo "tidy: $build compiles none of our sources" >&2
  exit 2
fi
# xargs fails when one of them does. The build may be one of g++, whose warning options clang does not know.
printf '%s\n' "$@" | xargs -P 2 -n 4 "${CLANG_TIDY:-clang-tidy}" -p "$build" --quiet \
  --extra-arg=-Wno-unknown-warning-option
