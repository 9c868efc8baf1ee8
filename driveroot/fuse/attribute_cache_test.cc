// SPDX-License-Identifier: Apache-2.0
//
// What statx(2) shows right after each operation, for each attribute alone: the
// kernel keeps attributes without a time limit, so whatever the daemon changes
// besides what it was asked for, it must have told. Every operation goes
// through one name, and all that it touches is looked at through descriptors
// that were there before.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <format>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/unique_fd.h"
#include "driveroot/fs/acl.h"
#include "driveroot/fuse/posix/acting.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {
namespace {

constexpr uid_t kUser = 1000;

// What exists before each operation. All of it may be looked at and written by
// everybody; `file` and `second` are two names of one set-id file.
constexpr const char* kNames[] = {".",        "a",        "b",        "a/file",
                                  "b/second", "a/other",  "b/target", "a/sub",
                                  "a/sub/in", "b/subdir", "a/link"};

struct Attribute {
  const char* name;
  unsigned mask;
  std::function<std::string(const struct statx&)> get;
};

std::string Time(const struct statx_timestamp& time) {
  return std::format("{}.{:09}", time.tv_sec, time.tv_nsec);
}

const std::vector<Attribute>& Attributes() {
  static const auto* const all = new std::vector<Attribute>{
      {"mode", STATX_MODE,
       [](const auto& x) { return std::format("{:o}", x.stx_mode); }},
      {"nlink", STATX_NLINK,
       [](const auto& x) { return std::to_string(x.stx_nlink); }},
      {"uid", STATX_UID,
       [](const auto& x) { return std::to_string(x.stx_uid); }},
      {"gid", STATX_GID,
       [](const auto& x) { return std::to_string(x.stx_gid); }},
      {"size", STATX_SIZE,
       [](const auto& x) { return std::to_string(x.stx_size); }},
      {"blocks", STATX_BLOCKS,
       [](const auto& x) { return std::to_string(x.stx_blocks); }},
      {"atime", STATX_ATIME, [](const auto& x) { return Time(x.stx_atime); }},
      {"mtime", STATX_MTIME, [](const auto& x) { return Time(x.stx_mtime); }},
      {"ctime", STATX_CTIME, [](const auto& x) { return Time(x.stx_ctime); }}};
  return *all;
}

struct statx Look(int fd, unsigned mask, int sync) {
  struct statx result = {};
  EXPECT_EQ(statx(fd, "", AT_EMPTY_PATH | sync, mask, &result), 0)
      << strerror(errno);
  return result;
}

bool Create(const std::string& path, mode_t mode) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
  return fd.valid() && write(fd.get(), "hello", 5) == 5 &&
         chmod(path.c_str(), mode) == 0;
}

bool MakeTree(const std::string& root) {
  const auto at = [&root](const char* name) { return root + "/" + name; };
  bool made = mkdir(root.c_str(), 0777) == 0 && chmod(root.c_str(), 0777) == 0;
  for (const char* name : {"a", "b", "a/sub", "b/subdir"}) {
    made = made && mkdir(at(name).c_str(), 0777) == 0 &&
           chmod(at(name).c_str(), 0777) == 0;
  }
  for (const char* name : {"a/other", "b/target", "a/sub/in"}) {
    made = made && Create(at(name), 0666);
  }
  return made && Create(at("a/file"), 06777) &&
         link(at("a/file").c_str(), at("b/second").c_str()) == 0 &&
         symlink("other", at("a/link").c_str()) == 0;
}

// All is reached from the folder that the process is in.
bool WithFile(const char* path, int flags,
              const std::function<bool(int)>& use) {
  const UniqueFd fd(open(path, flags | O_CLOEXEC, 0666));
  return fd.valid() && use(fd.get());
}

struct Operation {
  std::string name;
  std::optional<uid_t> who;
  std::function<bool()> run;
};

bool WriteMapped(int fd) {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return false;
  std::memcpy(memory, "J", 1);
  const bool synced = msync(memory, 4096, MS_SYNC) == 0;
  return munmap(memory, 4096) == 0 && synced;
}

bool WriteDirectly(int fd) {
  alignas(4096) static const char bytes[4096] = "x";
  return pwrite(fd, bytes, sizeof(bytes), 0) == sizeof(bytes);
}

bool CopyInto(const char* from, const char* to) {
  return WithFile(from, O_RDONLY, [to](int source) {
    return WithFile(to, O_WRONLY, [source](int fd) {
      return copy_file_range(source, nullptr, fd, nullptr, 5, 0) == 5;
    });
  });
}

std::vector<Operation> DataOperations() {
  const auto on_second = [](int flags, std::function<bool(int)> use) {
    return [flags, use] { return WithFile("b/second", flags, use); };
  };
  const auto write_some = [](int fd) { return write(fd, "abc", 3) == 3; };
  const auto allocate = [](int mode, off_t offset, off_t length) {
    return [=](int fd) { return fallocate(fd, mode, offset, length) == 0; };
  };
  std::vector<Operation> result;
  // Root keeps set-id bits, all others lose them.
  for (const std::optional<uid_t> who :
       {std::optional<uid_t>(), std::optional<uid_t>(kUser)}) {
    const std::vector<Operation> operations = {
        {"write", who, on_second(O_WRONLY, write_some)},
        {"append", who, on_second(O_WRONLY | O_APPEND, write_some)},
        {"write directly", who, on_second(O_WRONLY | O_DIRECT, WriteDirectly)},
        {"write mapped", who, on_second(O_RDWR, WriteMapped)},
        {"open to truncate", who,
         on_second(O_WRONLY | O_TRUNC, [](int) { return true; })},
        {"truncate", who, [] { return truncate("b/second", 3) == 0; }},
        {"extend", who, [] { return truncate("b/second", 30000) == 0; }},
        {"allocate", who, on_second(O_WRONLY, allocate(0, 0, 10000))},
        {"allocate and keep the size", who,
         on_second(O_WRONLY, allocate(FALLOC_FL_KEEP_SIZE, 0, 10000))},
        {"zero", who,
         on_second(O_WRONLY, allocate(FALLOC_FL_ZERO_RANGE, 1, 10000))},
        {"punch", who,
         on_second(O_WRONLY,
                   allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, 2))},
        {"copy_file_range", who,
         [] { return CopyInto("a/other", "b/second"); }},
        {"copy_file_range from it", who,
         [] { return CopyInto("b/second", "a/other"); }},
        {"read", who, on_second(O_RDONLY, [](int fd) {
           char byte;
           return read(fd, &byte, 1) == 1;
         })}};
    result.insert(result.end(), operations.begin(), operations.end());
  }
  return result;
}

bool SetList(const char* path, uint16_t group) {
  const std::string list = EncodeAcl({{AclTag::kUserObject, 7, 0},
                                      {AclTag::kUser, 5, kUser},
                                      {AclTag::kGroupObject, group, 0},
                                      {AclTag::kMask, 5, 0},
                                      {AclTag::kOther, 1, 0}});
  return setxattr(path, "system.posix_acl_access", list.data(), list.size(),
                  0) == 0;
}

bool RenameWith(const char* from, const char* to, unsigned flags) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) == 0;
}

bool NameTemporary() {
  return WithFile("a", O_TMPFILE | O_RDWR, [](int fd) {
    return linkat(AT_FDCWD, std::format("/proc/self/fd/{}", fd).c_str(),
                  AT_FDCWD, "b/made", AT_SYMLINK_FOLLOW) == 0;
  });
}

bool List(const char* path) {
  DIR* directory = opendir(path);
  if (directory == nullptr) return false;
  while (readdir(directory) != nullptr) {
  }
  return closedir(directory) == 0;
}

std::vector<Operation> NameOperations() {
  const std::optional<uid_t> root;
  const timespec times[] = {{.tv_sec = 1, .tv_nsec = 2},
                            {.tv_sec = 3, .tv_nsec = 4}};
  const timespec first = times[0];
  const timespec second = times[1];
  return {
      {"chmod", root, [] { return chmod("b/second", 0640) == 0; }},
      {"chown", root, [] { return chown("b/second", 5, 6) == 0; }},
      {"chown of nothing", root, [] { return chown("b/second", -1, -1) == 0; }},
      {"utimensat", root,
       [=] {
         const timespec both[] = {first, second};
         return utimensat(AT_FDCWD, "b/second", both, 0) == 0;
       }},
      {"setxattr", root,
       [] { return setxattr("b/second", "user.a", "1", 1, 0) == 0; }},
      {"set and remove an attribute", root,
       [] {
         return setxattr("b/second", "user.a", "1", 1, 0) == 0 &&
                removexattr("b/second", "user.a") == 0;
       }},
      {"set an access list", root, [] { return SetList("b/second", 4); }},
      {"set an access list of a folder", root, [] { return SetList("a", 4); }},
      {"remove an access list", root,
       [] {
         return SetList("b/second", 4) &&
                removexattr("b/second", "system.posix_acl_access") == 0;
       }},
      {"create", root, [] { return Create("a/new", 0644); }},
      {"mkdir", root, [] { return mkdir("a/new", 0755) == 0; }},
      {"mknod", root, [] { return mknod("a/new", S_IFIFO | 0644, 0) == 0; }},
      {"symlink", root, [] { return symlink("x", "a/new") == 0; }},
      {"link", root, [] { return link("b/second", "a/third") == 0; }},
      {"name a temporary file", root, NameTemporary},
      {"unlink one of two names", root, [] { return unlink("b/second") == 0; }},
      {"unlink the last name", root, [] { return unlink("a/other") == 0; }},
      {"rmdir", root, [] { return rmdir("b/subdir") == 0; }},
      {"rename", root, [] { return RenameWith("a/other", "a/new", 0); }},
      {"rename to another folder", root,
       [] { return RenameWith("a/other", "b/new", 0); }},
      {"rename over a file", root,
       [] { return RenameWith("a/other", "b/target", 0); }},
      {"rename over one of two names", root,
       [] { return RenameWith("a/other", "b/second", 0); }},
      {"rename a folder to another", root,
       [] { return RenameWith("a/sub", "b/new", 0); }},
      {"rename a folder over another", root,
       [] { return RenameWith("a/sub", "b/subdir", 0); }},
      {"rename one name over the other", root,
       [] { return RenameWith("a/file", "b/second", 0); }},
      {"exchange files", root,
       [] { return RenameWith("a/other", "b/target", RENAME_EXCHANGE); }},
      {"exchange a folder and a file", root,
       [] { return RenameWith("a/sub", "b/target", RENAME_EXCHANGE); }},
      {"rename and leave a whiteout", root,
       [] { return RenameWith("a/other", "b/target", RENAME_WHITEOUT); }},
      {"list", root, [] { return List("a"); }},
      {"readlink", root,
       [] {
         char target[9];
         return readlink("a/link", target, sizeof(target)) > 0;
       }},
  };
}

class AttributeCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    auto mount = TestMount::Make();
    ASSERT_TRUE(mount) << mount.error();
    mount_ = std::move(*mount);
  }
  void TearDown() override { ASSERT_EQ(chdir("/"), 0); }

  // One attribute after an operation on a tree of its own.
  void Check(const Operation& operation, const Attribute& attribute) {
    const std::string root =
        std::format("{}/{}", mount_->path(), number_of_trees_++);
    ASSERT_TRUE(MakeTree(root)) << strerror(errno);
    ASSERT_EQ(chdir(root.c_str()), 0);
    std::map<std::string, UniqueFd> opened;
    for (const char* name : kNames) {
      UniqueFd fd(open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
      ASSERT_TRUE(fd.valid()) << name;
      Look(fd.get(), STATX_BASIC_STATS, AT_STATX_SYNC_AS_STAT);
      opened[name] = std::move(fd);
    }
    {
      std::optional<posix::Credentials> who;
      if (operation.who) who = {.uid = *operation.who, .groups = {kUser}};
      const posix::ActAs acting(who);
      ASSERT_TRUE(operation.run()) << operation.name << ": " << strerror(errno);
    }
    for (const auto& [name, fd] : opened) {
      const std::string shown =
          attribute.get(Look(fd.get(), attribute.mask, AT_STATX_SYNC_AS_STAT));
      const std::string real =
          attribute.get(Look(fd.get(), STATX_BASIC_STATS, AT_STATX_FORCE_SYNC));
      EXPECT_EQ(shown, real)
          << attribute.name << " of " << name << " after " << operation.name;
    }
  }

  void CheckAll(const std::vector<Operation>& operations) {
    for (const Operation& operation : operations) {
      for (const Attribute& attribute : Attributes()) {
        Check(operation, attribute);
        if (HasFatalFailure()) return;
      }
    }
  }

  std::unique_ptr<TestMount> mount_;
  int number_of_trees_ = 0;
};

TEST_F(AttributeCacheTest, OperationsOnData) { CheckAll(DataOperations()); }

TEST_F(AttributeCacheTest, OperationsOnNamesAndAttributes) {
  CheckAll(NameOperations());
}

}  // namespace
}  // namespace driveroot
