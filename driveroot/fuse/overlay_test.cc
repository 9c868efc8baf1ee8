// SPDX-License-Identifier: Apache-2.0
//
// overlayfs with its lower and its upper folder on a mounted volume, as
// containers have it: what is copied up keeps all that it had, and is the same
// after the overlay, and the volume, were mounted anew. The same is done on a
// local file system, and the answers are compared, with each feature of
// overlayfs that asks more of its layers.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <format>
#include <fstream>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {
namespace {

constexpr char kCapability[] = "security.capability";
constexpr uint64_t kMaxBytes = 1 << 20;

std::string Named(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

// A file with what a program of a root tree may have.
void MakeFile(const std::string& path, const std::string& bytes, mode_t mode,
              uid_t owner) {
  ASSERT_TRUE(ReplaceFile(path, bytes, 0600));
  ASSERT_EQ(chown(path.c_str(), owner, owner), 0);
  ASSERT_EQ(chmod(path.c_str(), mode), 0);
}

// The folder `lower`, and an overlay over it.
class Overlay {
 public:
  Overlay(std::string folder, std::string options)
      : folder_(std::move(folder)), options_(std::move(options)) {
    for (const char* name : {"", "/lower", "/upper", "/work", "/merged"}) {
      EXPECT_EQ(mkdir((folder_ + name).c_str(), 0755), 0) << strerror(errno);
    }
    FillLower();
  }
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;
  ~Overlay() { Unmount(); }

  // "0", or the errno value's name.
  std::string Mount() {
    const std::string data =
        std::format("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work{1}",
                    folder_, options_);
    if (mount("overlay", merged().c_str(), "overlay", 0, data.c_str()) != 0) {
      return Named(errno);
    }
    mounted_ = true;
    return "0";
  }
  void Unmount() {
    if (!std::exchange(mounted_, false)) return;
    EXPECT_EQ(umount2(merged().c_str(), 0), 0) << strerror(errno);
  }

  std::string merged() const { return folder_ + "/merged"; }

 private:
  void FillLower() {
    const std::string lower = folder_ + "/lower/";
    MakeFile(lower + "file", "below\n", 0644, 0);
    MakeFile(lower + "set-id", "program", 06775, 7);
    MakeFile(lower + "capable", "program", 0755, 7);
    // cap_net_raw=ep in revision 2 of struct vfs_cap_data.
    vfs_cap_data data = {};
    data.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
    data.data[0].permitted = 1 << CAP_NET_RAW;
    ASSERT_EQ(setxattr((lower + "capable").c_str(), kCapability, &data,
                       XATTR_CAPS_SZ_2, 0),
              0);
    ASSERT_EQ(link((lower + "file").c_str(), (lower + "hard").c_str()), 0);
    ASSERT_EQ(symlink("file", (lower + "soft").c_str()), 0);
    ASSERT_EQ(mkfifo((lower + "fifo").c_str(), 0640), 0);
    ASSERT_EQ(mkdir((lower + "folder").c_str(), 02750), 0);
    MakeFile(lower + "folder/in", "inside\n", 0600, 8);
    ASSERT_EQ(setxattr((lower + "folder/in").c_str(), "user.note", "1", 1, 0),
              0);
    MakeFile(lower + "gone", "gone", 0644, 0);
  }

  const std::string folder_;
  const std::string options_;
  bool mounted_ = false;
};

// What there is to see of a path; the times that nobody sets are left out, and the
// link counts of all but files: with nfs_export a symlink that was copied has that of
// the copy, which its index refers to as well (SEMANTICS.md).
std::string Describe(const std::string& path) {
  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) return Named(errno);
  std::string text = std::format(
      "mode {:o} uid {} gid {} nlink {} size {} mtime {}", info.st_mode,
      info.st_uid, info.st_gid, S_ISREG(info.st_mode) ? info.st_nlink : 0,
      S_ISDIR(info.st_mode) ? 0 : info.st_size,
      info.st_mtim.tv_sec < 10000 ? info.st_mtim.tv_sec : 0);
  for (const char* name : {kCapability, "user.note"}) {
    char value[64];
    const ssize_t size = lgetxattr(path.c_str(), name, value, sizeof(value));
    text += std::format(" {} {}", name,
                        size < 0 ? Named(errno) : std::to_string(size));
  }
  if (S_ISREG(info.st_mode)) {
    const Result<std::string> bytes = ReadFile(path, kMaxBytes);
    text += ": " + (bytes ? *bytes : bytes.error().message());
  }
  return text;
}

std::string List(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return Named(errno);
  while (const dirent* entry = readdir(directory)) {
    names.emplace_back(entry->d_name);
  }
  closedir(directory);
  std::ranges::sort(names);
  std::string all;
  for (const std::string& name : names) all += name + " ";
  return all;
}

// All of a tree, three times: what overlayfs remembers of the first look is
// checked in the others.
std::string DescribeTree(const std::string& root) {
  std::string text;
  for (int pass = 0; pass < 3; ++pass) {
    for (const char* name :
         {"", "/file", "/set-id", "/capable", "/hard", "/soft", "/fifo",
          "/folder", "/folder/in", "/moved", "/moved/in", "/gone", "/made"}) {
      text += std::format("{}{}: {}\n", pass, name, Describe(root + name));
    }
    text += List(root) + "\n" + List(root + "/folder") + "\n" +
            List(root + "/moved") + "\n";
  }
  return text;
}

// Each changes something of the merged tree and returns what came of it.
struct Change {
  std::string name;
  std::function<int(const std::string& merged)> make;
};

int Append(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  return fd.valid() && write(fd.get(), "above\n", 6) == 6 ? 0 : -1;
}

// As somebody of the file's group who is not its owner.
int AppendAsMember(const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    const bool acts =
        setgroups(0, nullptr) == 0 && setgid(7) == 0 && setuid(1000) == 0;
    _exit(acts && Append(path) == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

const std::vector<Change>& Changes() {
  static const auto* const all = new std::vector<Change>{
      {"append", [](const auto& at) { return Append(at + "/file"); }},
      {"touch a set-id program",
       [](const auto& at) {
         const timespec times[] = {{.tv_sec = 1, .tv_nsec = 0},
                                   {.tv_sec = 2, .tv_nsec = 0}};
         return utimensat(AT_FDCWD, (at + "/set-id").c_str(), times, 0);
       }},
      {"touch a program with capabilities",
       [](const auto& at) {
         const timespec times[] = {{.tv_sec = 1, .tv_nsec = 0},
                                   {.tv_sec = 2, .tv_nsec = 0}};
         return utimensat(AT_FDCWD, (at + "/capable").c_str(), times, 0);
       }},
      {"chmod a program with capabilities",
       [](const auto& at) { return chmod((at + "/capable").c_str(), 0775); }},
      {"chmod a set-id program",
       [](const auto& at) { return chmod((at + "/set-id").c_str(), 06770); }},
      {"give a set-id program a name",
       [](const auto& at) {
         return link((at + "/set-id").c_str(), (at + "/made").c_str());
       }},
      {"rename a set-id program",
       [](const auto& at) {
         return rename((at + "/set-id").c_str(), (at + "/made").c_str());
       }},
      {"chown a set-id program",
       [](const auto& at) { return chown((at + "/set-id").c_str(), 9, 9); }},
      {"chown a program with capabilities",
       [](const auto& at) { return chown((at + "/capable").c_str(), 9, 9); }},
      {"append to a set-id program",
       [](const auto& at) { return Append(at + "/set-id"); }},
      {"let others append to a set-id program",
       [](const auto& at) { return AppendAsMember(at + "/set-id"); }},
      {"append to a program with capabilities",
       [](const auto& at) { return Append(at + "/capable"); }},
      {"append to a hard link",
       [](const auto& at) { return Append(at + "/hard"); }},
      {"set an attribute",
       [](const auto& at) {
         return setxattr((at + "/file").c_str(), "user.note", "12", 2, 0);
       }},
      {"chown a symlink",
       [](const auto& at) { return lchown((at + "/soft").c_str(), 3, 4); }},
      {"chown a fifo",
       [](const auto& at) { return chown((at + "/fifo").c_str(), 3, 4); }},
      {"unlink", [](const auto& at) { return unlink((at + "/gone").c_str()); }},
      {"rename a folder",
       [](const auto& at) {
         return rename((at + "/folder").c_str(), (at + "/moved").c_str());
       }},
      {"append in a folder",
       [](const auto& at) { return Append(at + "/folder/in"); }},
      {"make a file",
       [](const auto& at) {
         const UniqueFd fd(
             open((at + "/made").c_str(), O_CREAT | O_CLOEXEC, 0644));
         return fd.valid() ? 0 : -1;
       }},
  };
  return *all;
}

void DropCaches() {
  // Names and inodes that nobody uses, of the whole machine; harmless.
  std::ofstream("/proc/sys/vm/drop_caches") << "2";
}

// Makes one change on an overlay in a new folder; what is to see afterwards, at
// once, with the overlay mounted anew, and after `renew`.
std::string Story(const std::string& folder, const std::string& options,
                  const Change& change, const std::function<void()>& renew) {
  Overlay overlay(folder, options);
  std::string text = "mount: " + overlay.Mount() + "\n";
  errno = 0;
  const int result = change.make(overlay.merged());
  text += result == 0 ? "done\n" : Named(errno) + "\n";
  text += DescribeTree(overlay.merged());
  overlay.Unmount();
  DropCaches();
  text += "mount: " + overlay.Mount() + "\n";
  text += DescribeTree(overlay.merged());
  overlay.Unmount();
  renew();
  text += "mount: " + overlay.Mount() + "\n";
  text += DescribeTree(overlay.merged());
  return text;
}

struct Features {
  std::string name;
  std::string options;
};
void PrintTo(const Features& features, std::ostream* out) {
  *out << features.name;
}

class OverlayTest : public testing::TestWithParam<Features> {
 protected:
  void SetUp() override {
    if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    auto mount = TestMount::Make();
    ASSERT_TRUE(mount) << mount.error();
    mount_ = std::move(*mount);
  }
  void Remount() {
    ASSERT_TRUE(mount_->Unmount());
    ASSERT_TRUE(mount_->Mount());
  }

  std::unique_ptr<TestMount> mount_;
};

TEST_P(OverlayTest, IsAsOnALocalFileSystem) {
  const LocalFolder local;
  if (!local.skip_reason().empty()) GTEST_SKIP() << local.skip_reason();
  int number = 0;
  for (const Change& change : Changes()) {
    const std::string folder = std::format("/{}", number++);
    const std::string expected =
        Story(local.path() + folder, GetParam().options, change, [] {});
    EXPECT_EQ(Story(mount_->path() + folder, GetParam().options, change,
                    [this] { Remount(); }),
              expected)
        << change.name;
  }
}

TEST_P(OverlayTest, CopiesKeepWhatTheyHad) {
  Overlay overlay(mount_->path() + "/o", GetParam().options);
  ASSERT_EQ(overlay.Mount(), "0");
  const std::string set_id = overlay.merged() + "/set-id";
  const std::string capable = overlay.merged() + "/capable";
  struct stat info = {};
  ASSERT_EQ(utimensat(AT_FDCWD, set_id.c_str(), nullptr, 0), 0);
  ASSERT_EQ(utimensat(AT_FDCWD, capable.c_str(), nullptr, 0), 0);
  ASSERT_EQ(stat(set_id.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 06775U);
  char value[64];
  EXPECT_GT(getxattr(capable.c_str(), kCapability, value, sizeof(value)), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Features, OverlayTest,
    testing::Values(
        Features{"Plain", ""}, Features{"Index", ",index=on"},
        Features{"Exported", ",index=on,nfs_export=on,metacopy=off"},
        Features{"Metacopy", ",metacopy=on,redirect_dir=on,index=on"},
        Features{"Redirected", ",redirect_dir=on,metacopy=off,index=off"},
        Features{"Numbers", ",xino=on"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace driveroot
