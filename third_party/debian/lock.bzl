# SPDX-License-Identifier: Apache-2.0
"""Makes lock.json loadable: `load("@debian_lock//:pins.bzl", "BINARIES", "SOURCES")`.

Each repository is then given only the pins of its own set, so that renewing one
set does not fetch the others again.
"""

def _pin(entry):
    return "%s %s" % (entry["sha256"], entry["path"])

def _debian_lock_impl(rctx):
    lock = json.decode(rctx.read(rctx.attr.lock))
    binaries = {
        name: [_pin(entry) for entry in entries]
        for name, entries in lock["binaries"].items()
    }
    sources = {name: _pin(entry) for name, entry in lock["sources"].items()}
    rctx.file("pins.bzl", "BINARIES = %r\n\nSOURCES = %r\n" % (binaries, sources), executable = False)
    rctx.file("BUILD.bazel", "", executable = False)

debian_lock = repository_rule(
    implementation = _debian_lock_impl,
    attrs = {"lock": attr.label(mandatory = True, allow_single_file = True)},
    doc = "The pins of lock.json as Starlark values.",
)
