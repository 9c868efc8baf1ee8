# SPDX-License-Identifier: Apache-2.0
"""@debian_mirrors//:mirrors.txt: the mirrors that packages are fetched from.

For programs that fetch, so that how mirrors are found is written once.
"""

load(":archive.bzl", "MIRRORS_VARIABLE", "debian_mirrors")

def _debian_mirror_list_impl(rctx):
    rctx.file("mirrors.txt", "\n".join(debian_mirrors(rctx)) + "\n", executable = False)
    rctx.file("BUILD.bazel", "exports_files([\"mirrors.txt\"])\n", executable = False)

debian_mirror_list = repository_rule(
    implementation = _debian_mirror_list_impl,
    environ = [MIRRORS_VARIABLE],
    # It follows what is on the machine.
    local = True,
)
