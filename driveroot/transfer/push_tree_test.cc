// SPDX-License-Identifier: Apache-2.0
//
// What of a tree reaches a volume, and what comes out of it again.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/transfer/push.h"

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

std::string TestData(const std::string& name) {
  return std::string(getenv("TEST_SRCDIR")) +
         "/driveroot/driveroot/transfer/testdata/" + name;
}

// Entries as a test makes them.
class MadeSource final : public TreeSource {
 public:
  struct Made {
    TarEntry entry;
    std::string contents;
    size_t layer = 0;
  };

  MadeSource(std::vector<Made> made, bool is_image)
      : made_(std::move(made)), is_image_(is_image) {}

  Result<std::optional<TarEntry>> Next() override {
    if (next_ == made_.size()) return std::nullopt;
    rest_ = made_[next_].contents;
    return made_[next_++].entry;
  }
  Result<size_t> ReadData(std::span<char> buffer) override {
    const size_t n = rest_.copy(buffer.data(), buffer.size());
    rest_.remove_prefix(n);
    return n;
  }
  std::optional<size_t> layer() const override {
    if (!is_image_) return std::nullopt;
    return made_[next_ - 1].layer;
  }
  uint64_t bytes_done() const override { return 0; }
  uint64_t bytes_total() const override { return 0; }

 private:
  std::vector<Made> made_;
  bool is_image_;
  size_t next_ = 0;
  std::string_view rest_;
};

class PushTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/push_tree-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
  }
  void TearDown() override { stdfs::remove_all(top_); }

  std::unique_ptr<ObjectStore> Store() {
    return std::make_unique<FakeObjectStore>(account_);
  }
  Result<ImportSummary> Push(const std::string& path) {
    return PushTree(Store(), path, VolumeOptions(), ImportOptions(),
                    TransferObserver());
  }
  Result<ImportSummary> Push(std::vector<MadeSource::Made> made,
                             bool is_image = false) {
    MadeSource source(std::move(made), is_image);
    return PushTree(Store(), source, VolumeOptions(), ImportOptions(),
                    TransferObserver());
  }
  Result<ExportSummary> Pull(const std::string& to) {
    return PullTree(Store(), top_ / to, VolumeOptions(), TransferObserver());
  }
  // Names of all that is in the volume, and the contents of files.
  std::map<std::string, std::string> Contents() {
    static int number = 0;
    const std::string to = "contents" + std::to_string(++number);
    const auto pulled = Pull(to);
    EXPECT_TRUE(pulled) << pulled.error();
    std::map<std::string, std::string> contents;
    for (const auto& entry : stdfs::recursive_directory_iterator(top_ / to)) {
      contents[stdfs::relative(entry.path(), top_ / to)] =
          entry.is_regular_file() ? ReadFile(entry.path(), 1 << 20).value_or("")
                                  : "";
    }
    return contents;
  }

  stdfs::path top_;
  std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
};

MadeSource::Made File(const std::string& path, const std::string& contents,
                      size_t layer = 0) {
  TarEntry entry;
  entry.path = path;
  entry.mode = 0644;
  entry.size = contents.size();
  return {.entry = entry, .contents = contents, .layer = layer};
}

MadeSource::Made Folder(const std::string& path, size_t layer = 0) {
  TarEntry entry;
  entry.path = path;
  entry.type = TarType::kDirectory;
  entry.mode = 0755;
  return {.entry = entry, .contents = "", .layer = layer};
}

using Tree = std::map<std::string, std::string>;

TEST_F(PushTreeTest, LayersOfImagesAreApplied) {
  for (const char* image : {"docker-save.tar.gz", "oci-layout.tar.xz"}) {
    const auto pushed = Push(TestData(image));
    ASSERT_TRUE(pushed) << pushed.error();
    EXPECT_EQ(Contents(), (Tree{{"added", "2\n"},
                                {"kept", "1\n"},
                                {"opaque", ""},
                                {"opaque/new", "2\n"}}))
        << image;
  }
}

TEST_F(PushTreeTest, WhatALayerBringsStaysWhateverItTakesAway) {
  const std::vector<MadeSource::Made> lower = {
      Folder("a"),        File("a/old", "1"),
      Folder("a/sub"),    File("a/sub/old", "1"),
      File("b", "1"),     Folder("c"),
      File("c/x", "1"),   Folder("d"),
      File("d/old", "1"), File("e", "1"),
      Folder("f"),        File("f/x", "1")};
  std::vector<MadeSource::Made> image = lower;
  for (const auto& made : std::vector<MadeSource::Made>{
           // The whiteout comes after what it must not touch, and before.
           File("a/new", "2", 1), Folder("a/sub", 1), File("a/sub/new", "2", 1),
           File("a/.wh..wh..opq", "", 1), File(".wh.b", "", 1),
           File("b", "2", 1),
           // Folders give way to files, and files to folders.
           File("c", "2", 1), Folder("d", 1), File(".wh.d", "", 1),
           Folder("e", 1), File("e/y", "2", 1), File(".wh.nothing", "", 1),
           File("nowhere/.wh.x", "", 1), File(".wh..wh.plnk", "", 1),
           // Two layers up.
           File(".wh.f", "", 2)}) {
    image.push_back(made);
  }
  const auto pushed = Push(image, /*is_image=*/true);
  ASSERT_TRUE(pushed) << pushed.error();
  EXPECT_EQ(Contents(), (Tree{{"a", ""},
                              {"a/new", "2"},
                              {"a/sub", ""},
                              {"a/sub/new", "2"},
                              {"b", "2"},
                              {"c", "2"},
                              {"d", ""},
                              {"e", ""},
                              {"e/y", "2"}}));
}

TEST_F(PushTreeTest, AttributesOfOtherSystemsAreConvertedOrLeftOut) {
  MadeSource::Made file = File("file", "x");
  file.entry.xattrs = {{"com.apple.quarantine", "q"},
                       {"com.apple.both", "foreign"},
                       {"user.com.apple.both", "own"},
                       {"system.nfs4_acl", "x"},
                       {"user.", "x"},
                       {std::string(251, 'n'), "too long with its prefix"},
                       {"com.apple.big", std::string(65'537, 'x')},
                       {"user.fine", "1"},
                       {"security.capability", "2"}};
  MadeSource::Made link = File("link", "");
  link.entry.type = TarType::kSymlink;
  link.entry.link_target = "file";
  link.entry.xattrs = {{"user.not.there", "x"}, {"trusted.there", "3"}};
  const auto pushed = Push({file, link});
  ASSERT_TRUE(pushed) << pushed.error();
  EXPECT_FALSE(pushed->notes.missing());
  const std::vector<std::string> lines = pushed->notes.Lines();
  ASSERT_EQ(lines.size(), 2u);
  const bool first = lines[0].contains("Linux cannot have");
  // com.apple.big, a name too long, system.nfs4_acl, user., and the link's.
  EXPECT_TRUE(lines[first ? 0 : 1].starts_with("5 ")) << lines[first ? 0 : 1];
  EXPECT_TRUE(lines[first ? 1 : 0].starts_with("2 ")) << lines[first ? 1 : 0];

  VolumeOptions options;
  options.read_only = true;
  const auto volume = Volume::Open(Store(), options);
  ASSERT_TRUE(volume) << volume.error();
  const Volume::ReadLock lock = (*volume)->Read();
  const Xattrs& kept = *lock->Find(lock->Lookup(kRootInode, "file"))->xattrs;
  EXPECT_EQ((Tree(kept.begin(), kept.end())),
            (Tree{{"security.capability", "2"},
                  {"user.com.apple.both", "own"},
                  {"user.com.apple.quarantine", "q"},
                  {"user.fine", "1"}}));
  EXPECT_EQ(lock->Find(lock->Lookup(kRootInode, "link"))->xattrs->size(), 1u);
}

TEST_F(PushTreeTest, LinksThatRepeatAttributesLoseNothing) {
  const auto pushed = Push(TestData("bsdtar.tar.zst"));
  ASSERT_TRUE(pushed) << pushed.error();
  EXPECT_TRUE(pushed->notes.Lines().empty()) << pushed->notes.Lines()[0];
}

TEST_F(PushTreeTest, AFileThatBecameShorterIsAsLongAsWhatWasRead) {
  MadeSource::Made file = File("file", "short");
  file.entry.size = 100'000;
  MadeSource::Made gone = File("gone", "");
  gone.entry.size = 100'000;
  const auto pushed = Push({file, gone});
  ASSERT_TRUE(pushed) << pushed.error();
  EXPECT_EQ(Contents(), (Tree{{"file", "short"}, {"gone", ""}}));
}

// Nobody could wait for as many zeros.
TEST_F(PushTreeTest, HolesCostNothingOnTheWholeWay) {
  constexpr off_t kSize = off_t{1} << 42;
  stdfs::create_directories(top_ / "tree");
  for (const char* name : {"sparse", "hole"}) {
    const UniqueFd fd(
        open((top_ / "tree" / name).c_str(), O_WRONLY | O_CREAT, 0600));
    ASSERT_EQ(ftruncate(fd.get(), kSize), 0);
    if (name == std::string("hole")) continue;
    ASSERT_EQ(pwrite(fd.get(), "begin", 5, 0), 5);
    ASSERT_EQ(pwrite(fd.get(), "middle", 6, kSize / 2), 6);
  }
  const auto pushed = Push(top_ / "tree");
  ASSERT_TRUE(pushed) << pushed.error();
  ASSERT_TRUE(Pull("copy.tar"));
  EXPECT_LT(stdfs::file_size(top_ / "copy.tar"), 1'000'000u);
  ASSERT_TRUE(Pull("copy"));
  const auto again = Push(top_ / "copy.tar");
  ASSERT_TRUE(again) << again.error();
  ASSERT_TRUE(Pull("second"));
  for (const char* copy : {"copy", "second"}) {
    EXPECT_EQ(stdfs::file_size(top_ / copy / "hole"),
              static_cast<uint64_t>(kSize));
    const UniqueFd fd(open((top_ / copy / "sparse").c_str(), O_RDONLY));
    std::string bytes(6, '\0');
    ASSERT_EQ(pread(fd.get(), bytes.data(), 6, kSize / 2), 6);
    EXPECT_EQ(bytes, "middle");
    ASSERT_EQ(pread(fd.get(), bytes.data(), 6, 0), 6);
    EXPECT_EQ(bytes, std::string("begin\0", 6));
    struct stat status;
    ASSERT_EQ(fstat(fd.get(), &status), 0);
    EXPECT_EQ(status.st_size, kSize);
    EXPECT_LT(status.st_blocks, 10'000);
  }
}

}  // namespace
}  // namespace driveroot
