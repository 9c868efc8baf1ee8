// SPDX-License-Identifier: Apache-2.0
//
// A machine's owner at work: installs packages on the booted root, upgrades the
// C library under everything that runs, reboots, and finds all as it was left.
// install_packages.sh is what runs in the machine.
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>

#include "gtest/gtest.h"
#include "vmtest/package_archive/package_archive.h"
#include "vmtest/testbed/testbed.h"
#include "vmtest/testbed/traffic.h"

namespace driveroot::vmtest {
namespace {

constexpr char kVolume[] = "drive:package-test";

// Hundreds of processes, each started in an emulated machine.
constexpr std::chrono::seconds kStageLimit(1500);

std::string* program = nullptr;

void RunStage(Machine& machine, const std::string& stage) {
  Status status = machine.console().Type("/opt/vmtest/install_packages " +
                                         stage + "; echo ended-with-$?\n");
  ASSERT_TRUE(status) << "host: " << status.error();
  status = machine.console().WaitFor("ended-with-0", kStageLimit);
  EXPECT_TRUE(status) << "guest: " << stage << ": " << status.error();
}

// Prints what the guest told, and fails for each line that tells a failure.
void ReadVerdict(const Machine& machine, int stages) {
  const std::string verdict = machine.Verdict();
  std::cout << verdict;
  std::istringstream lines(verdict);
  int ended = 0;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_FALSE(line.starts_with("FAIL")) << "guest: " << line;
    if (line == "done") ++ended;
  }
  EXPECT_EQ(ended, stages) << "guest: not every stage came to its end";
}

void PrintTraffic(TestBed& bed, const std::string& what) {
  const Result<Traffic> traffic = ReadTraffic(bed.drive());
  ASSERT_TRUE(traffic) << "host: " << traffic.error();
  std::cout << what << ": " << DescribeTraffic(*traffic) << std::endl;
}

TEST(InstallPackagesTest, PackagesAreInstalledUpgradedAndThereAfterAReboot) {
  const Result<Image> image = FindImage(*program);
  ASSERT_TRUE(image) << image.error();
  const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  const std::string folder = outputs != nullptr ? outputs : testing::TempDir();
  const Result<std::unique_ptr<TestBed>> bed = TestBed::Create(*image, folder);
  ASSERT_TRUE(bed) << "host: " << bed.error();
  const std::string disk = testing::TempDir() + "/packages.img";
  Status status = MakePackageArchive(*image, testing::TempDir(), disk);
  ASSERT_TRUE(status) << "host: " << status.error();
  const Result<std::string> pushed = (*bed)->Driveroot(
      "push", {image->File("vmtest/package_root.tar"), kVolume});
  ASSERT_TRUE(pushed) << "host: " << pushed.error();
  {
    Result<std::unique_ptr<Machine>> machine =
        (*bed)->Boot("first", kVolume, {.disks = {disk}, .mount_flags = {}});
    ASSERT_TRUE(machine) << machine.error();
    status = LogIn(**machine);
    ASSERT_TRUE(status) << "guest: " << status.error();
    ASSERT_TRUE((*bed)->drive().ResetStats());
    RunStage(**machine, "install");
    PrintTraffic(**bed, "installing packages");
    RunStage(**machine, "upgrade");
    ReadVerdict(**machine, 2);
    status = (*machine)->console().Type("systemctl reboot\n");
    ASSERT_TRUE(status) << "host: " << status.error();
    status = ExpectEnd(**machine, "guest-reset");
    ASSERT_TRUE(status) << "guest: " << status.error();
  }
  const Result<std::string> fsck =
      (*bed)->Driveroot("fsck", {"--data", kVolume});
  EXPECT_TRUE(fsck) << "host: " << fsck.error();

  Result<std::unique_ptr<Machine>> machine = (*bed)->Boot("second", kVolume);
  ASSERT_TRUE(machine) << machine.error();
  status = LogIn(**machine);
  ASSERT_TRUE(status) << "guest: " << status.error();
  RunStage(**machine, "check");
  ReadVerdict(**machine, 1);
  status = (*machine)->console().Type("systemctl poweroff\n");
  ASSERT_TRUE(status) << "host: " << status.error();
  status = ExpectEnd(**machine, "guest-shutdown");
  EXPECT_TRUE(status) << "guest: " << status.error();
  // The Drive's thousands of files: Bazel looks at each one that a test leaves
  // behind, which takes minutes.
  std::error_code error;
  if (!testing::Test::HasFailure()) {
    std::filesystem::remove_all(folder + "/drive", error);
  }
}

}  // namespace
}  // namespace driveroot::vmtest

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string program = argv[0];
  driveroot::vmtest::program = &program;
  return RUN_ALL_TESTS();
}
