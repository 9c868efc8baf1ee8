# SPDX-License-Identifier: Apache-2.0
"""mkuki: a unified kernel image, the one file that the firmware starts."""

def _mkuki_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name + ".efi")
    arguments = ctx.actions.args()
    arguments.add("--stub=%s/%s" % (ctx.file.stub_tree.path, ctx.attr.stub_path))
    arguments.add(ctx.file.os_release, format = "--os_release=%s")
    arguments.add(ctx.file.cmdline, format = "--cmdline=%s")
    arguments.add(ctx.file.linux, format = "--linux=%s")
    inputs = [
        ctx.file.cmdline,
        ctx.file.linux,
        ctx.file.os_release,
        ctx.file.stub_tree,
    ]
    if ctx.file.initrd:
        arguments.add(ctx.file.initrd, format = "--initrd=%s")
        inputs.append(ctx.file.initrd)
    arguments.add(output, format = "--output=%s")
    ctx.actions.run(
        arguments = [arguments],
        executable = ctx.executable._tool,
        inputs = inputs,
        mnemonic = "MkUki",
        outputs = [output],
        progress_message = "Joining " + output.short_path,
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(files = [output]),
    )]

mkuki = rule(
    implementation = _mkuki_impl,
    attrs = {
        "cmdline": attr.label(
            allow_single_file = True,
            doc = "The kernel's command line; lines are joined, those that start with # left out.",
            mandatory = True,
        ),
        "initrd": attr.label(
            allow_single_file = True,
            doc = "The initramfs; none: the kernel finds its root file system itself.",
        ),
        "linux": attr.label(
            allow_single_file = True,
            doc = "The kernel (bzImage).",
            mandatory = True,
        ),
        "os_release": attr.label(
            allow_single_file = True,
            doc = "What boot menus say about the image, in the format of os-release(5).",
            mandatory = True,
        ),
        "stub_path": attr.string(default = "usr/lib/systemd/boot/efi/linuxx64.efi.stub"),
        "stub_tree": attr.label(
            allow_single_file = True,
            default = "@debian_systemd_stub//:tree",
            doc = "The folder that holds systemd's EFI stub at stub_path.",
        ),
        "_tool": attr.label(
            # The machine that builds is one that could boot the image; a
            # configuration of its own would compile the libraries again.
            cfg = "target",
            default = "//tools/mkuki",
            executable = True,
        ),
    },
    doc = "NAME.efi: systemd's EFI stub with a kernel, its command line and its initramfs.",
)
