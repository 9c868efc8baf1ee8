// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/root_init.h"

#include "gtest/gtest.h"

namespace driveroot {
namespace {

constexpr char kProgram[] =
    "\x7f"
    "ELF";

TEST(ClassifyInitTest, SystemdIsKnownByItsProgram) {
  EXPECT_EQ(ClassifyInit("/usr/lib/systemd/systemd", kProgram),
            InitKind::kSystemd);
  EXPECT_EQ(ClassifyInit("/lib/systemd/systemd", kProgram), InitKind::kSystemd);
  EXPECT_EQ(
      ClassifyInit("/nix/store/abc-systemd-257/lib/systemd/systemd", kProgram),
      InitKind::kSystemd);
}

TEST(ClassifyInitTest, OthersAreNot) {
  for (const char* program :
       {"/usr/sbin/init", "/sbin/runit-init", "/usr/bin/busybox",
        "/usr/sbin/openrc-init", "/usr/bin/dinit", "/bin/systemd-init"}) {
    EXPECT_EQ(ClassifyInit(program, kProgram), InitKind::kOther) << program;
    EXPECT_EQ(ClassifyInit(program, ""), InitKind::kOther) << program;
  }
  // A program that merely knows of systemd.
  EXPECT_EQ(ClassifyInit("/sbin/init", std::string(kProgram) + "systemd"),
            InitKind::kOther);
}

TEST(ClassifyInitTest, AScriptSaysItself) {
  EXPECT_EQ(ClassifyInit("/nix/store/x/init",
                         "#!/nix/store/y/bin/bash\nexec systemd \"$@\"\n"),
            InitKind::kSystemd);
  EXPECT_EQ(ClassifyInit("/etc/init", "#!/bin/sh\nexec /bin/s6-svscan\n"),
            InitKind::kOther);
}

}  // namespace
}  // namespace driveroot
