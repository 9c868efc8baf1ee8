// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/tree.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zstd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/transfer/owner_names.h"
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
  // Its first header is missing already.
  const auto source = OpenTreeSource(path);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(source.error().message().find(path), std::string::npos);
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

TEST_F(TreeTest, ArchivesAreTheirOwnersAlone) {
  const mode_t old = umask(0);
  for (const std::string name :
       {"a.tar", "a.tar.gz", "a.tgz", "a.tar.xz", "a.txz", "a.tar.zst"}) {
    const std::string archive = Path(name);
    const SeenTree original =
        ReadTree(MakeTree(), OpenTreeSink(archive).value().get());
    struct stat status;
    ASSERT_EQ(lstat(archive.c_str(), &status), 0) << name;
    EXPECT_TRUE(S_ISREG(status.st_mode)) << name;
    EXPECT_EQ(status.st_mode & 07777, 0600u) << name;
    EXPECT_EQ(ReadTree(archive), original) << name;
    std::filesystem::remove_all(Path("source"));
  }
  umask(old);
}

TEST_F(TreeTest, NamesOfOtherArchivesAreNoFolders) {
  for (const std::string name : {"a.tar.bz2", "a.zip", "a.gz", "a.tar.lz4"}) {
    const auto sink = OpenTreeSink(Path(name));
    ASSERT_FALSE(sink) << name;
    EXPECT_EQ(sink.error().code(), ErrorCode::kNotSupported);
    EXPECT_FALSE(std::filesystem::exists(Path(name)));
  }
  EXPECT_TRUE(OpenTreeSink(Path("a.gz/")));
  EXPECT_TRUE(std::filesystem::is_directory(Path("a.gz")));
  EXPECT_TRUE(OpenTreeSink(Path("a.gz")));
}

TEST_F(TreeTest, NoLinkLeadsAnArchiveElsewhere) {
  const std::string victim = Path("victim");
  ASSERT_TRUE(ReplaceFile(victim, "keep me", 0644));
  std::filesystem::create_symlink(victim, Path("a.tar.partial"));
  std::filesystem::create_symlink(victim, Path("a.tar"));
  ReadTree(MakeTree(), OpenTreeSink(Path("a.tar")).value().get());
  EXPECT_EQ(ReadFile(victim, 100).value_or(""), "keep me");
  EXPECT_FALSE(std::filesystem::is_symlink(Path("a.tar")));
}

TEST_F(TreeTest, AFifoIsWrittenToAndStays) {
  const std::string fifo = Path("pipe.tar");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const UniqueFd reader(open(fifo.c_str(), O_RDONLY | O_NONBLOCK));
  {
    const std::unique_ptr<TreeSink> sink = OpenTreeSink(fifo).value();
    ASSERT_TRUE(sink->Finish());
  }
  std::string bytes(2000, '?');
  EXPECT_EQ(read(reader.get(), bytes.data(), bytes.size()), 1024);
  EXPECT_EQ(std::filesystem::status(fifo).type(),
            std::filesystem::file_type::fifo);
}

TarEntry EntryOf(const std::string& path, TarType type,
                 const std::string& target = "") {
  TarEntry entry;
  entry.path = path;
  entry.type = type;
  entry.mode = 0777;
  entry.link_target = target;
  return entry;
}

TEST_F(TreeTest, CraftedTreesStayInTheirFolder) {
  std::filesystem::create_directories(Path("outside"));
  ASSERT_TRUE(ReplaceFile(Path("outside/victim"), "keep me", 0600));
  const std::string outside = Path("outside");
  const std::vector<std::vector<TarEntry>> trees = {
      {EntryOf("out", TarType::kSymlink, outside),
       EntryOf("out/new", TarType::kFile)},
      {EntryOf("out", TarType::kSymlink, outside),
       EntryOf("out/victim", TarType::kFile)},
      {EntryOf("out", TarType::kSymlink, outside),
       EntryOf("out/new", TarType::kDirectory)},
      {EntryOf("out", TarType::kSymlink, outside),
       EntryOf("link", TarType::kHardLink, "out/victim"),
       EntryOf("link", TarType::kFile)},
      {EntryOf("out", TarType::kSymlink, ".."),
       EntryOf("out/outside/new", TarType::kSymlink, "x")},
      {EntryOf("out", TarType::kSymlink, outside),
       EntryOf("out", TarType::kDirectory)},
      {EntryOf("victim", TarType::kSymlink, outside + "/victim"),
       EntryOf("victim", TarType::kFile)},
      {EntryOf("../outside/new", TarType::kFile)},
      {EntryOf("/" + outside + "/new", TarType::kFile)},
      {EntryOf("a", TarType::kDirectory), EntryOf("a/..", TarType::kFifo)},
      {EntryOf("..", TarType::kDirectory)},
      {EntryOf(".", TarType::kSymlink, outside)},
      {EntryOf("link", TarType::kHardLink, "../outside/victim")},
  };
  for (size_t i = 0; i < trees.size(); ++i) {
    const std::unique_ptr<TreeSink> sink =
        OpenTreeSink(Path("copy" + std::to_string(i))).value();
    Status status;
    for (const TarEntry& entry : trees[i]) {
      if (status) status = sink->WriteEntry(entry);
    }
    if (status) status = sink->Finish();
    EXPECT_FALSE(status) << i;
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside), {}),
              1)
        << i;
    EXPECT_EQ(ReadFile(outside + "/victim", 100).value_or(""), "keep me") << i;
    struct stat victim;
    ASSERT_EQ(stat((outside + "/victim").c_str(), &victim), 0);
    EXPECT_EQ(victim.st_mode & 07777, 0600u) << i;
  }
}

TEST_F(TreeTest, AttributesThatAreRefusedAreNoted) {
  const std::unique_ptr<TreeSink> sink = OpenTreeSink(Path("copy")).value();
  TarEntry file = EntryOf("file", TarType::kFile);
  file.xattrs = {{"com.apple.quarantine", "x"}, {"user.fine", "y"}};
  ASSERT_TRUE(sink->WriteEntry(file));
  TarEntry link = EntryOf("link", TarType::kSymlink, "file");
  link.xattrs = {{"user.not.on.links", "x"}};
  ASSERT_TRUE(sink->WriteEntry(link));
  ASSERT_TRUE(sink->Finish());
  EXPECT_FALSE(sink->notes().missing());
  const std::vector<std::string> lines = sink->notes().Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("com.apple.quarantine"), std::string::npos);
  EXPECT_EQ(ReadTree(Path("copy")).at("file").entry.xattrs.size(), 1u);
}

// Reading them would take hours.
TEST_F(TreeTest, HolesAreGoneOver) {
  const std::string top = Path("source");
  std::filesystem::create_directories(top);
  std::ofstream(top + "/sparse");
  constexpr off_t kSize = off_t{1} << 40;
  ASSERT_EQ(truncate((top + "/sparse").c_str(), kSize), 0);
  {
    const UniqueFd fd(open((top + "/sparse").c_str(), O_WRONLY));
    ASSERT_EQ(pwrite(fd.get(), "middle", 6, kSize / 2), 6);
  }
  const std::unique_ptr<TreeSource> source = OpenTreeSource(top).value();
  ASSERT_EQ((*source->Next())->path, ".");
  ASSERT_EQ((*source->Next())->size, static_cast<uint64_t>(kSize));
  EXPECT_EQ(source->SkipHole().value(), static_cast<uint64_t>(kSize / 2));
  std::string buffer(1 << 20, '\0');
  const size_t count = source->ReadData(buffer).value();
  EXPECT_EQ(buffer.substr(0, 6), "middle");
  const uint64_t rest = source->SkipHole().value();
  EXPECT_EQ(kSize / 2 + count + rest, static_cast<uint64_t>(kSize));
  EXPECT_EQ(source->ReadData(buffer).value(), 0u);
  EXPECT_EQ(source->Next().value(), std::nullopt);
}

TEST_F(TreeTest, WhatChangesMeanwhileIsNotedAndNoError) {
  const std::string top = Path("source");
  std::filesystem::create_directories(top + "/dir");
  for (const char* name : {"a", "b", "c", "dir/d"}) {
    std::ofstream(top + "/" + name) << std::string(10'000, 'x');
  }
  const std::unique_ptr<TreeSource> source = OpenTreeSource(top).value();
  ASSERT_EQ((*source->Next())->path, ".");
  std::filesystem::remove(top + "/b");
  ASSERT_EQ((*source->Next())->path, "a");
  std::string buffer(4'000, '\0');
  EXPECT_EQ(source->ReadData(buffer).value(), 4'000u);
  std::filesystem::resize_file(top + "/a", 5'000);
  EXPECT_EQ(source->ReadData(buffer).value(), 1'000u);
  EXPECT_EQ(source->ReadData(buffer).value(), 0u);
  ASSERT_EQ((*source->Next())->path, "c");
  ASSERT_EQ((*source->Next())->path, "dir");
  // A link in a folder's place is not followed.
  std::filesystem::rename(top + "/dir", Path("elsewhere"));
  std::filesystem::create_symlink(Path("elsewhere"), top + "/dir");
  EXPECT_EQ(source->Next().value(), std::nullopt);
  EXPECT_FALSE(source->notes().missing());
  const std::vector<std::string> lines = source->notes().Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].starts_with("1 changed while") &&
              lines[0].ends_with(": a"))
      << lines[0];
  EXPECT_EQ(lines[1], "2 vanished while the folder was read: b, dir/d");
}

TEST_F(TreeTest, FurtherNamesOutsideAndSocketsAreNoted) {
  const std::string top = MakeTree();
  std::filesystem::create_hard_link(top + "/empty", Path("outside"));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  // The path of a test's folder is too long for one.
  ASSERT_EQ(chdir(top.c_str()), 0);
  std::strcpy(address.sun_path, "socket");
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
            0);
  close(fd);
  const std::unique_ptr<TreeSource> source = OpenTreeSource(top).value();
  while (*source->Next()) continue;
  const std::vector<std::string> lines = source->notes().Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].starts_with("1 sockets left out")) << lines[0];
  EXPECT_TRUE(lines[0].ends_with(": socket")) << lines[0];
  EXPECT_TRUE(lines[1].ends_with(": empty")) << lines[1];
}

TEST_F(TreeTest, WhatIsMountedBelowIsToldAndTakenWhenAsked) {
  ASSERT_EQ(geteuid(), 0u) << "needs root, for a mount";
  const std::string top = Path("source");
  std::filesystem::create_directories(top + "/mounted");
  std::filesystem::create_directories(top + "/proc");
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(mount("none", (top + "/mounted").c_str(), "tmpfs", 0, "size=1m"),
            0);
  ASSERT_EQ(mount("none", (top + "/proc").c_str(), "proc", 0, nullptr), 0);
  std::ofstream(top + "/mounted/file") << "contents";

  const std::unique_ptr<TreeSource> source = OpenTreeSource(top).value();
  std::vector<std::string> paths;
  while (const auto entry = source->Next().value()) {
    paths.push_back(entry->path);
  }
  EXPECT_EQ(paths, (std::vector<std::string>{".", "mounted", "proc"}));
  EXPECT_FALSE(source->notes().missing());
  ASSERT_EQ(source->notes().Lines().size(), 1u);
  const std::string line = source->notes().Lines()[0];
  EXPECT_TRUE(line.starts_with("2 mounted file systems")) << line;
  EXPECT_TRUE(line.ends_with(": mounted, proc")) << line;

  const std::unique_ptr<TreeSource> all =
      OpenTreeSource(top, {.cross_mounts = true}).value();
  paths.clear();
  while (const auto entry = all->Next().value()) paths.push_back(entry->path);
  EXPECT_EQ(paths,
            (std::vector<std::string>{".", "mounted", "mounted/file", "proc"}));
  ASSERT_EQ(all->notes().Lines().size(), 1u);
  EXPECT_TRUE(all->notes().Lines()[0].ends_with(": proc"));
  umount((top + "/mounted").c_str());
  umount((top + "/proc").c_str());
}

TEST_F(TreeTest, WhatMayNotBeReadIsNamedAndMissing) {
  ASSERT_EQ(geteuid(), 0u) << "needs root, to become somebody else";
  const std::string top = Path("source");
  std::filesystem::create_directories(top + "/closed");
  for (const char* name : {"a", "b", "closed/in"}) {
    std::ofstream(top + "/" + name) << "contents";
  }
  ASSERT_EQ(chmod((top + "/a").c_str(), 0600), 0);
  ASSERT_EQ(chmod((top + "/closed").c_str(), 0700), 0);
  const std::unique_ptr<TreeSource> source = OpenTreeSource(top).value();
  ASSERT_EQ(seteuid(65534), 0);
  std::vector<std::string> paths;
  while (const auto entry = source->Next().value()) {
    paths.push_back(entry->path);
  }
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_EQ(paths, (std::vector<std::string>{".", "b", "closed"}));
  EXPECT_TRUE(source->notes().missing());
  EXPECT_EQ(source->notes().CountOf(
                "could not be read and are not there (Permission denied)"),
            2u);
  EXPECT_TRUE(source->notes().Lines()[0].ends_with(": a, closed"));
}

TEST(TransferNotesTest, CountsAndEscapes) {
  TransferNotes notes;
  for (int i = 0; i < 30; ++i) notes.Add("things", "p" + std::to_string(i));
  notes.Add("bad names", "a\n\x1b[31m\\é");
  EXPECT_FALSE(notes.missing());
  TransferNotes more;
  more.Add("things", "last", TransferNotes::Weight::kMissing);
  notes.Add(more);
  EXPECT_TRUE(notes.missing());
  EXPECT_EQ(notes.CountOf("things"), 31u);
  const std::vector<std::string> lines = notes.Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].starts_with("31 things: p0, p1, "));
  EXPECT_TRUE(lines[0].ends_with(", …"));
  EXPECT_EQ(lines[1], "1 bad names: a\\012\\033[31m\\134é");
}

TEST(OwnerNamesTest, AreFoundInTheFilesOfTheMachine) {
  constexpr std::string_view kFile =
      "root:x:0:0:root:/root:/bin/bash\n"
      "broken\n"
      "empty:x::1\n"
      "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n";
  EXPECT_EQ(FindOwnerIn(kFile, "root"), 0u);
  EXPECT_EQ(FindOwnerIn(kFile, "www-data"), 33u);
  EXPECT_EQ(FindOwnerIn(kFile, "www"), std::nullopt);
  EXPECT_EQ(FindOwnerIn(kFile, "broken"), std::nullopt);
  EXPECT_EQ(FindOwnerIn(kFile, "empty"), std::nullopt);
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
