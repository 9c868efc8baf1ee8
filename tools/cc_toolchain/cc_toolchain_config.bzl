# SPDX-License-Identifier: Apache-2.0
"""How clang is called: every flag of every compilation and link is here."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")
load(
    "@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl",
    "feature",
    "flag_group",
    "flag_set",
    "tool_path",
    "with_feature_set",
)

_SYSROOT = "external/debian_sysroot/tree"
_CLANG_RESOURCES = "external/debian_compiler/tree/usr/lib/llvm-19/lib/clang/19"

_CPP_COMPILE = [
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.cpp_header_parsing,
    ACTION_NAMES.linkstamp_compile,
]
_C_COMPILE = [
    ACTION_NAMES.assemble,
    ACTION_NAMES.c_compile,
    ACTION_NAMES.preprocess_assemble,
]
_COMPILE = _CPP_COMPILE + _C_COMPILE
_LINK = [
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

# Where to generate for, and whose headers and libraries to use.
_TARGET = [
    "--target=x86_64-linux-gnu",
    # Named outright: clang would search the machine for an installed gcc.
    "--gcc-install-dir=%s/usr/lib/gcc/x86_64-linux-gnu/14" % _SYSROOT,
]

_UNDEFINED = [
    "-fsanitize=undefined",
    # Rapidjson adds to null pointers.
    "-fno-sanitize=pointer-overflow",
    # Instead of messages: these need a run-time library.
    "-fsanitize-trap=undefined",
]

def _flags(actions, flags, with_features = []):
    return flag_set(
        actions = actions,
        flag_groups = [flag_group(flags = flags)],
        with_features = with_features,
    )

def _features():
    return [
        feature(name = "opt"),
        feature(name = "fastbuild"),
        feature(name = "dbg"),
        feature(
            name = "compile_flags",
            enabled = True,
            flag_sets = [
                _flags(_COMPILE, _TARGET + [
                    # The same bytes wherever and whenever it is compiled.
                    "-fdebug-compilation-dir=.",
                    "-fcoverage-compilation-dir=.",
                    "-Wno-builtin-macro-redefined",
                    "-D__DATE__=\"redacted\"",
                    "-D__TIME__=\"redacted\"",
                    "-D__TIMESTAMP__=\"redacted\"",
                    "-fno-omit-frame-pointer",
                    "-fstack-protector-strong",
                    # What is not called is left out by the linker.
                    "-ffunction-sections",
                    "-fdata-sections",
                ]),
                _flags(_CPP_COMPILE, ["-std=c++23"]),
                _flags(
                    _COMPILE,
                    ["-O2", "-DNDEBUG", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"],
                    [with_feature_set(features = ["opt"])],
                ),
                _flags(_COMPILE, ["-g", "-O0"], [with_feature_set(features = ["dbg"])]),
            ],
        ),
        # Our own code compiles without a warning. BUILD files of other
        # projects' code switch this off for their package.
        feature(
            name = "warnings_as_errors",
            enabled = True,
            flag_sets = [
                _flags(_CPP_COMPILE + [ACTION_NAMES.c_compile], [
                    "-Wall",
                    "-Wextra",
                    "-Werror",
                    "-Wextra-semi",
                    "-Wimplicit-fallthrough",
                    "-Wshadow",
                    "-Wvla",
                ]),
                _flags(_CPP_COMPILE, [
                    "-Wnon-virtual-dtor",
                    "-Woverloaded-virtual",
                ]),
            ],
        ),
        feature(
            name = "link_flags",
            enabled = True,
            flag_sets = [
                _flags(_LINK, _TARGET + [
                    "-fuse-ld=lld",
                    # Named because clang's defaults follow the machine's
                    # distribution.
                    "-Wl,--hash-style=gnu",
                    "-Wl,--build-id=sha1",
                    "-Wl,--gc-sections",
                    "-Wl,-z,relro,-z,now",
                    "-Wl,-z,noexecstack",
                ]),
                _flags(
                    [ACTION_NAMES.cpp_link_executable],
                    ["-static"],
                    [with_feature_set(not_features = ["address_sanitizer", "thread_sanitizer"])],
                ),
            ],
        ),
        # After everything that needs them.
        feature(
            name = "standard_libraries",
            enabled = True,
            flag_sets = [_flags(_LINK, ["-lstdc++", "-lm"])],
        ),
        _sanitizer("address_sanitizer", ["-fsanitize=address"]),
        _sanitizer("thread_sanitizer", ["-fsanitize=thread"]),
        # Stops at the first undefined operation. It needs no run-time library
        # and so keeps the program static.
        _sanitizer("undefined_sanitizer", _UNDEFINED),
        # Of single targets: what is tried by libFuzzer, and libFuzzer itself.
        feature(
            name = "fuzzer",
            flag_sets = [
                _flags(_COMPILE, _UNDEFINED + [
                    "-fsanitize=fuzzer-no-link",
                    "-D_GLIBCXX_ASSERTIONS",
                    "-g1",
                ]),
                # And not -fsanitize=fuzzer, whose interceptors of memcmp and
                # the like crash in a static program.
                _flags(_LINK, [
                    "-Wl,--whole-archive",
                    _CLANG_RESOURCES + "/lib/linux/libclang_rt.fuzzer-x86_64.a",
                    "-Wl,--no-whole-archive",
                ]),
            ],
        ),
    ]

def _sanitizer(name, flags):
    return feature(
        name = name,
        flag_sets = [
            _flags(_COMPILE, flags + ["-U_FORTIFY_SOURCE", "-g1"]),
            _flags(_LINK, flags),
        ],
    )

def _cc_toolchain_config_impl(ctx):
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = "clang19_x86_64_linux_gnu",
        host_system_name = "x86_64-linux-gnu",
        target_system_name = "x86_64-linux-gnu",
        target_cpu = "k8",
        target_libc = "glibc_2.41",
        compiler = "clang",
        abi_version = "unknown",
        abi_libc_version = "unknown",
        builtin_sysroot = _SYSROOT,
        cxx_builtin_include_directories = [
            "%workspace%/" + _CLANG_RESOURCES + "/include",
            "%workspace%/" + _CLANG_RESOURCES + "/share",
            "%workspace%/" + _SYSROOT + "/usr/include",
            "%workspace%/" + _SYSROOT + "/usr/lib/gcc/x86_64-linux-gnu/14/include",
        ],
        tool_paths = [
            tool_path(name = name, path = "bin/" + program)
            for name, program in {
                "ar": "llvm-ar",
                "cpp": "clang",
                "dwp": "llvm-dwp",
                "gcc": "clang",
                "gcov": "llvm-cov",
                "ld": "ld.lld",
                "llvm-cov": "llvm-cov",
                "llvm-profdata": "llvm-profdata",
                "nm": "llvm-nm",
                "objcopy": "llvm-objcopy",
                "objdump": "llvm-objdump",
                "strip": "llvm-strip",
            }.items()
        ],
        features = _features(),
    )

cc_toolchain_config = rule(
    implementation = _cc_toolchain_config_impl,
    doc = "The C and C++ toolchain of @debian_compiler.",
    provides = [CcToolchainConfigInfo],
)
