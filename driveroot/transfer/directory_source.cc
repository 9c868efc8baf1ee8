// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/directory_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

namespace driveroot {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

Result<std::vector<std::string>> SortedNames(const std::string& path) {
  const std::unique_ptr<DIR, CloseFolder> folder(opendir(path.c_str()));
  if (folder == nullptr) {
    return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot list " + path));
  }
  std::ranges::sort(names);
  return names;
}

std::string Join(const std::string& folder, const std::string& name) {
  return folder == "." ? name : folder + "/" + name;
}

TarTime ToTarTime(const timespec& time) {
  return {.seconds = time.tv_sec,
          .nanoseconds = static_cast<uint32_t>(time.tv_nsec)};
}

Result<TarType> TypeOf(mode_t mode, const std::string& path) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return TarType::kFile;
    case S_IFDIR:
      return TarType::kDirectory;
    case S_IFLNK:
      return TarType::kSymlink;
    case S_IFCHR:
      return TarType::kCharDevice;
    case S_IFBLK:
      return TarType::kBlockDevice;
    case S_IFIFO:
      return TarType::kFifo;
    default:
      return Fail(ErrorCode::kNotSupported,
                  path + " is of a type that cannot be stored");
  }
}

Result<std::string> ReadLink(const std::string& path, uint64_t size) {
  // One more byte shows whether it grew since its size was taken.
  std::string target(size + 1, '\0');
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  if (length < 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot read link " + path));
  }
  if (static_cast<uint64_t>(length) > size) {
    return Fail(ErrorCode::kIo, path + " changed while it was read");
  }
  target.resize(static_cast<size_t>(length));
  return target;
}

// Sums what Next() will return. Errors are left to Next(), which names them.
uint64_t TotalBytes(const std::string& path, dev_t device) {
  const Result<std::vector<std::string>> names = SortedNames(path);
  if (!names) return 0;
  uint64_t total = 0;
  for (const std::string& name : *names) {
    const std::string child = path + "/" + name;
    struct stat status;
    if (lstat(child.c_str(), &status) != 0) continue;
    if (S_ISREG(status.st_mode) && status.st_nlink == 1) {
      total += static_cast<uint64_t>(status.st_size);
    } else if (S_ISREG(status.st_mode)) {
      // Each name counts its share, so that all together count it once.
      total += static_cast<uint64_t>(status.st_size) / status.st_nlink;
    } else if (S_ISDIR(status.st_mode) && status.st_dev == device) {
      total += TotalBytes(child, device);
    }
  }
  return total;
}

}  // namespace

Result<std::unique_ptr<TreeSource>> DirectorySource::Open(
    const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot read " + path));
  }
  if (!S_ISDIR(status.st_mode)) {
    return Fail(ErrorCode::kNotDirectory, path + " is not a folder");
  }
  std::unique_ptr<DirectorySource> source(
      new DirectorySource(path, status.st_dev));
  source->bytes_total_ = TotalBytes(path, status.st_dev);
  return source;
}

std::string DirectorySource::FullPath(const std::string& relative) const {
  return relative == "." ? root_ : root_ + "/" + relative;
}

Result<std::optional<TarEntry>> DirectorySource::Next() {
  file_.Reset();
  file_left_ = 0;
  while (!pending_.empty()) {
    const std::string relative = std::move(pending_.back());
    pending_.pop_back();
    const std::string path = FullPath(relative);
    struct stat status;
    // The top may be named through a symlink; nothing below it is followed.
    const int flags = relative == "." ? 0 : AT_SYMLINK_NOFOLLOW;
    if (fstatat(AT_FDCWD, path.c_str(), &status, flags) != 0) {
      return std::unexpected(Error::FromErrno(errno, "cannot read " + path));
    }
    if (S_ISSOCK(status.st_mode)) continue;
    DRIVEROOT_ASSIGN_OR_RETURN(TarEntry entry, Describe(relative, status));
    if (entry.type == TarType::kDirectory && status.st_dev == device_) {
      DRIVEROOT_RETURN_IF_ERROR(PushChildren(relative));
    }
    if (entry.type == TarType::kFile) {
      file_ = UniqueFd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      if (!file_.valid()) {
        return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
      }
      file_path_ = path;
      file_left_ = entry.size;
    }
    return entry;
  }
  return std::nullopt;
}

Status DirectorySource::PushChildren(const std::string& relative) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                             SortedNames(FullPath(relative)));
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    pending_.push_back(Join(relative, *name));
  }
  return {};
}

Result<TarEntry> DirectorySource::Describe(const std::string& relative,
                                           const struct stat& status) {
  const std::string path = FullPath(relative);
  TarEntry entry;
  entry.path = relative;
  DRIVEROOT_ASSIGN_OR_RETURN(entry.type, TypeOf(status.st_mode, path));
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.modified = ToTarTime(status.st_mtim);
  entry.accessed = ToTarTime(status.st_atim);
  entry.changed = ToTarTime(status.st_ctim);
  if (entry.type != TarType::kDirectory && status.st_nlink > 1) {
    const auto [first, is_new] =
        linked_.try_emplace({status.st_dev, status.st_ino}, relative);
    if (!is_new) {
      entry.type = TarType::kHardLink;
      entry.link_target = first->second;
      return entry;
    }
  }
  if (entry.type == TarType::kFile) {
    entry.size = static_cast<uint64_t>(status.st_size);
  } else if (entry.type == TarType::kSymlink) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        entry.link_target,
        ReadLink(path, static_cast<uint64_t>(status.st_size)));
  } else if (entry.type != TarType::kFifo) {
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  DRIVEROOT_RETURN_IF_ERROR(ReadXattrs(relative, &entry));
  return entry;
}

Status DirectorySource::ReadXattrs(const std::string& relative,
                                   TarEntry* ret_entry) const {
  const std::string path = FullPath(relative);
  // XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux, 64 KiB each.
  std::string names(65536, '\0');
  std::string value(65536, '\0');
  const bool follow = relative == ".";
  const auto list = follow ? listxattr : llistxattr;
  const auto get = follow ? getxattr : lgetxattr;
  const ssize_t length = list(path.c_str(), names.data(), names.size());
  if (length < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) return {};
  if (length < 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot list the attributes of " + path));
  }
  for (const char* name = names.data(); name < names.data() + length;
       name += std::strlen(name) + 1) {
    const ssize_t size = get(path.c_str(), name, value.data(), value.size());
    if (size < 0 && errno == ENODATA) continue;  // removed meanwhile
    if (size < 0) {
      return std::unexpected(Error::FromErrno(
          errno, std::string("cannot read attribute ") + name + " of " + path));
    }
    ret_entry->xattrs.emplace(name, value.substr(0, static_cast<size_t>(size)));
  }
  return {};
}

Result<size_t> DirectorySource::ReadData(std::span<char> buffer) {
  if (file_left_ == 0) return 0;
  const size_t wanted = std::min<uint64_t>(buffer.size(), file_left_);
  ssize_t count;
  do {
    count = read(file_.get(), buffer.data(), wanted);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot read " + file_path_));
  }
  if (count == 0) {
    return Fail(ErrorCode::kIo, file_path_ +
                                    " became shorter while it was read: push "
                                    "a tree that nobody writes to");
  }
  file_left_ -= static_cast<uint64_t>(count);
  bytes_done_ += static_cast<uint64_t>(count);
  return static_cast<size_t>(count);
}

}  // namespace driveroot
