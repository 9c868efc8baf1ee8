#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Formats all C and C++ of the checkout with the pinned clang-format:
#
#   ./bazelw run //tools/format              changes the files
#   ./bazelw run //tools/format -- --check   changes none; fails if it would

set -eu

clang_format=$PWD/$1
mode=${2:-}
cd "$BUILD_WORKSPACE_DIRECTORY"

# Also files that are not committed yet, but not what .gitignore names.
files() {
    git ls-files -z --cached --others --exclude-standard '*.c' '*.cc' '*.h'
}

case "$mode" in
"")
    files | xargs -0 "$clang_format" -i
    ;;
--check)
    if ! files | xargs -0 "$clang_format" --dry-run --Werror; then
        echo "format: the files above are not formatted; this formats them: ./bazelw run //tools/format" >&2
        exit 1
    fi
    ;;
*)
    echo "format: unknown argument $mode; there is only --check" >&2
    exit 2
    ;;
esac
