// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/directory_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "driveroot/base/beneath.h"

namespace driveroot {
namespace {

constexpr std::string_view kSockets =
    "sockets left out: nothing listens in a copy";
constexpr std::string_view kMounts =
    "mounted file systems or subvolumes left out, of which there is only the "
    "empty folder; --cross_mounts takes them along";
constexpr std::string_view kKernelMounts =
    "file systems of the kernel left out (proc, sysfs and their kind)";
constexpr std::string_view kWhiteouts =
    "have names as image layers have them for what they take away (.wh.); they "
    "were taken as files";
constexpr std::string_view kVanished = "vanished while the folder was read";
constexpr std::string_view kChanged =
    "changed while they were read: what was read is kept";
constexpr std::string_view kFlags =
    "have flags of chattr (immutable, append-only) that are not kept";
constexpr std::string_view kOutside =
    "have further names outside of the folder: these do not share with it";

// Files below this are read as they are: asking for holes costs more.
constexpr int64_t kAskForHoles = 256 << 10;

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

// Sorted. Sets errno to other than 0 when not all could be read.
std::vector<std::string> SortedNames(UniqueFd fd) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseFolder> folder(
      fd.valid() ? fdopendir(fd.Release()) : nullptr);
  if (folder == nullptr) return names;
  errno = 0;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  std::ranges::sort(names);
  errno = error;
  return names;
}

UniqueFd OpenFolder(int at, const std::string& name) {
  return UniqueFd(openat(at, name.c_str(),
                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::string Join(const std::string& folder, const std::string& name) {
  return folder == "." ? name : folder + "/" + name;
}

TarTime ToTarTime(const timespec& time) {
  return {.seconds = time.tv_sec,
          .nanoseconds = static_cast<uint32_t>(time.tv_nsec)};
}

std::optional<TarType> TypeOf(mode_t mode) {
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
      return std::nullopt;
  }
}

// Sets errno when it fails.
std::optional<std::string> ReadLink(int folder, const std::string& name) {
  // Targets have at most PATH_MAX bytes, with the NUL.
  std::string target(4096, '\0');
  const ssize_t length =
      readlinkat(folder, name.c_str(), target.data(), target.size());
  if (length < 0) return std::nullopt;
  target.resize(static_cast<size_t>(length));
  return target;
}

// Whether a file system holds what the kernel says, and no files: reading
// /proc/kcore would never end.
bool IsOfKernel(const struct statfs& status) {
  constexpr int64_t kMagics[] = {PROC_SUPER_MAGIC,
                                 SYSFS_MAGIC,
                                 CGROUP_SUPER_MAGIC,
                                 CGROUP2_SUPER_MAGIC,
                                 DEVPTS_SUPER_MAGIC,
                                 DEBUGFS_MAGIC,
                                 TRACEFS_MAGIC,
                                 SECURITYFS_MAGIC,
                                 BPF_FS_MAGIC,
                                 EFIVARFS_MAGIC,
                                 SELINUX_MAGIC,
                                 PSTOREFS_MAGIC,
                                 BINFMTFS_MAGIC,
                                 NSFS_MAGIC,
                                 0x62656570 /* configfs */,
                                 0x19800202 /* mqueue */,
                                 0x65735543 /* fusectl */,
                                 0x67596969 /* rpc_pipefs */};
  return std::ranges::find(kMagics, static_cast<int64_t>(status.f_type)) !=
         std::end(kMagics);
}

// Sums what Next() will return. Errors are left to Next(), which notes them.
uint64_t TotalBytes(UniqueFd fd, dev_t device, bool cross_mounts) {
  uint64_t bytes = 0;
  const int folder = fd.get();
  UniqueFd own(dup(folder));
  if (!own.valid()) return 0;
  for (const std::string& name : SortedNames(std::move(own))) {
    struct stat status;
    if (fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    if (S_ISDIR(status.st_mode) && (status.st_dev == device || cross_mounts)) {
      UniqueFd child = OpenFolder(folder, name);
      struct statfs kind;
      if (status.st_dev != device &&
          (fstatfs(child.get(), &kind) != 0 || IsOfKernel(kind))) {
        continue;
      }
      bytes += TotalBytes(std::move(child), device, cross_mounts);
    } else if (S_ISREG(status.st_mode)) {
      // Each name counts its share, so that all together count it once.
      bytes += static_cast<uint64_t>(status.st_size) /
               std::max<uint64_t>(status.st_nlink, 1);
    }
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<TreeSource>> DirectorySource::Open(
    const std::string& path, const TreeSourceOptions& options) {
  // The top may be named through a symbolic link; nothing below it is followed.
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status;
  if (!fd.valid() || fstat(fd.get(), &status) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot read " + path));
  }
  UniqueFd top = OpenFolder(fd.get(), ".");
  std::unique_ptr<DirectorySource> source(
      new DirectorySource(path, std::move(fd), status.st_dev, options));
  source->bytes_total_ =
      TotalBytes(std::move(top), status.st_dev, options.cross_mounts);
  return source;
}

std::string DirectorySource::FullPath(const std::string& relative) const {
  return relative == "." ? root_ : root_ + "/" + relative;
}

void DirectorySource::NoteFailure(const std::string& path) {
  const int error = errno;
  // A link in a folder's place: it was exchanged since it was listed.
  if (error == ENOENT || error == ESTALE || error == ELOOP ||
      error == ENOTDIR) {
    notes_.Add(kVanished, path);
    return;
  }
  notes_.Add(std::string("could not be read and are not there (") +
                 std::strerror(error) + ")",
             path, TransferNotes::Weight::kMissing);
}

Result<std::optional<TarEntry>> DirectorySource::Next() {
  EndFile();
  while (!pending_.empty()) {
    const std::string relative = std::move(pending_.back());
    pending_.pop_back();
    DRIVEROOT_ASSIGN_OR_RETURN(std::optional<TarEntry> entry, Take(relative));
    if (entry) return entry;
  }
  for (const auto& [key, linked] : linked_) {
    if (linked.unseen > 0) notes_.Add(kOutside, linked.path);
  }
  linked_.clear();
  return std::nullopt;
}

Result<std::optional<TarEntry>> DirectorySource::Take(
    const std::string& relative) {
  Node node;
  node.path = relative;
  if (!OpenFolderOf(&node) || !OpenNode(&node)) return std::nullopt;
  if (S_ISSOCK(node.status.st_mode)) {
    notes_.Add(kSockets, relative);
    return std::nullopt;
  }
  if (!TypeOf(node.status.st_mode)) {
    notes_.Add("are of an unknown type and were left out", relative,
               TransferNotes::Weight::kMissing);
    return std::nullopt;
  }
  std::optional<TarEntry> entry = Describe(node);
  if (!entry) return std::nullopt;
  if (entry->type == TarType::kDirectory && IsPartOfTree(node)) {
    AddChildren(node);
  }
  if (node.name.starts_with(".wh.")) notes_.Add(kWhiteouts, relative);
  if (entry->type == TarType::kFile) BeginFile(node);
  return entry;
}

bool DirectorySource::OpenFolderOf(Node* node) {
  node->folder = root_fd_.get();
  const size_t slash = node->path.rfind('/');
  node->name = node->path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (slash == std::string::npos) return true;
  const std::string folder = node->path.substr(0, slash);
  if (folder != folder_path_ || !folder_.valid()) {
    folder_ = OpenBeneath(root_fd_.get(), folder, O_PATH | O_DIRECTORY);
    folder_path_ = folder;
  }
  if (!folder_.valid()) {
    NoteFailure(node->path);
    return false;
  }
  node->folder = folder_.get();
  return true;
}

bool DirectorySource::OpenNode(Node* node) {
  if (fstatat(node->folder, node->name.c_str(), &node->status,
              AT_SYMLINK_NOFOLLOW) != 0) {
    NoteFailure(node->path);
    return false;
  }
  const bool is_file = S_ISREG(node->status.st_mode);
  if (!is_file && !S_ISDIR(node->status.st_mode)) return true;
  node->fd = is_file ? UniqueFd(openat(node->folder, node->name.c_str(),
                                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
                                           O_NOCTTY | O_CLOEXEC))
                     : OpenFolder(node->folder, node->name);
  if (!node->fd.valid()) {
    const int error = errno;
    NoteFailure(node->path);
    // A folder that may not be listed is there all the same.
    return !is_file && (error == EACCES || error == EPERM);
  }
  // What is described is what is read.
  struct stat opened;
  if (fstat(node->fd.get(), &opened) != 0 ||
      ((opened.st_mode ^ node->status.st_mode) & S_IFMT) != 0) {
    notes_.Add(kVanished, node->path);
    return false;
  }
  node->status = opened;
  return true;
}

bool DirectorySource::IsPartOfTree(const Node& node) {
  if (!node.fd.valid()) return false;
  if (node.status.st_dev == device_) return true;
  if (!options_.cross_mounts) {
    notes_.Add(kMounts, node.path);
    return false;
  }
  struct statfs status;
  if (fstatfs(node.fd.get(), &status) == 0 && IsOfKernel(status)) {
    notes_.Add(kKernelMounts, node.path);
    return false;
  }
  return true;
}

void DirectorySource::AddChildren(const Node& node) {
  UniqueFd own = OpenFolder(node.fd.get(), ".");
  if (!own.valid()) {
    NoteFailure(node.path);
    return;
  }
  const std::vector<std::string> names = SortedNames(std::move(own));
  // What was listed is taken.
  if (errno != 0) NoteFailure(node.path);
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    pending_.push_back(Join(node.path, *name));
  }
}

std::optional<TarEntry> DirectorySource::Describe(const Node& node) {
  const struct stat& status = node.status;
  TarEntry entry;
  entry.path = node.path;
  entry.type = *TypeOf(status.st_mode);
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.modified = ToTarTime(status.st_mtim);
  entry.accessed = ToTarTime(status.st_atim);
  entry.changed = ToTarTime(status.st_ctim);
  if (entry.type == TarType::kSymlink) {
    std::optional<std::string> target = ReadLink(node.folder, node.name);
    if (!target) {
      NoteFailure(node.path);
      return std::nullopt;
    }
    entry.link_target = *std::move(target);
  }
  if (entry.type != TarType::kDirectory && status.st_nlink > 1) {
    const auto [linked, is_new] = linked_.try_emplace(
        {status.st_dev, status.st_ino},
        Linked{.path = node.path, .unseen = status.st_nlink});
    if (linked->second.unseen > 0) --linked->second.unseen;
    if (!is_new) {
      entry.type = TarType::kHardLink;
      entry.link_target = linked->second.path;
      return entry;
    }
  }
  if (entry.type == TarType::kFile) {
    entry.size = static_cast<uint64_t>(status.st_size);
  } else if (entry.type == TarType::kCharDevice ||
             entry.type == TarType::kBlockDevice) {
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  NoteFlags(node);
  ReadXattrs(node, &entry);
  return entry;
}

void DirectorySource::NoteFlags(const Node& node) {
  struct statx status;
  if (!node.fd.valid() ||
      statx(node.fd.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0,
            &status) != 0) {
    return;
  }
  constexpr uint64_t kKept = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
  if ((status.stx_attributes & kKept) != 0) notes_.Add(kFlags, node.path);
}

void DirectorySource::ReadXattrs(const Node& node, TarEntry* ret_entry) {
  // Of nodes that cannot be opened, by way of their folder.
  const std::string path =
      "/proc/self/fd/" + std::to_string(node.folder) + "/" + node.name;
  const bool has_fd = node.fd.valid();
  // XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux, 64 KiB each.
  std::string names(65536, '\0');
  const ssize_t length =
      has_fd ? flistxattr(node.fd.get(), names.data(), names.size())
             : llistxattr(path.c_str(), names.data(), names.size());
  if (length == 0) return;
  const auto failed = [this, &node] {
    const int error = errno;
    if (error == EOPNOTSUPP || error == ENOSYS || error == ENOENT) return;
    notes_.Add(std::string("have attributes that could not be read (") +
                   std::strerror(error) + ")",
               node.path, TransferNotes::Weight::kMissing);
  };
  if (length < 0) return failed();
  std::string value(65536, '\0');
  for (const char* name = names.data(); name < names.data() + length;
       name += std::strlen(name) + 1) {
    const ssize_t size =
        has_fd ? fgetxattr(node.fd.get(), name, value.data(), value.size())
               : lgetxattr(path.c_str(), name, value.data(), value.size());
    if (size < 0 && errno == ENODATA) continue;  // removed meanwhile
    if (size < 0) {
      failed();
      continue;
    }
    ret_entry->xattrs.emplace(name, value.substr(0, static_cast<size_t>(size)));
  }
}

void DirectorySource::BeginFile(Node& node) {
  file_ = std::move(node.fd);
  file_path_ = node.path;
  file_status_ = node.status;
  file_offset_ = 0;
  file_left_ = static_cast<uint64_t>(node.status.st_size);
  data_end_ = 0;
  may_have_holes_ = node.status.st_size > kAskForHoles ||
                    node.status.st_blocks * 512 < node.status.st_size;
  file_changed_ = false;
}

void DirectorySource::EndFile() {
  struct stat now;
  if (!file_.valid()) return;
  // Only now is known whether it stood still.
  const timespec& before = file_status_.st_mtim;
  if (fstat(file_.get(), &now) == 0 &&
      (now.st_size != file_status_.st_size ||
       now.st_mtim.tv_sec != before.tv_sec ||
       now.st_mtim.tv_nsec != before.tv_nsec)) {
    file_changed_ = true;
  }
  if (file_changed_) notes_.Add(kChanged, file_path_);
  file_.Reset();
  file_left_ = 0;
}

Result<uint64_t> DirectorySource::SkipHole() {
  if (!may_have_holes_ || file_left_ == 0 || file_offset_ < data_end_) return 0;
  const uint64_t end = file_offset_ + file_left_;
  const off_t data =
      lseek(file_.get(), static_cast<off_t>(file_offset_), SEEK_DATA);
  uint64_t begin = end;
  if (data < 0 && errno != ENXIO) {
    may_have_holes_ = false;
    return 0;
  }
  if (data < 0) {
    // No data up to the end, unless the end has come nearer.
    struct stat now;
    if (fstat(file_.get(), &now) != 0 ||
        static_cast<uint64_t>(now.st_size) < end) {
      may_have_holes_ = false;
      return 0;
    }
  } else {
    begin = std::min(end, static_cast<uint64_t>(data));
    const off_t hole = lseek(file_.get(), data, SEEK_HOLE);
    data_end_ = hole < 0 ? end : std::min(end, static_cast<uint64_t>(hole));
  }
  const uint64_t length = begin - file_offset_;
  file_offset_ = begin;
  file_left_ -= length;
  bytes_done_ += length;
  return length;
}

Result<size_t> DirectorySource::ReadData(std::span<char> buffer) {
  uint64_t wanted = std::min<uint64_t>(buffer.size(), file_left_);
  if (may_have_holes_ && data_end_ > file_offset_) {
    wanted = std::min(wanted, data_end_ - file_offset_);
  }
  if (wanted == 0) return 0;
  ssize_t count;
  do {
    count = pread(file_.get(), buffer.data(), wanted,
                  static_cast<off_t>(file_offset_));
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno != ESTALE) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot read " + FullPath(file_path_)));
  }
  if (count <= 0) {
    // It became shorter, or its server has lost it.
    file_changed_ = true;
    file_left_ = 0;
    return 0;
  }
  file_offset_ += static_cast<uint64_t>(count);
  file_left_ -= static_cast<uint64_t>(count);
  bytes_done_ += static_cast<uint64_t>(count);
  return static_cast<size_t>(count);
}

}  // namespace driveroot
