# SPDX-License-Identifier: Apache-2.0
"""Fills in a library's header template, as its own configure step would."""

def _expand_template_impl(ctx):
    ctx.actions.expand_template(
        output = ctx.outputs.out,
        substitutions = ctx.attr.substitutions,
        template = ctx.file.template,
    )

expand_template = rule(
    implementation = _expand_template_impl,
    attrs = {
        "out": attr.output(mandatory = True),
        "substitutions": attr.string_dict(mandatory = True),
        "template": attr.label(mandatory = True, allow_single_file = True),
    },
    doc = "Copies a file, with each key of `substitutions` replaced by its value.",
)
