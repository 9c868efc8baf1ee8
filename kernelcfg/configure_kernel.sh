# SPDX-License-Identifier: Apache-2.0
#
# Makes a complete kernel configuration: fragments laid over tinyconfig, then
# completed by olddefconfig.
#
#   busybox sh configure_kernel.sh require OUTPUT FRAGMENT...
#       fails, naming them, when fragments disagree or a requested option did
#       not survive
#   busybox sh configure_kernel.sh try OUTPUT FRAGMENT...
#       succeeds either way; OUTPUT has the exit code and the messages instead
#
# Environment: KERNEL_TOOLS, the path of kernel_tools.sh, and what that wants;
# CONFIG_TOOL, the program //kernelcfg/config_tool.
set -eu
. "$KERNEL_TOOLS"
config_tool=$(absolute "$CONFIG_TOOL")

# Leaves the configuration in $objects/.config.
configure() {
    kernel_make tinyconfig
    "$config_tool" merge --base="$objects/.config" --output="$work/merged.config" "$@"
    mv "$work/merged.config" "$objects/.config"
    kernel_make olddefconfig
    "$config_tool" check --config="$objects/.config" "$@"
}

mode=$1
output=$2
shift 2
case "$mode" in
require)
    run_quietly configure "$@"
    cp "$objects/.config" "$output"
    ;;
try)
    run_step configure "$@"
    { echo "exit code $code" && cat "$work/log"; } >"$output"
    ;;
esac
