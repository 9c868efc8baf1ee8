// SPDX-License-Identifier: Apache-2.0
//
// A local folder as a Subject: each operation is the system call of its name.
#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <map>
#include <utility>

#include "driveroot/base/unique_fd.h"
#include "driveroot/fs/model_subject.h"

namespace driveroot {
namespace {

class LocalSubject : public Subject {
 public:
  explicit LocalSubject(std::string folder) : folder_(std::move(folder)) {}

  Outcome Do(const Operation& op) override {
    Outcome outcome;
    // A relative path, so that the folder's own name takes no room in it.
    if (chdir(folder_.c_str()) != 0 || !Perform(op, outcome)) {
      outcome = {.error = errno};
    }
    return outcome;
  }

 private:
  static std::string In(const std::string& path) {
    return path.empty() ? "." : path;
  }

  // False: it failed, and errno says why.
  bool Perform(const Operation& op, Outcome& out) {
    const std::string path_text = In(op.path);
    const std::string other_text = In(op.other_path);
    const char* path = path_text.c_str();
    const char* other = other_text.c_str();
    switch (op.action) {
      case Action::kCreate:
        return UniqueFd(open(path, O_CREAT | O_EXCL | O_WRONLY, op.mode))
            .valid();
      case Action::kMakeDirectory:
        return mkdir(path, op.mode) == 0;
      case Action::kMakeFifo:
        return mkfifo(path, op.mode) == 0;
      case Action::kMakeSymlink:
        return symlink(op.bytes.c_str(), path) == 0;
      case Action::kLink:
        return link(path, other) == 0;
      case Action::kUnlink:
        return unlink(path) == 0;
      case Action::kRemoveDirectory:
        return rmdir(path) == 0;
      case Action::kRename:
        return renameat2(AT_FDCWD, path, AT_FDCWD, other,
                         static_cast<unsigned>(op.flags)) == 0;
      case Action::kStat:
        return Stat(op, path, out);
      case Action::kReadLink: {
        std::array<char, PATH_MAX> target = {};
        const ssize_t length = readlink(path, target.data(), target.size());
        if (length < 0) return false;
        out.result.assign(target.data(), static_cast<size_t>(length));
        return true;
      }
      case Action::kList:
        return List(path, out);
      case Action::kChangeMode:
        return op.slot >= 0 ? fchmod(Slot(op), op.mode) == 0
                            : chmod(path, op.mode) == 0;
      case Action::kChangeOwner:
        return op.slot >= 0 ? fchown(Slot(op), op.uid, op.gid) == 0
                            : chown(path, op.uid, op.gid) == 0;
      case Action::kSetXattr:
        return lsetxattr(path, op.name.c_str(), op.bytes.data(),
                         op.bytes.size(), op.flags) == 0;
      case Action::kGetXattr: {
        out.result.resize(XATTR_SIZE_MAX);
        const ssize_t length = lgetxattr(path, op.name.c_str(),
                                         out.result.data(), out.result.size());
        out.result.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
        return length >= 0;
      }
      case Action::kListXattrs:
        return ListXattrs(path, out);
      case Action::kRemoveXattr:
        return lremovexattr(path, op.name.c_str()) == 0;
      case Action::kOpen: {
        UniqueFd fd(open(path, O_RDWR | O_NONBLOCK));
        if (!fd.valid()) return false;
        open_.at(static_cast<size_t>(op.slot)) = std::move(fd);
        return true;
      }
      case Action::kClose:
        open_.at(static_cast<size_t>(op.slot)).Reset();
        return true;
      default:
        return OnData(op, path, out);
    }
  }

  int Slot(const Operation& op) const {
    return open_.at(static_cast<size_t>(op.slot)).get();
  }

  bool Stat(const Operation& op, const char* path, Outcome& out) const {
    struct stat status;
    const int failed =
        op.slot >= 0 ? fstat(Slot(op), &status) : lstat(path, &status);
    if (failed != 0) return false;
    out.result = StatText(status.st_mode,
                          static_cast<uint32_t>(status.st_nlink), status.st_uid,
                          status.st_gid, static_cast<uint64_t>(status.st_size));
    return true;
  }

  static bool List(const char* path, Outcome& out) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path),
                                                        closedir);
    if (directory == nullptr) return false;
    std::map<std::string, uint32_t> entries;
    while (const dirent* entry = readdir(directory.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      entries[name] = DTTOIF(entry->d_type);
    }
    for (const auto& [name, type] : entries) {
      out.result += name + ":" + std::to_string(type) + " ";
    }
    return true;
  }

  static bool ListXattrs(const char* path, Outcome& out) {
    std::string list(XATTR_LIST_MAX, '\0');
    const ssize_t length = llistxattr(path, list.data(), list.size());
    if (length < 0) return false;
    list.resize(static_cast<size_t>(length));
    std::vector<std::string> names;
    for (size_t at = 0; at < list.size(); at += names.back().size() + 1) {
      names.emplace_back(list.c_str() + at);
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
      // What a security module adds on its own is not of this test.
      if (name.starts_with("user.")) out.result += name + " ";
    }
    return true;
  }

  bool OnData(const Operation& op, const char* path, Outcome& out) const {
    UniqueFd own;
    int fd = -1;
    if (op.slot >= 0) {
      fd = Slot(op);
    } else {
      const bool reads = op.action == Action::kRead ||
                         op.action == Action::kCopy ||
                         op.action == Action::kSeek;
      own = UniqueFd(open(path, O_NONBLOCK | (reads ? O_RDONLY : O_RDWR)));
      fd = own.get();
    }
    if (fd < 0) return false;
    const auto offset = static_cast<off_t>(op.offset);
    const auto length = static_cast<off_t>(op.length);
    switch (op.action) {
      case Action::kRead: {
        out.result.resize(op.length);
        const ssize_t count =
            pread(fd, out.result.data(), out.result.size(), offset);
        out.result.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
        return count >= 0;
      }
      case Action::kWrite:
        return pwrite(fd, op.bytes.data(), op.bytes.size(), offset) ==
               static_cast<ssize_t>(op.bytes.size());
      case Action::kTruncate:
        return ftruncate(fd, length) == 0;
      case Action::kAllocate:
        return fallocate(fd, op.flags, offset, length) == 0;
      case Action::kSeek:
        return lseek(fd, offset, op.flags) >= 0;
      default:
        return Copy(op, fd, out);
    }
  }

  static bool Copy(const Operation& op, int from, Outcome& out) {
    const UniqueFd to(open(In(op.other_path).c_str(), O_RDWR | O_NONBLOCK));
    if (!to.valid()) return false;
    auto from_offset = static_cast<off_t>(op.offset);
    auto to_offset = static_cast<off_t>(op.other_offset);
    const ssize_t count =
        copy_file_range(from, &from_offset, to.get(), &to_offset, op.length, 0);
    if (count < 0) return false;
    out.result = std::to_string(count);
    return true;
  }

  const std::string folder_;
  std::array<UniqueFd, kSlots> open_;
};

}  // namespace

std::unique_ptr<Subject> MakeLocalSubject(const std::string& folder) {
  return std::make_unique<LocalSubject>(folder);
}

}  // namespace driveroot
