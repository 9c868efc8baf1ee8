# SPDX-License-Identifier: Apache-2.0
#
# Prepares a scratch folder in which the kernel's own build runs with pinned
# tools alone. Sourced by the other scripts, which the busybox of the build tools
# interprets: none has an interpreter line.
#
# The environment names the inputs: the folders COMPILER_BIN and TOOLS_BIN with
# launchers; SYSROOT_TREE, TOOLS_TREE and KERNEL_SOURCE with files.
#
# PATH leads to those launchers and to busybox's applets and nowhere else. What
# remains of the machine is /bin/sh, which popen() in the kernel's `conf` and the
# first lines of its scripts start by that name; what such a shell runs in turn
# is found through PATH again.

absolute() {
    case "$1" in
    /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
    esac
}

make_scratch_folder() {
    "$busybox" mkdir -p "$work/applets" "$objects"
    for applet in $("$busybox" --list); do
        "$busybox" ln -s "$busybox" "$work/applets/$applet"
    done

    # Options in a configuration file are exempt from the warnings of unused
    # ones, which the kernel's build makes errors.
    cat >"$work/clang.cfg" <<EOF
--sysroot=$sysroot
--gcc-install-dir=$sysroot/usr/lib/gcc/x86_64-linux-gnu/14
-fuse-ld=lld
EOF
}

# The kernel's make. What it builds for its own use is linked with the pinned C
# library and, objtool, libelf; those programs hold paths of this run and none of
# them leaves it.
kernel_make() {
    compiler="clang --config=$work/clang.cfg"
    make --silent -C "$source" O="$objects" ARCH=x86 LLVM=1 LLVM_IAS=1 \
        CC="$compiler" HOSTCC="$compiler" AWK=mawk \
        SHELL="$work/applets/sh" CONFIG_SHELL="$work/applets/sh" \
        HOSTLDFLAGS="-Wl,-rpath,$libraries -Wl,--dynamic-linker,$libraries/ld-linux-x86-64.so.2" \
        LIBELF_FLAGS="-I$tools/usr/include" LIBELF_LIBS="-L$libraries -lelf" \
        "$@"
}

# Runs a function with its messages in $work/log, and sets `code` to its exit
# code. A subshell outside of any condition: in one `set -e` has no effect.
run_step() {
    set +e
    (
        set -e
        "$@"
    ) >"$work/log" 2>&1
    code=$?
    set -e
}

# Runs a function whose messages matter only if it fails: the kernel's build
# warns of much that is as it should be.
run_quietly() {
    run_step "$@"
    if [ "$code" -ne 0 ]; then
        cat "$work/log" >&2
        exit "$code"
    fi
}

tools_bin=$(absolute "$TOOLS_BIN")
tools=$(absolute "$TOOLS_TREE")
sysroot=$(absolute "$SYSROOT_TREE")
source=$(absolute "$KERNEL_SOURCE")
busybox=$tools/usr/bin/busybox
libraries=$tools/usr/lib/x86_64-linux-gnu
work=$PWD/kernel_build.$$
objects=$work/objects
trap '"$busybox" rm -rf "$work"' EXIT
make_scratch_folder

export PATH="$tools_bin:$(absolute "$COMPILER_BIN"):$work/applets"
export M4="$tools_bin/m4" BISON_PKGDATADIR="$tools/usr/share/bison"
export LC_ALL=C TZ=UTC TMPDIR="$work" HOME="$work"

# Who built it, when and where would otherwise become part of the kernel. The
# date is what `uname -v` shows, in a form that busybox's date can read.
export KBUILD_BUILD_USER=driveroot KBUILD_BUILD_HOST=driveroot KBUILD_BUILD_VERSION=1
export KBUILD_BUILD_TIMESTAMP='2025-01-01 00:00:00'
