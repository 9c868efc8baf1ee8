// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "driveroot/base/files.h"
#include "gtest/gtest.h"

namespace driveroot {
namespace {

struct Seen {
  TarEntry entry;
  std::string contents;
  friend bool operator==(const Seen&, const Seen&) = default;
};
using SeenTree = std::map<std::string, Seen>;

Status Copy(TreeSource& source, TreeSink* sink, SeenTree* ret_seen) {
  std::string buffer(10'000, '\0');
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry,
                               source.Next());
    if (!entry) break;
    Seen& seen = (*ret_seen)[entry->path];
    seen.entry = *entry;
    // When a node was made and read is the system's to say.
    seen.entry.accessed.reset();
    seen.entry.changed.reset();
    if (sink != nullptr) DRIVEROOT_RETURN_IF_ERROR(sink->WriteEntry(*entry));
    while (true) {
      DRIVEROOT_ASSIGN_OR_RETURN(const size_t count, source.ReadData(buffer));
      if (count == 0) break;
      const std::string_view bytes(buffer.data(), count);
      seen.contents += bytes;
      if (sink != nullptr) DRIVEROOT_RETURN_IF_ERROR(sink->WriteData(bytes));
    }
  }
  if (sink != nullptr) return sink->Finish();
  return {};
}

class TreeTest : public testing::Test {
 protected:
  TreeTest()
      : folder_(std::filesystem::path(testing::TempDir()) /
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  std::string Path(const std::string& name) const { return folder_ / name; }

  // A tree with one of everything that this user may make.
  std::string MakeTree() {
    const std::string top = Path("source");
    std::filesystem::create_directories(top + "/dir/inner");
    std::ofstream(top + "/dir/file") << "contents";
    std::ofstream(top + "/empty");
    std::filesystem::create_hard_link(top + "/dir/file", top + "/zlink");
    std::filesystem::create_symlink("dir/../dir/file", top + "/relative");
    std::filesystem::create_symlink("/nowhere", top + "/dangling");
    std::ofstream(top + "/sparse");
    EXPECT_EQ(truncate((top + "/sparse").c_str(), 1 << 20), 0);
    EXPECT_EQ(mkfifo((top + "/fifo").c_str(), 0620), 0);
    EXPECT_EQ(chmod((top + "/dir/file").c_str(), 04751), 0);
    EXPECT_EQ(chmod((top + "/dir/inner").c_str(), 0500), 0);
    EXPECT_EQ(setxattr((top + "/empty").c_str(), "user.note", "a\0b", 3, 0), 0);
    if (geteuid() == 0) {
      EXPECT_EQ(mknod((top + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)),
                0);
      EXPECT_EQ(lchown((top + "/dangling").c_str(), 12, 34), 0);
      EXPECT_EQ(chown((top + "/empty").c_str(), 1000, 2000), 0);
    }
    const timespec times[2] = {{1, 2}, {1'600'000'000, 123'456'789}};
    EXPECT_EQ(utimensat(AT_FDCWD, (top + "/dir").c_str(), times, 0), 0);
    return top;
  }

  std::filesystem::path folder_;
};

SeenTree ReadTree(const std::string& path, TreeSink* sink = nullptr) {
  SeenTree seen;
  Result<std::unique_ptr<TreeSource>> source = OpenTreeSource(path);
  EXPECT_TRUE(source);
  const Status status = Copy(**source, sink, &seen);
  EXPECT_TRUE(status) << status.error();
  return seen;
}

TEST_F(TreeTest, FolderToArchiveToFolderKeepsEverything) {
  const std::string archive = Path("tree.tar");
  const std::string copy = Path("copy");
  const SeenTree original =
      ReadTree(MakeTree(), OpenTreeSink(archive).value().get());
  EXPECT_EQ(original.at("zlink").entry.type, TarType::kHardLink);
  EXPECT_EQ(original.at("dir/file").contents, "contents");
  EXPECT_EQ(original.at("dir").entry.modified.nanoseconds, 123'456'789U);
  EXPECT_EQ(ReadTree(archive, OpenTreeSink(copy).value().get()), original);
  EXPECT_EQ(ReadTree(copy), original);
  struct stat status;
  ASSERT_EQ(stat((copy + "/sparse").c_str(), &status), 0);
  EXPECT_EQ(status.st_blocks, 0);
}

TEST_F(TreeTest, ReadsCompressedArchives) {
  const std::string archive = Path("tree.tar");
  const SeenTree original =
      ReadTree(MakeTree(), OpenTreeSink(archive).value().get());
  const std::string bytes = ReadFile(archive, 1 << 30).value();
  std::string compressed(ZSTD_compressBound(bytes.size()), '\0');
  compressed.resize(ZSTD_compress(compressed.data(), compressed.size(),
                                  bytes.data(), bytes.size(), 3));
  const std::string path = Path("tree.tar.zst");
  ASSERT_TRUE(ReplaceFile(path, compressed, 0600));
  EXPECT_EQ(ReadTree(path), original);

  ASSERT_TRUE(ReplaceFile(
      path, std::string_view(compressed).substr(0, compressed.size() / 2),
      0600));
  SeenTree seen;
  const Status status = Copy(**OpenTreeSource(path), nullptr, &seen);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(status.error().message().find(path), std::string::npos);
}

TEST_F(TreeTest, UnfinishedArchiveDoesNotAppear) {
  const std::string archive = Path("tree.tar");
  {
    const std::unique_ptr<TreeSink> sink = OpenTreeSink(archive).value();
    TarEntry entry;
    entry.path = "a";
    entry.type = TarType::kDirectory;
    ASSERT_TRUE(sink->WriteEntry(entry));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(TreeTest, RefusesFoldersThatAreNotEmpty) {
  const Result<std::unique_ptr<TreeSink>> sink = OpenTreeSink(MakeTree());
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code(), ErrorCode::kNotEmpty);
}

TEST_F(TreeTest, MissingSourceIsNamed) {
  const Result<std::unique_ptr<TreeSource>> source =
      OpenTreeSource(Path("missing"));
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(source.error().message().find(Path("missing")), std::string::npos);
}

}  // namespace
}  // namespace driveroot
