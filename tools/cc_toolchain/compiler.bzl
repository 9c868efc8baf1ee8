# SPDX-License-Identifier: Apache-2.0
"""The repository @debian_compiler: clang from its packages, made runnable."""

load("//third_party/debian:repositories.bzl", "TREE_ATTRS", "unpack_tree", "write_launchers")

_LOADER = "tree/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
_LIBRARIES = "tree/usr/lib/x86_64-linux-gnu"
_CLANG = "tree/usr/lib/llvm-19/bin/clang"

def _compile_launcher(rctx, sysroot, source):
    """Compiles //tools/launcher with the unpacked clang itself.

    Every path is relative, so that the launcher has the same bytes wherever it
    is built: it is an input of every action.
    """
    rctx.file("launcher.c", rctx.read(source), executable = False)
    rctx.symlink(sysroot, "sysroot")
    result = rctx.execute([
        _LOADER,
        "--inhibit-cache",
        "--library-path",
        _LIBRARIES,
        _CLANG,
        "-no-canonical-prefixes",
        "-resource-dir=tree/usr/lib/llvm-19/lib/clang/19",
        "--target=x86_64-linux-gnu",
        "--sysroot=sysroot",
        "--gcc-install-dir=sysroot/usr/lib/gcc/x86_64-linux-gnu/14",
        "-std=gnu17",
        "-Os",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-c",
        "launcher.c",
        "-o",
        "launcher.o",
    ], environment = {"PATH": ""})
    if result.return_code:
        fail("compiling the launcher: " + result.stderr)
    startup = "sysroot/usr/lib/x86_64-linux-gnu/"
    gcc = "sysroot/usr/lib/gcc/x86_64-linux-gnu/14/"
    result = rctx.execute([
        _LOADER,
        "--inhibit-cache",
        "--argv0",
        "ld.lld",
        "--library-path",
        _LIBRARIES,
        "tree/usr/lib/llvm-19/bin/lld",
        "-static",
        "--strip-all",
        "--gc-sections",
        "-o",
        "launcher",
        startup + "crt1.o",
        startup + "crti.o",
        gcc + "crtbeginT.o",
        "launcher.o",
        "--start-group",
        startup + "libc.a",
        gcc + "libgcc.a",
        gcc + "libgcc_eh.a",
        "--end-group",
        gcc + "crtend.o",
        startup + "crtn.o",
    ], environment = {"PATH": ""})
    if result.return_code:
        fail("linking the launcher: " + result.stderr)
    rctx.delete("sysroot")
    rctx.delete("launcher.c")
    rctx.delete("launcher.o")

def _debian_compiler_impl(rctx):
    # Labels first: Bazel starts a rule over when it must fetch what they name.
    sysroot = rctx.path(rctx.attr.sysroot).dirname.get_child("tree")
    source = rctx.path(rctx.attr.launcher_source)
    build_file = rctx.read(rctx.attr.build_file)
    unpack_tree(rctx)
    _compile_launcher(rctx, sysroot, source)
    write_launchers(rctx, rctx.path("launcher"), rctx.attr.programs)
    rctx.delete("launcher")
    rctx.file("BUILD.bazel", build_file, executable = False)

debian_compiler = repository_rule(
    implementation = _debian_compiler_impl,
    attrs = dict(
        TREE_ATTRS,
        launcher_source = attr.label(mandatory = True, allow_single_file = True),
        sysroot = attr.label(mandatory = True, doc = "The sysroot repository's BUILD file."),
    ),
    doc = "clang, lld and the LLVM tools in tree/, their launchers in bin/.",
)
