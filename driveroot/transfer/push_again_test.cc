// SPDX-License-Identifier: Apache-2.0
//
// Pushing a tree again sends what has changed and little more.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "driveroot/base/noise.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/transfer/push.h"

namespace driveroot {
namespace {

class PushAgainTest : public testing::Test {
 protected:
  PushAgainTest()
      : folder_(std::filesystem::path(testing::TempDir()) / "tree") {
    std::filesystem::remove_all(folder_);
    for (int d = 0; d < 20; ++d) {
      std::filesystem::create_directories(Path("d" + std::to_string(d)));
      for (int i = 0; i < 50; ++i) {
        Write(Name(d, i), Noise(2000 + 97 * i, 100 * d + i));
      }
    }
    // More large files than may have a frame of their own at a time.
    for (int i = 0; i < 80; ++i) {
      Write("large" + std::to_string(i), Noise(200'000, 10'000 + i));
    }
  }

  static std::string Name(int directory, int file) {
    return "d" + std::to_string(directory) + "/f" + std::to_string(file);
  }
  std::string Path(const std::string& name) const { return folder_ / name; }
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }

  // Pushes the tree; returns how many bytes of objects that made.
  uint64_t Push() {
    const uint64_t before = Bytes();
    const auto summary =
        PushTree(std::make_unique<FakeObjectStore>(account_), folder_,
                 VolumeOptions{}, ImportOptions{}, TransferObserver{});
    EXPECT_TRUE(summary) << summary.error();
    return Bytes() - before;
  }

  uint64_t Bytes() const {
    uint64_t bytes = 0;
    for (const auto& [id, object] : account_->objects) {
      if (object.kind != ObjectKind::kCheckpoint) bytes += object.bytes.size();
    }
    return bytes;
  }

  const std::filesystem::path folder_;
  const std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
};

TEST_F(PushAgainTest, SendsWhatHasChanged) {
  const uint64_t first = Push();
  EXPECT_GT(first, 20'000'000u);
  // Nothing but metadata: a line or two for each entry.
  EXPECT_LT(Push(), 500'000u);

  Write(Name(3, 17), Noise(5000, 1));  // changed
  Write(Name(9, 50), Noise(3000, 2));  // new
  std::filesystem::remove(Path(Name(15, 3)));
  std::string large = Noise(200'000, 10'070);
  large[150'000] ^= 1;
  Write("large70", large);
  // Some frames around each of the small ones, one of the large one.
  EXPECT_LT(Push(), 500'000u + 3 * 1'000'000u + 131'072u);
}

}  // namespace
}  // namespace driveroot
