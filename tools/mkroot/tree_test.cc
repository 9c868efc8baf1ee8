// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/tree.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/mkroot/debian_package.h"

namespace driveroot {
namespace {

constexpr TarTime kTime{1'700'000'000, 0};

TarEntry HardLink(std::string path, std::string target) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.type = TarType::kHardLink;
  entry.link_target = std::move(target);
  return entry;
}

std::vector<TarMember> WriteAndRead(const Tree& tree) {
  std::string archive;
  StringSink sink(&archive);
  EXPECT_TRUE(tree.WriteTar(&sink));
  StringSource source(archive);
  const auto members = ReadTarMembers(&source);
  EXPECT_TRUE(members);
  return members.value_or(std::vector<TarMember>());
}

TEST(TreeTest, MakesMissingFoldersAndSorts) {
  Tree tree(kTime);
  tree.AddFile("/b/c/file", "x");
  tree.AddFile("/a", "y");
  ASSERT_TRUE(tree.Finish());
  std::vector<std::string> paths;
  for (const TarMember& member : WriteAndRead(tree)) {
    paths.push_back(member.entry.path);
  }
  EXPECT_EQ(paths,
            (std::vector<std::string>{".", "a", "b", "b/c", "b/c/file"}));
}

TEST(TreeTest, FirstNameOfHardLinksCarriesTheContents) {
  Tree tree(kTime);
  tree.AddFile("/m", "contents");
  tree.Add(HardLink("z", "m"), "");
  tree.Add(HardLink("a", "m"), "");
  tree.Add(HardLink("b", "m"), "");
  ASSERT_TRUE(tree.Finish());
  const std::vector<TarMember> members = WriteAndRead(tree);
  ASSERT_EQ(members.size(), 5U);
  EXPECT_EQ(members[1].entry.path, "a");
  EXPECT_EQ(members[1].contents, "contents");
  for (size_t i = 2; i < 5; ++i) {
    EXPECT_EQ(members[i].entry.type, TarType::kHardLink);
    EXPECT_EQ(members[i].entry.link_target, "a");
  }
}

TEST(TreeTest, RefusesHardLinksToNothingAndFilesBelowFiles) {
  Tree dangling(kTime);
  dangling.Add(HardLink("a", "nothing"), "");
  EXPECT_FALSE(dangling.Finish());
  Tree below(kTime);
  below.AddSymlink("/lib", "usr/lib");
  below.AddFile("/lib/x", "");
  EXPECT_FALSE(below.Finish());
}

TEST(TreeTest, ResolvesSymlinksInEveryComponent) {
  Tree tree(kTime);
  tree.AddFile("/usr/bin/mawk", "program");
  tree.AddSymlink("/bin", "usr/bin");
  tree.AddSymlink("/usr/bin/awk", "/etc/alternatives/awk");
  tree.AddSymlink("/etc/alternatives/awk", "../../bin/./mawk");
  tree.AddSymlink("/loop", "loop");
  ASSERT_NE(tree.Resolve("/bin/awk"), nullptr);
  EXPECT_EQ(tree.Resolve("/bin/awk")->contents, "program");
  EXPECT_EQ(tree.Resolve("/loop"), nullptr);
  EXPECT_EQ(tree.Resolve("/bin/nothing"), nullptr);
  EXPECT_NE(tree.Find("/bin/mawk"), tree.Resolve("/bin/mawk"));
}

TEST(TreeTest, ListsOneLevel) {
  Tree tree(kTime);
  tree.AddFile("/d/a", "");
  tree.AddFile("/d/b/c", "");
  tree.AddFile("/dd", "");
  EXPECT_EQ(tree.List("/d"), (std::vector<std::string>{"d/a", "d/b"}));
  EXPECT_EQ(tree.List("/"), (std::vector<std::string>{"d", "dd"}));
}

}  // namespace
}  // namespace driveroot
