#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Starts a test that is linked with a sanitizer's run-time. Such a program
# cannot be static, and the machine's own C library may be older than the one
# that it was linked with: it gets that one.

set -eu

libraries=$TEST_SRCDIR/debian_sysroot/tree/usr/lib/x86_64-linux-gnu
exec "$libraries/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$libraries" "$@"
