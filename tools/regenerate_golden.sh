#!/bin/sh
# Writes the expected files of tests/golden anew with the plugin of a build folder.
#   tools/regenerate_golden.sh <build folder>
# Then read `git diff tests/golden`: it is what users will see change.
set -eu

if [ $# -ne 1 ] || [ ! -d "$1" ]; then
  echo "usage: $0 <build folder>" >&2
  exit 2
fi

cmake --build "$1" --target golden_test protoc-gen-echostream
ECHOSTREAM_REGENERATE_GOLDEN=1 "$1/tests/golden/golden_test" --gtest_brief=1
