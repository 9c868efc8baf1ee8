# SPDX-License-Identifier: Apache-2.0
#
# Builds the bzImage of a complete kernel configuration.
#
#   busybox sh build_kernel.sh CONFIG OUTPUT
#
# Environment: KERNEL_TOOLS, the path of kernel_tools.sh, and what that wants.
set -eu
. "$KERNEL_TOOLS"

make_image() {
    kernel_make -j"$(nproc)" bzImage
}

# Bazel takes an action for one processor's work; this one has a process on each,
# and lets the others go first.
renice -n 5 -p $$ >"$work/log"

cp "$1" "$objects/.config"
chmod u+w "$objects/.config"
run_quietly make_image
cp "$objects/arch/x86/boot/bzImage" "$2"
