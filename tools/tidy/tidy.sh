#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Lints C++ of the checkout with the pinned clang-tidy and .clang-tidy:
#
#   ./bazelw run //tools/tidy                        everything: slow
#   ./bazelw run //tools/tidy -- driveroot/volume    what lies below a folder

set -eu

clang_tidy=$PWD/$1
flags=$PWD/$2
shift 2
runfiles=$PWD
resources=$runfiles/external/debian_compiler/tree/usr/lib/llvm-19/lib/clang/19
sysroot=$runfiles/external/debian_sysroot/tree
cd "$BUILD_WORKSPACE_DIRECTORY"

if [ $# -eq 0 ]; then
    set -- driveroot initrd rootfs third_party tools vmtest
fi
sources=$(mktemp)
trap 'rm -f "$sources"' EXIT
git ls-files -z --cached --others --exclude-standard -- "$@" | grep -z '\.cc$' >"$sources"

# The paths among the flags start at the runfiles.
set --
while read -r flag; do
    case "$flag" in
    external/* | third_party/*) flag=$runfiles/$flag ;;
    esac
    set -- "$@" "$flag"
done <"$flags"

xargs -0 -P "$(nproc)" -I '{}' "$clang_tidy" --quiet '{}' -- \
    -std=c++23 --target=x86_64-linux-gnu "-resource-dir=$resources" \
    "--sysroot=$sysroot" "--gcc-install-dir=$sysroot/usr/lib/gcc/x86_64-linux-gnu/14" \
    -DFUSE_USE_VERSION=317 -I. "$@" <"$sources"
