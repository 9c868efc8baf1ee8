// SPDX-License-Identifier: Apache-2.0
//
// Users without privileges who take all the memory for metadata that they can
// get: they are refused, root goes on, and the volume can be mounted again.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {
namespace {

constexpr uid_t kUser = 1000;

// Acts as somebody else for as long as it lives.
class AsUser {
 public:
  AsUser() { EXPECT_EQ(seteuid(kUser), 0); }
  ~AsUser() { EXPECT_EQ(seteuid(0), 0); }
};

class GreedyUserTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    auto mount = TestMount::Make({"--metadata_mb=4"});
    ASSERT_TRUE(mount) << mount.error();
    mount_ = std::move(*mount);
    ASSERT_EQ(mkdir(Path("").c_str(), 0755), 0);
    ASSERT_EQ(chown(Path("").c_str(), kUser, kUser), 0);
  }

  std::string Path(const std::string& name) const {
    return mount_->path() + "/user/" + name;
  }

  UniqueFd Open(const std::string& name) const {
    return UniqueFd(
        open(Path(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  }

  // Repeats `take`, which gets the number of the attempt and returns whether it
  // succeeded, until it does not.
  static int TakeAll(const std::function<bool(int)>& take) {
    for (int i = 0; i < 1'000'000; ++i) {
      errno = 0;
      if (take(i)) continue;
      EXPECT_EQ(errno, ENOSPC);
      return i;
    }
    ADD_FAILURE() << "there is no end to it";
    return 0;
  }

  // What is full for the user is not for root, and can be mounted again.
  void ExpectInOrder() {
    const std::string root_file = mount_->path() + "/root's";
    const UniqueFd file(
        open(root_file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    EXPECT_TRUE(file.valid());
    EXPECT_EQ(fsync(file.get()), 0);
    struct stat status = {};
    EXPECT_EQ(stat(Path("").c_str(), &status), 0);
  }
  void Remount() {
    ASSERT_TRUE(mount_->Unmount());
    ASSERT_TRUE(mount_->Mount());
  }

  std::unique_ptr<TestMount> mount_;
};

TEST_F(GreedyUserTest, ExtendedAttributes) {
  const std::string value(60'000, 'v');
  int files = 0;
  {
    const AsUser user;
    TakeAll([&](int i) {
      const UniqueFd file = Open("f" + std::to_string(i));
      if (!file.valid()) return false;
      files = i + 1;
      return fsetxattr(file.get(), "user.a", value.data(), value.size(), 0) ==
             0;
    });
  }
  EXPECT_GT(files, 10);
  ExpectInOrder();
  Remount();
  const AsUser user;
  for (int i = 0; i < files; ++i) {
    EXPECT_EQ(unlink(Path("f" + std::to_string(i)).c_str()), 0);
  }
  const UniqueFd again = Open("again");
  EXPECT_EQ(fsetxattr(again.get(), "user.a", value.data(), value.size(), 0), 0);
  EXPECT_EQ(fsync(again.get()), 0);
}

TEST_F(GreedyUserTest, AFileThatIsDoubled) {
  off_t size = 1;
  {
    const AsUser user;
    const UniqueFd file = Open("f");
    ASSERT_EQ(write(file.get(), "x", 1), 1);
    ASSERT_EQ(fsync(file.get()), 0);
    TakeAll([&](int) {
      off_t from = 0;
      off_t to = size;
      const ssize_t copied = copy_file_range(file.get(), &from, file.get(), &to,
                                             static_cast<size_t>(size), 0);
      if (copied == size) size *= 2;
      return copied > 0;
    });
    EXPECT_EQ(fsync(file.get()), 0);
  }
  EXPECT_GT(size, 1000);
  ExpectInOrder();
  Remount();
  const UniqueFd file = Open("f");
  char last = 0;
  EXPECT_EQ(pread(file.get(), &last, 1, size - 1), 1);
  EXPECT_EQ(last, 'x');
}

TEST_F(GreedyUserTest, EmptyFiles) {
  int files = 0;
  {
    const AsUser user;
    files =
        TakeAll([&](int i) { return Open("f" + std::to_string(i)).valid(); });
  }
  EXPECT_GT(files, 1000);
  ExpectInOrder();
  Remount();
  const AsUser user;
  for (int i = 0; i < files; ++i) {
    ASSERT_EQ(unlink(Path("f" + std::to_string(i)).c_str()), 0);
  }
  EXPECT_TRUE(Open("again").valid());
}

}  // namespace
}  // namespace driveroot
