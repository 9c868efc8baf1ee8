// SPDX-License-Identifier: Apache-2.0
//
// What the tests of boots share: a volume, and how a machine boots from it.
#ifndef DRIVEROOT_VOLUME_BOOT_TEST_UTIL_H_
#define DRIVEROOT_VOLUME_BOOT_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "driveroot/volume/volume.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {

inline constexpr int kFiles = 64;

inline std::string Name(int i) { return "f" + std::to_string(i); }

// A volume of many files, each with a frame of its own, in several segments.
inline std::shared_ptr<FakeAccount> FilledAccount() {
  auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.segment_bytes = 2 << 20;
  options.max_inline_bytes = 0;
  const auto volume = OpenOn(account, options);
  EXPECT_TRUE(volume) << volume.error();
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_TRUE(PutFile(**volume, Name(i), Noise(kMaxFrameBytes, i)));
  }
  EXPECT_TRUE((*volume)->Close());
  return account;
}

inline std::vector<int> Boot() { return {40, 3, 17, 18, 60, 5}; }

inline void Read(Volume& volume, const std::vector<int>& files) {
  for (const int i : files) {
    EXPECT_TRUE(GetFile(volume, Name(i)).value_or("") ==
                Noise(kMaxFrameBytes, i));
  }
}

inline void RecordBoot(const std::shared_ptr<FakeAccount>& account,
                       const std::vector<int>& files, bool kept) {
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  (*volume)->StartBootTrace();
  EXPECT_TRUE((*volume)->BootTraceIdle().has_value());
  Read(**volume, files);
  EXPECT_EQ((*volume)->KeepBootTrace().value_or(!kept), kept);
  EXPECT_FALSE((*volume)->BootTraceIdle().has_value());
  EXPECT_TRUE((*volume)->Close());
}

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_BOOT_TEST_UTIL_H_
