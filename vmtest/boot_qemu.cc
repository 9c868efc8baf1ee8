// SPDX-License-Identifier: Apache-2.0
//
// From firmware to login to power-off and up again, on a root in the fake
// Drive: the machine is checked from the inside, and what it wrote from the
// outside.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/tar/byte_stream.h"
#include "driveroot/base/tar/tar.h"
#include "gtest/gtest.h"
#include "vmtest/testbed/testbed.h"

namespace driveroot::vmtest {
namespace {

constexpr char kVolume[] = "drive:boot-test";
constexpr char kMarkerText[] = "written-by-the-first-boot";
constexpr char kMarkerPath[] = "var/lib/vmtest/marker";
constexpr uint64_t kMaxArchiveBytes = 1 << 30;

std::string* program = nullptr;

// The contents of a file in an archive.
Result<std::string> FindInArchive(const std::string& archive,
                                  const std::string& path) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                             ReadFile(archive, kMaxArchiveBytes));
  StringSource source(bytes);
  TarReader reader(&source);
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry,
                               reader.Next());
    if (!entry) return Fail(ErrorCode::kNotFound, path + " is not there");
    if (entry->path != path) continue;
    std::string contents(entry->size, '\0');
    DRIVEROOT_ASSIGN_OR_RETURN(const size_t length, reader.ReadData(contents));
    contents.resize(length);
    return contents;
  }
}

class BootTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const Result<Image> image = FindImage(*program);
    ASSERT_TRUE(image) << image.error();
    const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
    Result<std::unique_ptr<TestBed>> bed = TestBed::Create(
        *image, outputs != nullptr ? outputs : testing::TempDir());
    ASSERT_TRUE(bed) << "host: " << bed.error();
    bed_ = bed->release();
    const Result<std::string> pushed =
        bed_->Driveroot("push", {image->File("vmtest/test_root.tar"), kVolume});
    ASSERT_TRUE(pushed) << "host: " << pushed.error();
  }

  static void TearDownTestSuite() {
    delete bed_;
    bed_ = nullptr;
  }

  void SetUp() override { ASSERT_NE(bed_, nullptr); }

  // Logs in, runs the guest's checks and powers off; every check must pass.
  static void CheckAndPowerOff(Machine& machine, const std::string& stage) {
    Status status = LogIn(machine);
    ASSERT_TRUE(status) << "guest: " << status.error();
    status = machine.console().Type("/opt/vmtest/guest_check " + stage + " " +
                                    kMarkerText + "; echo ended-with-$?\n");
    ASSERT_TRUE(status) << "host: " << status.error();
    // On a line of its own, unlike in the echo of the command.
    status = machine.console().WaitFor("\nended-with-", kBootLimit);
    std::cout << machine.Verdict();
    EXPECT_TRUE(status) << "guest: " << status.error();
    std::istringstream verdict(machine.Verdict());
    std::string last;
    for (std::string line; std::getline(verdict, line); last = line) {
      EXPECT_FALSE(line.starts_with("FAIL")) << "guest: " << line;
    }
    EXPECT_EQ(last, "done") << "guest: the checks did not come to an end";
    status = machine.console().Type("systemctl poweroff\n");
    ASSERT_TRUE(status) << "host: " << status.error();
    status = ExpectEnd(machine, "guest-shutdown");
    ASSERT_TRUE(status) << "guest: " << status.error();
  }

  static TestBed* bed_;
};

TestBed* BootTest::bed_ = nullptr;

TEST_F(BootTest, BootsWritesAndFindsItAgain) {
  {
    Result<std::unique_ptr<Machine>> machine = bed_->Boot("first", kVolume);
    ASSERT_TRUE(machine) << machine.error();
    const Status shot =
        (*machine)->TakeScreenshot(bed_->output_dir() + "/login.png");
    EXPECT_TRUE(shot) << "host: " << shot.error();
    CheckAndPowerOff(**machine, "first");
    if (HasFatalFailure()) return;
  }

  // From outside: the file is in the volume, and the volume is sound.
  const std::string archive = testing::TempDir() + "/pulled.tar";
  const Result<std::string> pull = bed_->Driveroot("pull", {kVolume, archive});
  ASSERT_TRUE(pull) << "host: " << pull.error();
  const Result<std::string> marker = FindInArchive(archive, kMarkerPath);
  ASSERT_TRUE(marker) << "guest: " << marker.error();
  EXPECT_EQ(*marker, kMarkerText);
  const Result<std::string> fsck = bed_->Driveroot("fsck", {"--data", kVolume});
  EXPECT_TRUE(fsck) << "host: " << fsck.error();

  Result<std::unique_ptr<Machine>> machine = bed_->Boot("second", kVolume);
  ASSERT_TRUE(machine) << machine.error();
  CheckAndPowerOff(**machine, "second");
}

}  // namespace
}  // namespace driveroot::vmtest

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string program = argv[0];
  driveroot::vmtest::program = &program;
  return RUN_ALL_TESTS();
}
