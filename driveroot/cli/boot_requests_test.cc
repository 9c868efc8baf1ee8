// SPDX-License-Identifier: Apache-2.0
//
// What a machine that boots from a volume on Drive asks for until it has read
// what it is known to read, as the real fakedrive counts it.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/drive/drive_volume.h"
#include "driveroot/volume/boot_test_util.h"
#include "driveroot/volume/volume.h"
#include "driveroot/volume/volume_test_util.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot {
namespace {

using fakedrive::FakeDriveProcess;
using fakedrive::FakeDriveStats;

class BootRequestsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto drive = FakeDriveProcess::Start();
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
    MakeVolume();
  }

  // As another process would, with a connection and a token of its own.
  Result<std::unique_ptr<Volume>> Open(const VolumeOptions& options) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        std::shared_ptr<DriveClient> client,
        DriveClient::Open({.credentials_file = drive_->credentials_file(),
                           .drive_endpoint = drive_->endpoint(),
                           .ca_file = drive_->ca_file()}));
    DRIVEROOT_ASSIGN_OR_RETURN(
        std::unique_ptr<ObjectStore> store,
        options.make_if_missing
            ? OpenOrCreateDriveVolume(std::move(client), "root")
            : OpenDriveVolume(std::move(client), "root"));
    return Volume::Open(std::move(store), options);
  }

  // One that a machine booted from, with what it reads side by side.
  void MakeVolume() {
    VolumeOptions options = TestOptions();
    options.make_if_missing = true;
    options.max_inline_bytes = 0;
    {
      const auto volume = Open(options);
      ASSERT_TRUE(volume) << volume.error();
      for (int i = 0; i < kFiles; ++i) {
        ASSERT_TRUE(PutFile(**volume, Name(i), Noise(kMaxFrameBytes, i)));
      }
      ASSERT_TRUE((*volume)->Close());
    }
    const auto volume = Open(options);
    ASSERT_TRUE(volume) << volume.error();
    (*volume)->StartBootTrace();
    Read(**volume, Boot());
    ASSERT_TRUE((*volume)->KeepBootTrace().value_or(false));
    ASSERT_TRUE((*volume)->OptimizeBoot());
    ASSERT_TRUE((*volume)->Close());
    ASSERT_EQ((*volume)->GetBootLayout().requests, 1u);
  }

  // Boots, and returns what that asked for.
  FakeDriveStats BootOnce(const VolumeOptions& options) {
    EXPECT_TRUE(drive_->ResetStats());
    const auto volume = Open(options);
    EXPECT_TRUE(volume) << volume.error();
    if (!volume) return {};
    Read(**volume, Boot());
    // The record of its opening is on the store then.
    EXPECT_TRUE((*volume)->Sync());
    const auto stats = drive_->Stats();
    EXPECT_TRUE(stats) << stats.error();
    return stats.value_or(FakeDriveStats());
  }

  static uint64_t Total(const FakeDriveStats& stats) {
    uint64_t total = 0;
    for (const auto& [call, count] : stats.requests) total += count;
    return total;
  }

  std::unique_ptr<FakeDriveProcess> drive_;
};

TEST_F(BootRequestsTest, TheSuperblockComesWithTheListing) {
  VolumeOptions options = TestOptions();
  options.is_boot = true;
  options.open_in_background = true;
  FakeDriveStats stats = BootOnce(options);
  EXPECT_EQ(stats.requests["token"], 1u);
  EXPECT_EQ(stats.requests["list"], 1u);
  // The checkpoint, the end of the log and the record that would lie behind a hole
  // there, both at the same time, and what the boot reads.
  EXPECT_EQ(stats.requests["media"], 4u);
  EXPECT_LT(stats.body_bytes_out["media"],
            (Boot().size() + 1) * kMaxFrameBytes);
  // The record of its opening.
  EXPECT_EQ(stats.requests["create"], 1u);
  EXPECT_EQ(Total(stats), 7u);
}

// However far the listing is behind.
TEST_F(BootRequestsTest, AListingThatLagsHidesNothing) {
  for (int lag_ms = 0; lag_ms < 400; lag_ms += 50) {
    // So long that the volume itself is listed.
    std::this_thread::sleep_for(std::chrono::milliseconds(lag_ms));
    ASSERT_TRUE(
        drive_->Set("{\"name_lag_ms\":" + std::to_string(lag_ms) + "}"));
    const std::string bytes = std::to_string(lag_ms);
    {
      const auto volume = Open(TestOptions());
      ASSERT_TRUE(volume) << volume.error();
      ASSERT_TRUE(PutFile(**volume, "newest", bytes));
      ASSERT_TRUE((*volume)->Close());
    }
    VolumeOptions options = TestOptions();
    options.is_boot = true;
    const auto volume = Open(options);
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_EQ(GetFile(**volume, "newest").value_or(""), bytes);
    Read(**volume, Boot());
    ASSERT_TRUE((*volume)->Close());
  }
}

TEST_F(BootRequestsTest, ADayLaterItIsConfirmed) {
  VolumeOptions options = TestOptions();
  options.is_boot = true;
  options.open_in_background = true;
  options.now = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               (std::chrono::system_clock::now() + std::chrono::hours(24))
                   .time_since_epoch())
        .count();
  };
  FakeDriveStats stats = BootOnce(options);
  EXPECT_EQ(stats.requests["media"], 5u);
  EXPECT_EQ(Total(stats), 8u);
}

}  // namespace
}  // namespace driveroot
