# SPDX-License-Identifier: Apache-2.0
"""The headers of libraries and the flags to find them, for tools that parse C++."""

def _compile_flags_impl(ctx):
    libraries = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps])
    merged = libraries.compilation_context

    # In the runfiles, sources and generated files lie in one tree.
    generated = ctx.bin_dir.path + "/"
    folders = {}
    for folder in merged.system_includes.to_list() + merged.includes.to_list() + merged.quote_includes.to_list():
        folders[folder.replace(generated, "")] = None
    defines = merged.defines.to_list()
    output = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.write(output, "".join(
        ["-isystem\n%s\n" % folder for folder in folders if folder not in (".", ctx.bin_dir.path)] +
        ["-D%s\n" % define for define in defines],
    ))
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(files = [output], transitive_files = merged.headers),
    )]

compile_flags = rule(
    implementation = _compile_flags_impl,
    attrs = {"deps": attr.label_list(mandatory = True, providers = [CcInfo])},
    doc = "One flag a line, with paths from the top of the runfiles.",
)
