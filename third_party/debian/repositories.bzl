# SPDX-License-Identifier: Apache-2.0
"""Repository rules for what the lock pins: unpacked sets, package files, sources."""

load(":archive.bzl", "download_pinned", "unpack_package")

# Folders of every set that may hold links to what is in no package of the set.
_LINK_FOLDERS = [
    "etc",
    "usr/bin",
    "usr/lib",
    "usr/lib/x86_64-linux-gnu",
    "usr/sbin",
]

def write_launchers(rctx, launcher, programs):
    """Puts one executable per program into bin/, which starts it from tree/.

    Args:
      rctx: the repository context.
      launcher: path of the compiled //tools/launcher.
      programs: names of programs in tree/.
    """

    # A copy and not a link to the launcher's repository: the launcher finds
    # the tree from where it lies itself.
    rctx.file("bin/launcher", rctx.read(launcher), executable = True, legacy_utf8 = False)
    for program in programs:
        rctx.symlink("bin/launcher", "bin/" + program)

def _remove_foreign_links(rctx):
    """Removes symlinks that dangle or that lead out of the tree.

    The latter would let the machine's files in; Bazel refuses the former in a
    folder that is an input.
    """
    inside = str(rctx.path("tree").realpath) + "/"
    for folder in _LINK_FOLDERS + rctx.attr.link_folders:
        folder = rctx.path("tree/" + folder)
        if not folder.exists:
            continue
        for entry in folder.readdir():
            if not entry.exists or not str(entry.realpath).startswith(inside):
                rctx.delete(entry)

def unpack_tree(rctx):
    """Unpacks the pinned packages of rctx.attr into tree/."""
    for pin in rctx.attr.pins:
        unpack_package(rctx, pin, "tree")
    for link, target in rctx.attr.links.items():
        rctx.symlink("tree/" + target, "tree/" + link)
    for path in rctx.attr.remove:
        rctx.delete("tree/" + path)
    _remove_foreign_links(rctx)

TREE_ATTRS = {
    "build_file": attr.label(mandatory = True, allow_single_file = True),
    "link_folders": attr.string_list(
        doc = "More folders of the tree with links into packages that are not in the set.",
    ),
    "links": attr.string_dict(doc = "Symlinks to make in the tree: link -> target, both from its top."),
    "pins": attr.string_list(mandatory = True),
    "programs": attr.string_list(doc = "Programs of the tree that get a launcher in bin/."),
    "remove": attr.string_list(doc = "Paths of the tree that nothing here needs."),
}

def _debian_tree_impl(rctx):
    build_file = rctx.read(rctx.attr.build_file)
    unpack_tree(rctx)
    if rctx.attr.programs:
        write_launchers(rctx, rctx.path(Label("@debian_compiler//:bin/launcher")), rctx.attr.programs)
    rctx.file("BUILD.bazel", build_file, executable = False)

debian_tree = repository_rule(
    implementation = _debian_tree_impl,
    attrs = TREE_ATTRS,
    doc = "Binary packages unpacked over each other into tree/.",
)

def _debian_packages_impl(rctx):
    files = []
    for pin in rctx.attr.pins:
        name = pin.split("/")[-1]
        download_pinned(rctx, pin, name)
        files.append(name)
    rctx.file("BUILD.bazel", """\
# The package files, in the order of the lock.
filegroup(
    name = "packages",
    srcs = %r,
    visibility = ["//visibility:public"],
)
""" % files, executable = False)

debian_packages = repository_rule(
    implementation = _debian_packages_impl,
    attrs = {"pins": attr.string_list(mandatory = True)},
    doc = "Binary packages as they are: @NAME//:packages.",
)

def _edit(rctx, file, old, new):
    text = rctx.read(file)
    if old not in text:
        fail("%s of @%s has no %r to edit" % (file, rctx.name, old))
    rctx.file(file, text.replace(old, new), executable = False, legacy_utf8 = False)

def _upstream_version(pin):
    """1.3.1 for .../zlib_1.3.dfsg+really1.3.1.orig.tar.gz."""
    version = pin.split("/")[-1].split("_")[1].split(".orig.tar")[0]
    return version.split("really")[-1].split("+dfsg")[0]

def _debian_source_impl(rctx):
    build_file = rctx.read(rctx.attr.build_file)
    archive = "source.tar." + rctx.attr.pin.split(".tar.")[-1]
    download_pinned(rctx, rctx.attr.pin, archive)
    rctx.extract(
        archive,
        output = rctx.attr.output,
        stripPrefix = rctx.attr.strip_prefix.replace("{version}", _upstream_version(rctx.attr.pin)),
    )
    rctx.delete(archive)
    for key, new in rctx.attr.edits.items():
        file, old = key.split("|", 1)
        _edit(rctx, file, old, new)
    for file in rctx.attr.remove:
        rctx.delete(file)
    rctx.file("BUILD.bazel", build_file, executable = False)
    rctx.file("WORKSPACE", "workspace(name = %r)\n" % rctx.name, executable = False)

debian_source = repository_rule(
    implementation = _debian_source_impl,
    attrs = {
        "build_file": attr.label(mandatory = True, allow_single_file = True),
        "edits": attr.string_dict(doc = "\"FILE|OLD TEXT\" -> new text, for what does not compile as it is."),
        "output": attr.string(doc = "Folder to unpack into; default: the repository's top."),
        "pin": attr.string(mandatory = True),
        "remove": attr.string_list(doc = "Files to delete, such as the project's own BUILD files."),
        "strip_prefix": attr.string(
            mandatory = True,
            doc = "The tarball's top folder; {version} stands for the upstream version.",
        ),
    },
    doc = "The upstream tarball of a source package, unpacked, with a BUILD file of ours.",
)

def _debian_ca_certificates_impl(rctx):
    build_file = rctx.read(rctx.attr.build_file)
    unpack_tree(rctx)

    # Done here because some of the files have names that no label can have.
    files = rctx.path("tree/usr/share/ca-certificates/mozilla").readdir()
    certificates = [rctx.read(file) for file in sorted(files, key = str)]
    rctx.file("bundle.crt", "".join(certificates), executable = False, legacy_utf8 = False)
    rctx.file("BUILD.bazel", build_file, executable = False)

debian_ca_certificates = repository_rule(
    implementation = _debian_ca_certificates_impl,
    attrs = TREE_ATTRS,
    doc = "The trusted certificate authorities: @NAME//:bundle.crt.",
)
