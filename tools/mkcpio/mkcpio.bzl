# SPDX-License-Identifier: Apache-2.0
"""mkcpio: a cpio archive from a readable spec."""

def _mkcpio_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name)
    arguments = ctx.actions.args()
    arguments.add(ctx.file.spec, format = "--spec=%s")
    arguments.add(output, format = "--output=%s")
    arguments.add(ctx.attr.zstd_level, format = "--zstd_level=%s")
    inputs = [ctx.file.spec]
    for target, source in ctx.attr.sources.items():
        files = target.files.to_list()
        if len(files) != 1:
            fail("%s stands for %d files; a source of the spec is one" % (target.label, len(files)))
        arguments.add(files[0], format = source + "=%s")
        inputs.append(files[0])
    ctx.actions.run(
        arguments = [arguments],
        executable = ctx.executable._tool,
        inputs = inputs,
        mnemonic = "MkCpio",
        outputs = [output],
        progress_message = "Packing " + ctx.label.name,
    )
    return [DefaultInfo(files = depset([output]))]

mkcpio = rule(
    implementation = _mkcpio_impl,
    attrs = {
        "sources": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "The file that each source name of the spec stands for: label -> name.",
        ),
        "spec": attr.label(
            allow_single_file = True,
            doc = "What goes into the archive; tools/mkcpio/spec.h has the grammar.",
            mandatory = True,
        ),
        "zstd_level": attr.int(doc = "0: not compressed."),
        "_tool": attr.label(
            # The machine that builds is one that could boot the image; a
            # configuration of its own would compile the libraries again.
            cfg = "target",
            default = "//tools/mkcpio",
            executable = True,
        ),
    },
    doc = "A cpio archive in the newc format, optionally compressed with zstd.",
)
