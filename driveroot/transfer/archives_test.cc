// SPDX-License-Identifier: Apache-2.0
//
// Archives of other programs; testdata/README.md says what is in them.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/transfer/tree.h"

namespace driveroot {
namespace {

using namespace std::string_literals;

std::string TestData(const std::string& name) {
  return std::string(std::getenv("TEST_SRCDIR")) +
         "/driveroot/driveroot/transfer/testdata/" + name;
}

struct Seen {
  TarEntry entry;
  std::string contents;  // without holes
  uint64_t hole_bytes = 0;
};

Result<std::map<std::string, Seen>> ReadTree(const std::string& path) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSource> source,
                             OpenTreeSource(path));
  std::map<std::string, Seen> tree;
  std::string buffer(10'000, '\0');
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry,
                               source->Next());
    if (!entry) return tree;
    Seen& seen = tree[entry->path];
    seen.entry = *entry;
    while (true) {
      DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t hole, source->SkipHole());
      seen.hole_bytes += hole;
      DRIVEROOT_ASSIGN_OR_RETURN(const size_t n, source->ReadData(buffer));
      if (n == 0) break;
      seen.contents.append(buffer, 0, n);
    }
  }
}

class ArchivesTest : public testing::TestWithParam<const char*> {};

TEST_P(ArchivesTest, IsReadWhole) {
  const std::string name = GetParam();
  const auto tree = ReadTree(TestData(name));
  ASSERT_TRUE(tree) << tree.error();
  ASSERT_EQ(tree->size(), 6u);
  EXPECT_EQ(tree->at("symlink").entry.link_target, "dir/file");
  // Whichever of the two comes first has the contents.
  const bool link_first = tree->at("dir/file").entry.type == TarType::kHardLink;
  const Seen& file = tree->at(link_first ? "link" : "dir/file");
  EXPECT_EQ(file.contents, "contents\n");
  EXPECT_EQ(tree->at(link_first ? "dir/file" : "link").entry.link_target,
            link_first ? "link" : "dir/file");
  EXPECT_EQ(file.entry.modified.seconds, 981173106);
  const Seen& sparse = tree->at("sparse");
  EXPECT_EQ(sparse.entry.size, 1'000'000u);
  EXPECT_EQ(sparse.contents.size() + sparse.hole_bytes, 1'000'000u);
  if (name.starts_with("python")) {
    EXPECT_EQ(sparse.contents.at(300'000), 'x');
    return;
  }
  // The one block that is not empty.
  EXPECT_EQ(sparse.contents.size(), 4096u);
  EXPECT_EQ(sparse.contents.at(300'000 % 4096), 'x');
  if (name.starts_with("gnu")) return;
  EXPECT_EQ(file.entry.modified.nanoseconds, 789'000'000u);
  EXPECT_EQ(file.entry.xattrs.at("user.note"), "a=b");
  // As in tar_dialects_test: user::rw-, user:12345:r--, group::r--,
  // group:54321:rw-, mask::rw-, other::r--.
  EXPECT_EQ(file.entry.xattrs.at("system.posix_acl_access"),
            "\2\0\0\0"
            "\1\0\6\0\xff\xff\xff\xff"
            "\2\0\4\0\x39\x30\0\0"
            "\4\0\4\0\xff\xff\xff\xff"
            "\10\0\6\0\x31\xd4\0\0"
            "\20\0\6\0\xff\xff\xff\xff"
            "\40\0\4\0\xff\xff\xff\xff"s);
  EXPECT_EQ(tree->at("dir").entry.xattrs.at("system.posix_acl_default").size(),
            44u);
}

INSTANTIATE_TEST_SUITE_P(Golden, ArchivesTest,
                         testing::Values("gnu.tar.xz", "pax-0.0.tar.gz",
                                         "pax-0.1.tar.gz", "pax-1.0.tar.gz",
                                         "bsdtar.tar.zst", "bsdtar.tar.lzma",
                                         "bsdtar.tar.lz", "python.tar.gz"));

TEST(LayerTest, OneLayerIsNoTree) {
  const auto tree = ReadTree(TestData("layer.tar.gz"));
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().code(), ErrorCode::kNotSupported);
  EXPECT_NE(tree.error().message().find("container image"), std::string::npos);
}

TEST(NoArchiveTest, IsRefusedWhenItIsOpened) {
  const std::string path = testing::TempDir() + "/no_archive";
  for (const std::string& bytes : {""s, "no archive"s, std::string(5000, 'x'),
                                   "BZh91AY&SY"s, "\x1f\x8b\x08"s, "PK\3\4"s}) {
    ASSERT_TRUE(ReplaceFile(path, bytes, 0600));
    const auto source = OpenTreeSource(path);
    ASSERT_FALSE(source) << bytes.substr(0, 10);
    EXPECT_NE(source.error().message().find(path), std::string::npos)
        << source.error();
  }
}

}  // namespace
}  // namespace driveroot
