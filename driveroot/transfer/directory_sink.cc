// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/directory_sink.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

constexpr size_t kBlockBytes = 4096;

timespec ToTimespec(const TarTime& time) {
  return {.tv_sec = time.seconds, .tv_nsec = time.nanoseconds};
}

}  // namespace

Result<std::unique_ptr<TreeSink>> DirectorySink::Create(
    const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return std::unexpected(
        Error::FromErrno(error.value(), "cannot create " + path));
  }
  if (!std::filesystem::is_empty(path, error) || error) {
    return Fail(ErrorCode::kNotEmpty,
                path + " is not an empty folder: name a new one");
  }
  UniqueFd root(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) {
    return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
  }
  return std::unique_ptr<TreeSink>(new DirectorySink(std::move(root), path));
}

std::unexpected<Error> DirectorySink::Failed(std::string_view what,
                                             const TarEntry& entry) const {
  const int error = errno;
  return std::unexpected(Error::FromErrno(
      error, "cannot " + std::string(what) + " " + path_ + "/" + entry.path));
}

Status DirectorySink::WriteEntry(const TarEntry& entry) {
  DRIVEROOT_RETURN_IF_ERROR(FinishFile());
  DRIVEROOT_RETURN_IF_ERROR(Make(entry));
  switch (entry.type) {
    case TarType::kDirectory:
      folders_.push_back(entry);
      return {};
    case TarType::kHardLink:
      return {};  // Its first name has the attributes.
    case TarType::kFile:
      file_entry_ = entry;
      file_offset_ = 0;
      return {};
    default:
      return SetAttributes(entry);
  }
}

Status DirectorySink::Make(const TarEntry& entry) {
  const char* path = entry.path.c_str();
  switch (entry.type) {
    case TarType::kDirectory:
      // Open to us alone until the end.
      if (entry.path != "." && mkdirat(root_.get(), path, 0700) != 0) {
        return Failed("create", entry);
      }
      return {};
    case TarType::kFile:
      file_ = UniqueFd(openat(root_.get(), path,
                              O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      if (!file_.valid()) return Failed("create", entry);
      return {};
    case TarType::kHardLink:
      if (linkat(root_.get(), entry.link_target.c_str(), root_.get(), path,
                 0) != 0) {
        return Failed("link", entry);
      }
      return {};
    case TarType::kSymlink:
      if (symlinkat(entry.link_target.c_str(), root_.get(), path) != 0) {
        return Failed("create", entry);
      }
      return {};
    case TarType::kCharDevice:
      return MakeNode(entry, S_IFCHR);
    case TarType::kBlockDevice:
      return MakeNode(entry, S_IFBLK);
    case TarType::kFifo:
      return MakeNode(entry, S_IFIFO);
  }
  return {};
}

Status DirectorySink::MakeNode(const TarEntry& entry, mode_t type) {
  if (mknodat(root_.get(), entry.path.c_str(), type | 0600,
              makedev(entry.device_major, entry.device_minor)) != 0) {
    return Failed("create", entry);
  }
  return {};
}

Status DirectorySink::WriteData(std::string_view bytes) {
  const std::string path = path_ + "/" + file_entry_.path;
  while (!bytes.empty()) {
    const std::string_view block = bytes.substr(0, kBlockBytes);
    if (block.find_first_not_of('\0') == std::string_view::npos) {
      if (lseek(file_.get(), static_cast<off_t>(block.size()), SEEK_CUR) < 0) {
        return Failed("write", file_entry_);
      }
    } else {
      DRIVEROOT_RETURN_IF_ERROR(WriteFully(file_.get(), block, path));
    }
    file_offset_ += block.size();
    bytes.remove_prefix(block.size());
  }
  return {};
}

Status DirectorySink::FinishFile() {
  if (!file_.valid()) return {};
  // A hole at the end has not made the file longer.
  if (ftruncate(file_.get(), static_cast<off_t>(file_offset_)) != 0) {
    return Failed("write", file_entry_);
  }
  file_.Reset();
  return SetAttributes(file_entry_);
}

Status DirectorySink::SetAttributes(const TarEntry& entry) {
  const char* path = entry.path.c_str();
  if (geteuid() == 0 && fchownat(root_.get(), path, entry.uid, entry.gid,
                                 AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("set the owner of", entry);
  }
  // After the owner, whose change takes setuid bits and capabilities away.
  if (entry.type != TarType::kSymlink &&
      fchmodat(root_.get(), path, entry.mode, 0) != 0) {
    return Failed("set the mode of", entry);
  }
  DRIVEROOT_RETURN_IF_ERROR(SetXattrs(entry));
  const timespec times[2] = {
      ToTimespec(entry.accessed.value_or(entry.modified)),
      ToTimespec(entry.modified)};
  if (utimensat(root_.get(), path, times, AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("set the times of", entry);
  }
  return {};
}

Status DirectorySink::SetXattrs(const TarEntry& entry) {
  const std::string path = path_ + "/" + entry.path;
  for (const auto& [name, value] : entry.xattrs) {
    if (lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) !=
        0) {
      return Failed("set attribute " + name + " of", entry);
    }
  }
  return {};
}

Status DirectorySink::Finish() {
  DRIVEROOT_RETURN_IF_ERROR(FinishFile());
  // The deepest first: setting a folder's times must come after all else in it.
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
    DRIVEROOT_RETURN_IF_ERROR(SetAttributes(*folder));
  }
  folders_.clear();
  return {};
}

}  // namespace driveroot
