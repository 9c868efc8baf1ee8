// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "vmtest/guest_check/checks.h"

namespace driveroot::vmtest {
namespace {

constexpr uint64_t kMaxBytes = 64 << 20;

// What was asked of the system, with errno's text when it refused.
Status Did(bool success, const std::string& what) {
  if (success) return {};
  return std::unexpected(Error::FromErrno(errno, what));
}

Status Symlinks(const std::string& dir) {
  std::filesystem::create_directories(dir + "/a/b");
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(dir + "/target", "here", 0644));
  const std::pair<std::string, std::string> links[] = {
      {"../../target", "/a/b/relative"},
      {"a/b/relative", "/first"},
      {"first", "/second"},
      {dir + "/second", "/absolute"},
      {"/usr/bin/env", "/outside"},
      {"nowhere", "/dangling"}};
  for (const auto& [target, name] : links) {
    DRIVEROOT_RETURN_IF_ERROR(
        Did(symlink(target.c_str(), (dir + name).c_str()) == 0, name));
  }
  for (const char* name : {"/a/b/relative", "/second", "/absolute"}) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                               ReadFile(dir + name, kMaxBytes));
    DRIVEROOT_RETURN_IF_ERROR(Expect(bytes == "here", name));
  }
  struct stat status;
  DRIVEROOT_RETURN_IF_ERROR(
      Did(stat((dir + "/outside").c_str(), &status) == 0, "outside"));
  return Expect(access((dir + "/dangling").c_str(), F_OK) != 0 &&
                    errno == ENOENT &&
                    lstat((dir + "/dangling").c_str(), &status) == 0,
                "a dangling link must be there and lead nowhere");
}

Status HardLinks(const std::string& dir) {
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(dir + "/one", "first", 0644));
  DRIVEROOT_RETURN_IF_ERROR(
      Did(link((dir + "/one").c_str(), (dir + "/two").c_str()) == 0, "link"));
  const UniqueFd fd(open((dir + "/two").c_str(), O_WRONLY | O_TRUNC));
  DRIVEROOT_RETURN_IF_ERROR(WriteFully(fd.get(), "second", "two"));
  struct stat one;
  struct stat two;
  DRIVEROOT_RETURN_IF_ERROR(Did(stat((dir + "/one").c_str(), &one) == 0 &&
                                    stat((dir + "/two").c_str(), &two) == 0,
                                "stat"));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                             ReadFile(dir + "/one", kMaxBytes));
  return Expect(
      one.st_ino == two.st_ino && one.st_nlink == 2 && bytes == "second",
      "two names must be one file with two links");
}

Status OwnersAndModes(const std::string& dir) {
  const std::string path = dir + "/file";
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(path, "", 0600));
  DRIVEROOT_RETURN_IF_ERROR(Did(chown(path.c_str(), 1234, 4321) == 0, "chown"));
  DRIVEROOT_RETURN_IF_ERROR(Did(chmod(path.c_str(), 06751) == 0, "chmod"));
  const timespec times[2] = {{1, 111}, {1'500'000'000, 123'456'789}};
  DRIVEROOT_RETURN_IF_ERROR(
      Did(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0, "utimensat"));
  struct stat status;
  DRIVEROOT_RETURN_IF_ERROR(Did(stat(path.c_str(), &status) == 0, "stat"));
  return Expect(status.st_uid == 1234 && status.st_gid == 4321 &&
                    (status.st_mode & 07777) == 06751 &&
                    status.st_mtim.tv_nsec == 123'456'789,
                "owner, mode or time is not as set");
}

Status Xattrs(const std::string& dir) {
  const std::string path = dir + "/file";
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(path, "", 0600));
  // cap_net_raw=ep in revision 2 of struct vfs_cap_data.
  const std::string capability(
      "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x00\x00\x00\x00",
      20);
  const std::pair<std::string, std::string> xattrs[] = {
      {"user.note", std::string("a\0b", 3)},
      {"trusted.note", "t"},
      {"security.capability", capability}};
  for (const auto& [name, value] : xattrs) {
    DRIVEROOT_RETURN_IF_ERROR(
        Did(setxattr(path.c_str(), name.c_str(), value.data(), value.size(),
                     XATTR_CREATE) == 0,
            "set " + name));
    char buffer[100];
    const ssize_t length =
        getxattr(path.c_str(), name.c_str(), buffer, sizeof(buffer));
    DRIVEROOT_RETURN_IF_ERROR(
        Expect(length == static_cast<ssize_t>(value.size()) &&
                   std::memcmp(buffer, value.data(), value.size()) == 0,
               name + " is not as set"));
  }
  return Did(removexattr(path.c_str(), "user.note") == 0, "removexattr");
}

Status SetuidProgram(const std::string& dir, const std::string& self) {
  const std::string program = dir + "/setuid";
  std::filesystem::copy_file(self, program);
  DRIVEROOT_RETURN_IF_ERROR(
      Did(chmod(program.c_str(), 04755) == 0, "chmod 04755"));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string uid,
      Run({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534",
           "--clear-groups", program, "effective-user"}));
  return Expect(uid == "0\n", "run by nobody its user is " + uid);
}

Status SharedMapping(const std::string& dir) {
  const UniqueFd fd(open((dir + "/mapped").c_str(), O_RDWR | O_CREAT, 0600));
  DRIVEROOT_RETURN_IF_ERROR(Did(ftruncate(fd.get(), 8192) == 0, "ftruncate"));
  void* memory =
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  DRIVEROOT_RETURN_IF_ERROR(Did(memory != MAP_FAILED, "mmap"));
  std::memcpy(static_cast<char*>(memory) + 4090, "across pages", 12);
  const bool synced = msync(memory, 8192, MS_SYNC) == 0;
  munmap(memory, 8192);
  DRIVEROOT_RETURN_IF_ERROR(Did(synced, "msync"));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                             ReadFile(dir + "/mapped", kMaxBytes));
  return Expect(bytes.substr(4090, 12) == "across pages",
                "what was written through the mapping is not in the file");
}

Status UnlinkedButOpen(const std::string& dir) {
  const std::string path = dir + "/gone";
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT, 0600));
  DRIVEROOT_RETURN_IF_ERROR(WriteFully(fd.get(), "still here", path));
  DRIVEROOT_RETURN_IF_ERROR(Did(unlink(path.c_str()) == 0, "unlink"));
  char buffer[10];
  return Expect(pread(fd.get(), buffer, 10, 0) == 10 &&
                    std::memcmp(buffer, "still here", 10) == 0,
                "an unlinked file lost its bytes while it was open");
}

Status Nodes(const std::string& dir) {
  DRIVEROOT_RETURN_IF_ERROR(
      Did(mknod((dir + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0,
          "mknod"));
  DRIVEROOT_RETURN_IF_ERROR(
      Did(mkfifo((dir + "/fifo").c_str(), 0600) == 0, "mkfifo"));
  const UniqueFd fd(open((dir + "/null").c_str(), O_WRONLY));
  return Did(fd.valid() && write(fd.get(), "x", 1) == 1,
             "write to a device node");
}

Status MountOverlay(const std::string& dir) {
  const std::string data = "lowerdir=" + dir + "/lower,upperdir=" + dir +
                           "/upper,workdir=" + dir + "/work";
  return Did(mount("overlay", (dir + "/merged").c_str(), "overlay", 0,
                   data.c_str()) == 0,
             "mount of an overlay");
}

// What overlayfs copied keeps its set-id bits, and is found again after it was
// mounted anew: then the kernel looks for the original by its number, and later
// under the name "/".
Status OverlayCopies(const std::string& dir) {
  for (const char* name : {"/lower", "/upper", "/work", "/merged"}) {
    std::filesystem::create_directory(dir + name);
  }
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(dir + "/lower/file", "below", 0755));
  DRIVEROOT_RETURN_IF_ERROR(
      Did(chmod((dir + "/lower/file").c_str(), 06755) == 0, "chmod"));
  const std::string file = dir + "/merged/file";
  DRIVEROOT_RETURN_IF_ERROR(MountOverlay(dir));
  const Status touched =
      Did(utimensat(AT_FDCWD, file.c_str(), nullptr, 0) == 0, "touch");
  umount2((dir + "/merged").c_str(), 0);
  DRIVEROOT_RETURN_IF_ERROR(touched);
  {
    // Names and inodes that nobody uses.
    const UniqueFd caches(open("/proc/sys/vm/drop_caches", O_WRONLY));
    DRIVEROOT_RETURN_IF_ERROR(WriteFully(caches.get(), "2", "drop_caches"));
  }
  DRIVEROOT_RETURN_IF_ERROR(MountOverlay(dir));
  struct stat status = {};
  bool found = true;
  for (int i = 0; i < 3; ++i) {
    found = found && ReadFile(file, kMaxBytes).value_or("") == "below" &&
            stat(file.c_str(), &status) == 0;
  }
  umount2((dir + "/merged").c_str(), 0);
  DRIVEROOT_RETURN_IF_ERROR(Expect(found, "a copied file is not found again"));
  return Expect((status.st_mode & 07777) == 06755,
                "a copied file lost its set-id bits");
}

Status LargeFile(const std::string& dir) {
  std::string bytes(8 << 20, '\0');
  uint64_t state = 1;  // a linear congruential generator: no two blocks alike
  for (char& byte : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<char>(state >> 56);
  }
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(dir + "/large", bytes, 0600));
  const UniqueFd fd(open((dir + "/large").c_str(), O_RDONLY));
  DRIVEROOT_RETURN_IF_ERROR(Did(fsync(fd.get()) == 0, "fsync"));
  // Out of the page cache, so that it comes from driveroot again.
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string read,
                             ReadFile(dir + "/large", kMaxBytes));
  return Expect(read == bytes, "8 MiB came back changed");
}

}  // namespace

std::vector<Check> FileChecks(const std::string& scratch,
                              const std::string& self) {
  using Function = Status (*)(const std::string&);
  const std::pair<std::string, Function> checks[] = {
      {"symlinks", Symlinks},
      {"hard links", HardLinks},
      {"owners and modes", OwnersAndModes},
      {"extended attributes", Xattrs},
      {"shared mapping", SharedMapping},
      {"unlinked but open", UnlinkedButOpen},
      {"device nodes and fifos", Nodes},
      {"copies of overlayfs", OverlayCopies},
      {"large file", LargeFile}};
  std::vector<Check> result;
  int number = 0;
  const auto folder = [&] {
    const std::string dir = scratch + "/" + std::to_string(++number);
    std::filesystem::create_directories(dir);
    return dir;
  };
  for (const auto& [name, function] : checks) {
    result.push_back(
        {name, [function, dir = folder()] { return function(dir); }});
  }
  result.push_back({"setuid program", [dir = folder(), self] {
                      return SetuidProgram(dir, self);
                    }});
  return result;
}

}  // namespace driveroot::vmtest
