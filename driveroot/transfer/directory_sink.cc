// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/directory_sink.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "driveroot/base/beneath.h"
#include "driveroot/base/files.h"

namespace driveroot {
namespace {

constexpr size_t kBlockBytes = 4096;

constexpr std::string_view kNodes =
    "device nodes left out: only root may make them";
constexpr std::string_view kSetId =
    "lost their set-id bits: without root the owner is another";

timespec ToTimespec(const TarTime& time) {
  return {.tv_sec = time.seconds, .tv_nsec = time.nanoseconds};
}

}  // namespace

Result<std::unique_ptr<TreeSink>> DirectorySink::Create(
    const std::string& path) {
  std::error_code error;
  const bool is_there = std::filesystem::exists(path, error);
  if (!is_there) std::filesystem::create_directories(path, error);
  if (error) {
    return std::unexpected(
        Error::FromErrno(error.value(), "cannot create " + path));
  }
  UniqueFd root(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) {
    return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
  }
  if (!std::filesystem::is_empty(path, error) || error) {
    return Fail(ErrorCode::kNotEmpty,
                path + " is not an empty folder: name a new one");
  }
  // Open to us alone until all modes are set.
  if (!is_there && fchmod(root.get(), 0700) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot chmod " + path));
  }
  return std::unique_ptr<TreeSink>(new DirectorySink(std::move(root), path));
}

std::unexpected<Error> DirectorySink::Failed(std::string_view what,
                                             const TarEntry& entry) const {
  const int error = errno;
  return std::unexpected(Error::FromErrno(
      error, "cannot " + std::string(what) + " " + path_ + "/" + entry.path));
}

Result<DirectorySink::Place> DirectorySink::PlaceOf(const TarEntry& entry) {
  const size_t slash = entry.path.rfind('/');
  if (slash == std::string::npos) {
    return Place{.folder = root_.get(), .name = entry.path};
  }
  const std::string folder = entry.path.substr(0, slash);
  if (folder != folder_path_ || !folder_.valid()) {
    folder_ = OpenBeneath(root_.get(), folder, O_PATH | O_DIRECTORY);
    folder_path_ = folder;
    if (!folder_.valid()) return Failed("open the folder of", entry);
  }
  return Place{.folder = folder_.get(), .name = entry.path.substr(slash + 1)};
}

Status DirectorySink::WriteEntry(const TarEntry& entry) {
  DRIVEROOT_RETURN_IF_ERROR(FinishFile());
  const Result<std::string> normal = NormalizeTarPath(entry.path);
  if (!normal || *normal != entry.path) {
    return Fail(ErrorCode::kDataLoss,
                "the tree holds an impossible path: " + entry.path);
  }
  if (entry.path == "." && entry.type != TarType::kDirectory) {
    return Fail(ErrorCode::kDataLoss, "the top of the tree is not a folder");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const Place place, PlaceOf(entry));
  return Make(entry, place);
}

Status DirectorySink::Make(const TarEntry& entry, const Place& place) {
  const char* name = place.name.c_str();
  bool is_made = true;
  switch (entry.type) {
    case TarType::kDirectory:
      // Open to us alone until the end.
      if (entry.path != "." && mkdirat(place.folder, name, 0700) != 0) {
        return Failed("create", entry);
      }
      folders_.push_back(entry);
      return {};
    case TarType::kFile:
      file_ = UniqueFd(
          openat(place.folder, name,
                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
      if (!file_.valid()) return Failed("create", entry);
      file_entry_ = entry;
      file_offset_ = 0;
      return {};
    case TarType::kHardLink:
      return Link(entry, place);  // Its first name has the attributes.
    case TarType::kSymlink:
      if (symlinkat(entry.link_target.c_str(), place.folder, name) != 0) {
        return Failed("create", entry);
      }
      break;
    case TarType::kCharDevice: {
      DRIVEROOT_ASSIGN_OR_RETURN(is_made, MakeNode(entry, place, S_IFCHR));
      break;
    }
    case TarType::kBlockDevice: {
      DRIVEROOT_ASSIGN_OR_RETURN(is_made, MakeNode(entry, place, S_IFBLK));
      break;
    }
    case TarType::kFifo: {
      DRIVEROOT_ASSIGN_OR_RETURN(is_made, MakeNode(entry, place, S_IFIFO));
      break;
    }
  }
  if (!is_made) return {};
  const UniqueFd fd(
      openat(place.folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return Failed("open", entry);
  return SetAttributes(entry, fd.get(), /*is_path=*/true);
}

Status DirectorySink::Link(const TarEntry& entry, const Place& place) {
  const FolderAndName target =
      OpenParentBeneath(root_.get(), entry.link_target);
  if (!target.folder.valid() ||
      linkat(target.folder.get(), target.name.c_str(), place.folder,
             place.name.c_str(), 0) != 0) {
    // The first name of a node that could not be made.
    if (errno == ENOENT && notes_.CountOf(kNodes) > 0) {
      notes_.Add(kNodes, entry.path, TransferNotes::Weight::kMissing);
      return {};
    }
    return Failed("link", entry);
  }
  return {};
}

Result<bool> DirectorySink::MakeNode(const TarEntry& entry, const Place& place,
                                     mode_t type) {
  if (mknodat(place.folder, place.name.c_str(), type | 0600,
              makedev(entry.device_major, entry.device_minor)) == 0) {
    return true;
  }
  if (errno != EPERM || type == S_IFIFO) return Failed("create", entry);
  notes_.Add(kNodes, entry.path, TransferNotes::Weight::kMissing);
  return false;
}

Status DirectorySink::WriteData(std::string_view bytes) {
  const std::string path = path_ + "/" + file_entry_.path;
  while (!bytes.empty()) {
    const std::string_view block = bytes.substr(0, kBlockBytes);
    if (block.find_first_not_of('\0') == std::string_view::npos) {
      DRIVEROOT_RETURN_IF_ERROR(WriteHole(block.size()));
    } else {
      DRIVEROOT_RETURN_IF_ERROR(WriteFully(file_.get(), block, path));
      file_offset_ += block.size();
    }
    bytes.remove_prefix(block.size());
  }
  return {};
}

Status DirectorySink::WriteHole(uint64_t bytes) {
  if (lseek(file_.get(), static_cast<off_t>(bytes), SEEK_CUR) < 0) {
    return Failed("write", file_entry_);
  }
  file_offset_ += bytes;
  return {};
}

Status DirectorySink::FinishFile() {
  if (!file_.valid()) return {};
  // A hole at the end has not made the file longer.
  if (ftruncate(file_.get(), static_cast<off_t>(file_offset_)) != 0) {
    return Failed("write", file_entry_);
  }
  const UniqueFd file = std::move(file_);
  return SetAttributes(file_entry_, file.get(), /*is_path=*/false);
}

Status DirectorySink::SetAttributes(const TarEntry& entry, int fd,
                                    bool is_path) {
  const bool is_root = geteuid() == 0;
  if (is_root && fchownat(fd, "", entry.uid, entry.gid,
                          AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("set the owner of", entry);
  }
  // The file of an O_PATH descriptor, a symbolic link included.
  const std::string proc = "/proc/self/fd/" + std::to_string(fd);
  // After the owner, whose change takes set-id bits and capabilities away.
  if (entry.type != TarType::kSymlink) {
    const mode_t mode = is_root ? entry.mode : entry.mode & ~uint32_t{06000};
    if (mode != entry.mode) notes_.Add(kSetId, entry.path);
    if ((is_path ? chmod(proc.c_str(), mode) : fchmod(fd, mode)) != 0) {
      return Failed("set the mode of", entry);
    }
  }
  SetXattrs(entry, fd, is_path);
  const timespec times[2] = {
      ToTimespec(entry.accessed.value_or(entry.modified)),
      ToTimespec(entry.modified)};
  if ((is_path ? utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)
               : futimens(fd, times)) != 0) {
    return Failed("set the times of", entry);
  }
  return {};
}

void DirectorySink::SetXattrs(const TarEntry& entry, int fd, bool is_path) {
  const std::string proc = "/proc/self/fd/" + std::to_string(fd);
  for (const auto& [name, value] : entry.xattrs) {
    const int result =
        is_path ? setxattr(proc.c_str(), name.c_str(), value.data(),
                           value.size(), 0)
                : fsetxattr(fd, name.c_str(), value.data(), value.size(), 0);
    if (result == 0) continue;
    const int error = errno;
    notes_.Add("attributes " + name.substr(0, name.find('.')) +
                   ".* could not be set (" + std::strerror(error) + ")",
               entry.path + " (" + name + ")");
  }
}

Status DirectorySink::Finish() {
  DRIVEROOT_RETURN_IF_ERROR(FinishFile());
  // The deepest first: setting a folder's times must come after all else in it,
  // and a folder may be closed to us once its mode is set.
  for (auto entry = folders_.rbegin(); entry != folders_.rend(); ++entry) {
    const UniqueFd folder =
        OpenBeneath(root_.get(), entry->path, O_RDONLY | O_DIRECTORY);
    if (!folder.valid()) return Failed("open", *entry);
    DRIVEROOT_RETURN_IF_ERROR(
        SetAttributes(*entry, folder.get(), /*is_path=*/false));
  }
  folders_.clear();
  return {};
}

}  // namespace driveroot
