#!/bin/sh
# Checks that clang-format would change nothing in our own .cc and .h files.
#   tools/check_format.sh [<source root>]      with CLANG_FORMAT=<program> to choose another one
# Mend with: tools/check_format.sh --fix
set -eu

here=$(cd "$(dirname "$0")" && pwd)
mode="--dry-run -Werror"
if [ "${1:-}" = --fix ]; then
  mode=-i
  shift
fi
root=${1:-$here/..}
cd "$root"
clang_format=${CLANG_FORMAT:-clang-format}
if ! command -v "$clang_format" >/dev/null; then
  echo "check_format: $clang_format is not installed; on Debian, install clang-format" >&2
  exit 2
fi

files=$(PYTHONPATH="$here" python3 -c "import source_files; print('\n'.join(source_files.source_files('.')))")
if [ -z "$files" ]; then
  echo "check_format: no source file below $root" >&2
  exit 2
fi
# shellcheck disable=SC2086  # no path of ours holds a space
if ! "$clang_format" $mode --style=file $files; then
  echo "check_format: run tools/check_format.sh --fix" >&2
  exit 1
fi
echo "check_format: $(echo "$files" | wc -l) files are formatted"
