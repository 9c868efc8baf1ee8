# SPDX-License-Identifier: Apache-2.0
"""The repositories that Bazel's own packages refer to."""

def bazel_distribution():
    native.local_repository(
        name = "rules_cc",
        path = "third_party/bazel/rules_cc",
    )
    native.local_repository(
        name = "remote_coverage_tools",
        path = "third_party/bazel/coverage_tools",
    )
    native.local_repository(
        name = "rules_java",
        path = "third_party/bazel/rules_java",
    )
