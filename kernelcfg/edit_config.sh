# SPDX-License-Identifier: Apache-2.0
#
# Lets a person edit a copy of a complete kernel configuration in the kernel's
# menus, and prints what was changed as the lines of a fragment.
#
#   busybox sh edit_config.sh CONFIG
#
# Environment: KERNEL_TOOLS, the path of kernel_tools.sh, and what that wants;
# CONFIG_TOOL, the program //kernelcfg/config_tool.
set -eu
. "$KERNEL_TOOLS"
config_tool=$(absolute "$CONFIG_TOOL")

# The menus ask pkg-config for a curses library; this names the pinned one.
cat >"$work/applets/pkg-config" <<EOF
#!$busybox sh
case "\$1" in
--cflags) echo "-D_GNU_SOURCE -I$tools/usr/include" ;;
--libs) echo "$libraries/libncursesw.a $libraries/libtinfo.a" ;;
esac
EOF
chmod +x "$work/applets/pkg-config"

cp "$1" "$objects/.config"
chmod u+w "$objects/.config"
cp "$objects/.config" "$work/before.config"
kernel_make menuconfig
echo
echo "What was changed, as lines for a file in kernelcfg/fragments:"
"$config_tool" difference "$work/before.config" "$objects/.config"
