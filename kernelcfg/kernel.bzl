# SPDX-License-Identifier: Apache-2.0
"""Rules that configure and build a Linux kernel with pinned tools.

Each runs one script of this folder, in the environment that kernel_tools.sh
describes. The image's action has no inputs but those it needs: it takes long,
and any change of an input repeats it.
"""

# The compiler, its sysroot, the build's other tools and the kernel's source.
# `_busybox` and `_clang` lie beside the other launchers of their repositories.
_TOOL_ATTRS = {
    "_build_tools": attr.label(default = "@debian_build_tools//:programs"),
    "_build_tools_tree": attr.label(
        default = "@debian_build_tools//:tree",
        allow_single_file = True,
    ),
    "_busybox": attr.label(
        default = "@debian_build_tools//:bin/busybox",
        allow_single_file = True,
    ),
    "_clang": attr.label(
        default = "@debian_compiler//:bin/clang",
        allow_single_file = True,
    ),
    "_compiler": attr.label(default = "@debian_compiler//:toolchain_files"),
    "_kernel_tools": attr.label(
        default = "//kernelcfg:kernel_tools.sh",
        allow_single_file = True,
    ),
    "_source": attr.label(
        default = "@linux_source//:tree",
        allow_single_file = True,
    ),
    "_sysroot": attr.label(
        default = "@debian_sysroot//:tree",
        allow_single_file = True,
    ),
}

_CONFIG_TOOL_ATTRS = {
    "_config_tool": attr.label(
        default = "//kernelcfg/config_tool",
        cfg = "exec",
        executable = True,
    ),
}

def _script_attr(name):
    return attr.label(default = "//kernelcfg:" + name, allow_single_file = True)

def _tool_files(ctx):
    return depset(
        [
            ctx.file._build_tools_tree,
            ctx.file._busybox,
            ctx.file._clang,
            ctx.file._kernel_tools,
            ctx.file._script,
            ctx.file._source,
            ctx.file._sysroot,
        ],
        transitive = [
            ctx.attr._build_tools[DefaultInfo].files,
            ctx.attr._compiler[DefaultInfo].files,
        ],
    )

def _tool_environment(ctx, path):
    """The variables that kernel_tools.sh expects; `path` gives a file's path."""
    return {
        "COMPILER_BIN": path(ctx.file._clang).rpartition("/")[0],
        "KERNEL_SOURCE": path(ctx.file._source),
        "KERNEL_TOOLS": path(ctx.file._kernel_tools),
        "SYSROOT_TREE": path(ctx.file._sysroot),
        "TOOLS_BIN": path(ctx.file._busybox).rpartition("/")[0],
        "TOOLS_TREE": path(ctx.file._build_tools_tree),
    }

def _exec_path(file):
    return file.path

def _runfiles_path(file):
    """Where a file is, seen from the main repository's runfiles."""
    return file.short_path

def _run_script(ctx, output, arguments, inputs, message, mnemonic, environment = {}):
    ctx.actions.run(
        executable = ctx.file._build_tools_tree.path + "/usr/bin/busybox",
        arguments = ["sh", ctx.file._script.path] + arguments,
        env = dict(_tool_environment(ctx, _exec_path), **environment),
        inputs = depset(inputs, transitive = [_tool_files(ctx)]),
        mnemonic = mnemonic,
        outputs = [output],
        progress_message = message,
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(files = [output]),
    )]

def _configure(ctx, mode, suffix):
    output = ctx.actions.declare_file(ctx.label.name + suffix)
    fragments = ctx.files.fragments
    return _run_script(
        ctx,
        output,
        arguments = [mode, output.path] + [fragment.path for fragment in fragments],
        environment = {"CONFIG_TOOL": ctx.executable._config_tool.path},
        inputs = fragments + [ctx.executable._config_tool],
        message = "Configuring the kernel %s" % ctx.label,
        mnemonic = "KernelConfig",
    )

_CONFIG_ATTRS = dict(
    dict(_TOOL_ATTRS, **_CONFIG_TOOL_ATTRS),
    fragments = attr.label_list(
        allow_files = [".config"],
        doc = "Files that request options; two may agree on an option, not disagree.",
        mandatory = True,
    ),
    _script = _script_attr("configure_kernel.sh"),
)

def _kernel_config_impl(ctx):
    return _configure(ctx, "require", ".config")

kernel_config = rule(
    implementation = _kernel_config_impl,
    attrs = _CONFIG_ATTRS,
    doc = "A complete configuration: tinyconfig, the fragments, olddefconfig. Fails, naming " +
          "option and fragment, when fragments disagree or a request did not survive.",
)

def _kernel_config_attempt_impl(ctx):
    return _configure(ctx, "try", ".log")

kernel_config_attempt = rule(
    implementation = _kernel_config_attempt_impl,
    attrs = _CONFIG_ATTRS,
    doc = "What kernel_config does with the fragments, for tests: a file with the line " +
          "\"exit code N\" and the messages. Succeeds either way.",
)

_CONFIG_ATTR = attr.label(
    allow_single_file = True,
    doc = "A kernel_config.",
    mandatory = True,
)

def _kernel_image_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name + ".bzImage")
    return _run_script(
        ctx,
        output,
        arguments = [ctx.file.config.path, output.path],
        inputs = [ctx.file.config],
        message = "Building the kernel %s (ten minutes to half an hour on two processors)" % ctx.label,
        mnemonic = "KernelImage",
    )

kernel_image = rule(
    implementation = _kernel_image_impl,
    attrs = dict(
        _TOOL_ATTRS,
        config = _CONFIG_ATTR,
        _script = _script_attr("build_kernel.sh"),
    ),
    doc = "The kernel of a configuration as one file: a bzImage that is an EFI program too.",
)

# An interpreter of the machine's, since this runs in the user's terminal; it
# does no more than find the pinned one.
_MENUCONFIG = """\
#!/bin/sh
# The files lie beside this script, and a scratch folder takes the rest.
files=${{RUNFILES_DIR:-$0.runfiles}}/{workspace}
cd "$files" || exit 1
files=$PWD
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
{environment}
"$TOOLS_TREE/usr/bin/busybox" sh "$files/{script}" "$files/{config}"
"""

def _kernel_menuconfig_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    config_tool = ctx.executable._config_tool
    environment = dict(
        _tool_environment(ctx, _runfiles_path),
        CONFIG_TOOL = _runfiles_path(config_tool),
    )
    ctx.actions.write(
        script,
        _MENUCONFIG.format(
            config = ctx.file.config.short_path,
            environment = "\n".join([
                'export %s="$files/%s"' % (name, value)
                for name, value in sorted(environment.items())
            ]),
            script = ctx.file._script.short_path,
            workspace = ctx.workspace_name,
        ),
        is_executable = True,
    )
    runfiles = ctx.runfiles([config_tool, ctx.file.config], transitive_files = _tool_files(ctx))
    return [DefaultInfo(executable = script, runfiles = runfiles)]

kernel_menuconfig = rule(
    implementation = _kernel_menuconfig_impl,
    attrs = dict(
        dict(_TOOL_ATTRS, **_CONFIG_TOOL_ATTRS),
        config = _CONFIG_ATTR,
        _script = _script_attr("edit_config.sh"),
    ),
    doc = "Edits a copy of a configuration in the terminal and prints the changes as a fragment.",
    executable = True,
)
