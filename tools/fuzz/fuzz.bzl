# SPDX-License-Identifier: Apache-2.0
"""Fuzz targets: functions that libFuzzer calls with made-up bytes."""

load("@rules_cc//cc:defs.bzl", "cc_library", "cc_test")

def fuzzed_cc_library(name, **kwargs):
    """A cc_library, and NAME_fuzzed: the same for fuzz targets.

    The latter tells libFuzzer which code ran, and stops at the first undefined
    operation. A target must not link both.

    Args:
      name: of the library.
      **kwargs: as for cc_library.
    """
    cc_library(name = name, **kwargs)
    kwargs.pop("visibility", None)
    cc_library(
        name = name + "_fuzzed",
        testonly = True,
        features = ["fuzzer"],
        visibility = ["//driveroot/fuzz:__pkg__"],
        **kwargs
    )

def fuzz_test(name, deps, runs, max_len = 4096, grow = True):
    """A fuzz target NAME.cc, which as a test runs for a short while.

    It starts from the inputs in corpus/NAME/. To run it for long, with what it
    finds kept in a folder:

        bazel run //driveroot/fuzz:NAME -- -runs=-1 /tmp/corpus

    Args:
      name: of the target.
      deps: the code to try, as NAME_fuzzed.
      runs: how many inputs the test tries.
      max_len: the longest input, in bytes.
      grow: whether inputs are short at first.
    """
    corpus = native.glob(["corpus/%s/*" % name])
    cc_test(
        name = name,
        size = "small",
        srcs = [name + ".cc"],
        args = [
            # The same inputs each time: a test fails or it does not.
            "-seed=1",
            "-runs=%d" % runs,
            "-max_len=%d" % max_len,
            "-print_final_stats=1",
        ] + ([] if grow else ["-len_control=0"]) + [
            "-seed_inputs=" + ",".join(["$(rootpath %s)" % file for file in corpus]),
        ],
        data = corpus,
        features = ["fuzzer"],
        deps = deps + ["//third_party/glog"],
    )
