// SPDX-License-Identifier: Apache-2.0
//
// Listings of a folder that changes meanwhile: they show what stayed exactly
// once, and they end, whatever is done to what they show.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {
namespace {

// Around what one request brings, and several.
constexpr int kCounts[] = {1, 5, 100, 3000};

class OpenFolder {
 public:
  explicit OpenFolder(const std::string& path)
      : folder_(opendir(path.c_str())) {
    EXPECT_NE(folder_, nullptr) << strerror(errno);
  }
  OpenFolder(const OpenFolder&) = delete;
  OpenFolder& operator=(const OpenFolder&) = delete;
  ~OpenFolder() { closedir(folder_); }

  DIR* get() { return folder_; }

  // Empty at the end.
  std::string Next() {
    const dirent* entry = readdir(folder_);
    return entry != nullptr ? entry->d_name : "";
  }
  std::vector<std::string> Rest() {
    std::vector<std::string> names;
    for (std::string name = Next(); !name.empty(); name = Next()) {
      names.push_back(name);
    }
    return names;
  }

 private:
  DIR* folder_;
};

class ListingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    auto mount = TestMount::Make();
    ASSERT_TRUE(mount) << mount.error();
    mount_ = std::move(*mount);
  }

  std::string MakeFolder(int count) {
    const std::string folder =
        mount_->path() + "/" + std::to_string(number_of_folders_++);
    EXPECT_EQ(mkdir(folder.c_str(), 0755), 0);
    for (int i = 0; i < count; ++i) MakeFile(folder + "/" + std::to_string(i));
    return folder;
  }
  static void MakeFile(const std::string& path) {
    ASSERT_EQ(mknod(path.c_str(), S_IFREG | 0644, 0), 0) << strerror(errno);
  }

  // Does `action` to each of `count` entries as it is seen; how many that were.
  static int ForEach(const std::string& path, int count,
                     const std::function<void(const std::string&)>& action) {
    OpenFolder folder(path);
    int seen = 0;
    for (std::string name = folder.Next(); !name.empty();
         name = folder.Next()) {
      if (name.starts_with('.')) continue;
      if (++seen > 2 * count) break;
      action(path + "/" + name);
    }
    return seen;
  }

  std::unique_ptr<TestMount> mount_;
  int number_of_folders_ = 0;
};

TEST_F(ListingTest, WhatStaysIsShownOnceWhileOthersGo) {
  constexpr int kCount = 10000;
  const std::string path = MakeFolder(kCount);
  OpenFolder folder(path);
  std::set<std::string> seen;
  for (std::string name = folder.Next(); !name.empty(); name = folder.Next()) {
    EXPECT_TRUE(seen.insert(name).second) << name;
    if (seen.size() % 3 == 0 && name[0] != '.') {
      EXPECT_EQ(unlink((path + "/" + name).c_str()), 0);
    }
  }
  EXPECT_EQ(seen.size(), size_t{kCount + 2});
}

TEST_F(ListingTest, EndsThoughEachEntryIsRenamed) {
  for (const int count : kCounts) {
    const std::string path = MakeFolder(count);
    for (int pass = 0; pass < 3; ++pass) {
      EXPECT_EQ(ForEach(path, count,
                        [](const std::string& name) {
                          ASSERT_EQ(rename(name.c_str(), (name + "~").c_str()),
                                    0);
                        }),
                count);
    }
  }
}

TEST_F(ListingTest, EndsThoughAnEntryIsMadeForEach) {
  for (const int count : kCounts) {
    const std::string path = MakeFolder(count);
    EXPECT_EQ(ForEach(path, count,
                      [](const std::string& name) { MakeFile(name + "~"); }),
              count);
  }
}

TEST_F(ListingTest, EndsThoughEachEntryIsMadeAnew) {
  for (const int count : kCounts) {
    const std::string path = MakeFolder(count);
    EXPECT_EQ(ForEach(path, count,
                      [](const std::string& name) {
                        ASSERT_EQ(unlink(name.c_str()), 0);
                        MakeFile(name);
                      }),
              count);
  }
}

// The end is that of each listing by itself.
TEST_F(ListingTest, EndsThoughOthersBeginMeanwhile) {
  constexpr int kCount = 200;
  const std::string path = MakeFolder(kCount);
  EXPECT_EQ(ForEach(path, kCount,
                    [&](const std::string& name) {
                      ASSERT_EQ(rename(name.c_str(), (name + "~").c_str()), 0);
                      EXPECT_EQ(OpenFolder(path).Rest().size(), kCount + 2U);
                    }),
            kCount);
}

TEST_F(ListingTest, BeginsAnewWithWhatIsThereThen) {
  for (const int count : kCounts) {
    const std::string path = MakeFolder(count);
    OpenFolder folder(path);
    EXPECT_EQ(folder.Rest().size(), count + 2U);
    MakeFile(path + "/late");
    EXPECT_EQ(folder.Next(), "");
    rewinddir(folder.get());
    EXPECT_EQ(folder.Rest().size(), count + 3U);
    ASSERT_EQ(unlink((path + "/late").c_str()), 0);
    rewinddir(folder.get());
    EXPECT_EQ(folder.Rest().size(), count + 2U);
  }
}

TEST_F(ListingTest, PositionsLeadToWhereTheyWereTaken) {
  for (const int count : kCounts) {
    const std::string path = MakeFolder(count);
    OpenFolder folder(path);
    std::vector<long> positions;
    std::vector<std::string> names;
    while (true) {
      positions.push_back(telldir(folder.get()));
      names.push_back(folder.Next());
      if (names.back().empty()) break;
    }
    ASSERT_EQ(names.size(), count + 3U);
    // What goes and what comes moves no position.
    MakeFile(path + "/late");
    if (count > 2) {
      ASSERT_EQ(unlink((path + "/" + names[2]).c_str()), 0);
    }
    for (size_t i = names.size(); i-- > 3;) {
      seekdir(folder.get(), positions[i]);
      ASSERT_EQ(folder.Next(), names[i]) << i;
    }
  }
}

TEST_F(ListingTest, AFolderOpenedToLeaveNoTraceKeepsItsAccessTime) {
  const std::string path = MakeFolder(3);
  const timespec old[] = {{.tv_sec = 1000, .tv_nsec = 0},
                          {.tv_sec = 2000, .tv_nsec = 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), old, 0), 0);
  UniqueFd fd(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC));
  ASSERT_TRUE(fd.valid());
  DIR* folder = fdopendir(fd.Release());
  while (readdir(folder) != nullptr) {
  }
  closedir(folder);
  struct stat info = {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_atim.tv_sec, 1000);
}

}  // namespace
}  // namespace driveroot
