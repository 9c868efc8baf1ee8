# SPDX-License-Identifier: Apache-2.0
"""mount_test: a test of what a mount does, whatever store the volume is on."""

load("@rules_cc//cc:defs.bzl", "cc_test")

def mount_test(name, args = [], drive_args = [], **kwargs):
    """Makes NAME, on a local folder, and NAME_on_drive, on a fakedrive process.

    Args:
      name: of the test.
      args: as of cc_test.
      drive_args: more of them for the second.
      **kwargs: as of cc_test; deps include TestMount, which reads the variable.
    """

    # Mounts, and most of these tests act as several users.
    cc_test(
        name = name,
        args = args,
        tags = ["local"],
        **kwargs
    )
    cc_test(
        name = name + "_on_drive",
        args = args + drive_args,
        env = {"DRIVEROOT_TEST_STORE": "drive"},
        tags = ["local"],
        **kwargs
    )
