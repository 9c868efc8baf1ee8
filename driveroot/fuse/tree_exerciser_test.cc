// SPDX-License-Identifier: Apache-2.0
//
// The same random operations on names and attributes, done by several users, on
// a mounted volume and on a local file system: both must give the same answers
// and end with the same tree. A failure names the seed and the step.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <format>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "driveroot/fuse/posix/acting.h"
#include "driveroot/fuse/posix/operations.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot::posix {
namespace {

using Words = std::vector<std::string>;

// Thinks of steps; few names, so that they meet often.
class Steps {
 public:
  explicit Steps(unsigned seed) : random_(seed) {}

  Credentials Who() {
    switch (Below(4)) {
      case 0:
        return {.uid = 1000, .groups = {1000, 2000}};
      case 1:
        return {.uid = 1001, .groups = {2000}};
      default:
        return {.uid = 0, .groups = {0}};
    }
  }

  mode_t Mask() { return Below(2) == 0 ? 0 : 027; }

  Words Next() {
    switch (Below(18)) {
      case 0:
      case 1:
        return {"mkdir", Path(), Mode()};
      case 2:
      case 3:
        return {"create", Path(), Mode()};
      case 4:
        return {"mkfifo", Path(), Mode()};
      case 5:
        return {"symlink", Below(2) == 0 ? Path() : Name(), Path()};
      case 6:
        return {"link", Path(), Path()};
      case 7:
      case 8:
        return {"rename", Path(), Path()};
      case 9:
        return {"rename", Path(), Path(),
                Pick({"noreplace", "exchange", "exchange"})};
      case 10:
        return {"unlink", Path()};
      case 11:
        return {"rmdir", Path()};
      case 12:
        return {"chmod", Path(), Mode()};
      case 13:
        return {"lchown", Path(), Id(), Pick({"0", "1000", "1001", "2000"})};
      case 14:
        return {"truncate", Path(), std::to_string(Below(10000))};
      case 15:
        return {"write", Path(), std::to_string(Below(5000)),
                Pick({"short", "something longer"})};
      case 16:
        return {"setxattr", Path(), Pick({"user.a", "user.b", "trusted.c"}),
                Pick({"1", "22"})};
      default:
        return {Pick({"removexattr", "getxattr"}), Path(),
                Pick({"user.a", "user.b", "trusted.c"})};
    }
  }

 private:
  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }
  std::string Pick(const Words& words) { return words[Below(words.size())]; }
  std::string Name() { return Pick({"a", "b", "c", "d", "e"}); }
  std::string Path() {
    std::string path = Name();
    for (size_t depth = Below(4); depth > 0; --depth) path += "/" + Name();
    return path;
  }
  std::string Mode() {
    return Pick({"0777", "0755", "0770", "1777", "2775", "6755", "0644"});
  }
  std::string Id() { return Pick({"-1", "0", "1000", "1001", "2000"}); }

  std::mt19937 random_;
};

// Everything below a folder but times, as text.
std::string Describe(const std::string& root) {
  std::vector<std::string> lines;
  Held held;
  const auto ask = [&held](const Words& words) { return Perform(words, held); };
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(root)) {
    const std::string path = entry.path();
    std::string line =
        std::format("{} {}", path.substr(root.size()),
                    ask({"stat", path, "type", "mode", "uid", "gid", "nlink"}));
    line += " " + ask({"listxattr", path});
    const auto type = entry.symlink_status().type();
    if (type == std::filesystem::file_type::symlink) {
      line += " " + ask({"readlink", path});
    } else if (type == std::filesystem::file_type::regular) {
      // Short, and the same for the same contents only.
      const std::string contents = ask({"read", path, "0", "20000"});
      line += std::format(" {} {:x}", contents.substr(0, 20),
                          std::hash<std::string>()(contents));
    }
    lines.push_back(line);
  }
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string PerformIn(const std::string& folder, const Words& words,
                      const Credentials& who, mode_t mask) {
  if (chdir(folder.c_str()) != 0) return "mistake: no folder";
  Held held;
  umask(mask);
  const ActAs as(who);
  return Perform(words, held);
}

class TreeExerciserTest : public testing::TestWithParam<unsigned> {};

TEST_P(TreeExerciserTest, GivesTheSameAnswersAsALocalFileSystem) {
  const LocalFolder local;
  for (const std::string& reason :
       {TestMount::SkipReason(), local.skip_reason()}) {
    if (!reason.empty()) GTEST_SKIP() << reason;
  }
  auto mount = TestMount::Make();
  ASSERT_TRUE(mount) << mount.error();
  const std::string volume = (*mount)->path();
  ASSERT_EQ(chmod(volume.c_str(), 0777), 0);
  ASSERT_EQ(chmod(local.path().c_str(), 0777), 0);
  Steps steps(GetParam());
  constexpr int kSteps = 6000;
  for (int i = 0; i < kSteps && !HasFailure(); ++i) {
    const Words words = steps.Next();
    const Credentials who = steps.Who();
    const mode_t mask = steps.Mask();
    std::string text;
    for (const std::string& word : words) text += word + " ";
    SCOPED_TRACE(std::format("seed {}, step {}: as {} {}", GetParam(), i,
                             who.uid, text));
    EXPECT_EQ(PerformIn(volume, words, who, mask),
              PerformIn(local.path(), words, who, mask));
  }
  umask(022);
  ASSERT_EQ(chdir("/"), 0);
  const std::string expected = Describe(local.path());
  EXPECT_EQ(Describe(volume), expected);
  ASSERT_TRUE((*mount)->Unmount());
  ASSERT_TRUE((*mount)->Mount());
  EXPECT_EQ(Describe(volume), expected);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TreeExerciserTest, testing::Values(1, 2, 3));

}  // namespace
}  // namespace driveroot::posix
