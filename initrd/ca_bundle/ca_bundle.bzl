# SPDX-License-Identifier: Apache-2.0
"""ca_bundle: certificate authorities of a package joined into one PEM file."""

def _ca_bundle_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name + ".pem")
    arguments = ctx.actions.args()
    arguments.add("--certificates=%s/%s" % (ctx.file.tree.path, ctx.attr.path))
    arguments.add(output, format = "--output=%s")
    ctx.actions.run(
        arguments = [arguments],
        executable = ctx.executable._tool,
        inputs = [ctx.file.tree],
        mnemonic = "CaBundle",
        outputs = [output],
        progress_message = "Joining " + output.short_path,
    )
    return [DefaultInfo(files = depset([output]))]

ca_bundle = rule(
    implementation = _ca_bundle_impl,
    attrs = {
        "path": attr.string(
            default = "usr/share/ca-certificates/mozilla",
            doc = "The folder of *.crt files inside the tree.",
        ),
        "tree": attr.label(
            allow_single_file = True,
            default = "@debian_ca_certificates//:tree",
            doc = "The unpacked package.",
        ),
        "_tool": attr.label(
            # The machine that builds is one that could boot the image; a
            # configuration of its own would compile the libraries again.
            cfg = "target",
            default = "//initrd/ca_bundle",
            executable = True,
        ),
    },
    doc = "NAME.pem: every certificate of the folder.",
)
