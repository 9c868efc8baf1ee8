# SPDX-License-Identifier: Apache-2.0
"""Root trees as tar archives: `mkroot`, the rule of //tools/mkroot."""

def _pairs(targets):
    files = []
    pairs = []
    for target, path in targets.items():
        inputs = target.files.to_list()
        if len(inputs) != 1:
            fail("%s must be one file to become %s" % (target.label, path))
        files.append(inputs[0])
        pairs.append("%s=%s" % (path, inputs[0].path))
    return files, ",".join(pairs)

def _mkroot_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name + ".tar")
    files, file_pairs = _pairs(ctx.attr.files)
    programs, program_pairs = _pairs(ctx.attr.programs)
    arguments = ctx.actions.args()
    arguments.add("--output=" + output.path)
    arguments.add("--manifests=" + ",".join([file.path for file in ctx.files.manifests]))
    arguments.add("--files=" + file_pairs)
    arguments.add("--programs=" + program_pairs)
    if ctx.file.base:
        arguments.add("--base=" + ctx.file.base.path)
    arguments.add_all(ctx.files.packages)
    ctx.actions.run(
        executable = ctx.executable._mkroot,
        arguments = [arguments],
        inputs = ctx.files.packages + ctx.files.manifests + ctx.files.base + files + programs,
        outputs = [output],
        mnemonic = "MakeRoot",
        progress_message = "Making root tree %s" % ctx.label,
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(files = [output]),
    )]

_mkroot = rule(
    implementation = _mkroot_impl,
    attrs = {
        "base": attr.label(allow_single_file = [".tar"]),
        "files": attr.label_keyed_string_dict(allow_files = True),
        "manifests": attr.label_list(allow_files = [".manifest"]),
        "packages": attr.label_list(allow_files = [".deb"]),
        "programs": attr.label_keyed_string_dict(allow_files = True),
        "_mkroot": attr.label(
            # Built for the machine that builds: a configuration of its own
            # would compile the libraries a second time.
            cfg = "target",
            default = "//tools/mkroot",
            executable = True,
        ),
    },
)

def mkroot(name, base = None, packages = [], manifests = [], files = {}, programs = {}, **kwargs):
    """Makes NAME.tar, a root tree, from packages or from another root tree.

    Args:
      name: the target; its output is NAME.tar.
      base: the archive to start from; then `packages` must be empty.
      packages: Debian packages (.deb), merged without running their scripts.
      manifests: what to add and to change, see manifest.h; they see `files`.
      files: {"/path/in/the/tree": label}, owned by root, mode 0644.
      programs: the same with mode 0755.
      **kwargs: common attributes.
    """

    # Bazel's attributes map labels to strings and not the other way round.
    _mkroot(
        name = name,
        base = base,
        files = {label: path for path, label in files.items()},
        manifests = manifests,
        packages = packages,
        programs = {label: path for path, label in programs.items()},
        **kwargs
    )
