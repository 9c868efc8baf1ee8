// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/dir/dir_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "driveroot/base/beneath.h"
#include "driveroot/base/files.h"

namespace driveroot {
namespace {

constexpr std::string_view kSuperblock = "superblock.json";
constexpr std::string_view kObjects = "objects";
constexpr uint64_t kMaxSuperblockBytes = 1 << 20;
// Of a store that nobody made for several users.
constexpr mode_t kPrivateFolder = 0700;
constexpr mode_t kPrivateFile = 0600;
// What the link of a removed object points to.
constexpr std::string_view kRemoved = "removed";

std::string_view FolderOf(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kLogRecord:
      return "log";
    case ObjectKind::kSegment:
      return "segments";
    case ObjectKind::kCheckpoint:
      return "checkpoints";
    case ObjectKind::kReadme:
      return "readme";
  }
  return "segments";
}

// What is handed out at once of a long range: many ranges may be read at the
// same time, and each would take memory for all of its bytes.
constexpr uint64_t kPieceBytes = 256 << 10;

bool IsOneOf(char c, std::string_view others) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || others.contains(c);
}

Status CheckId(const ObjectId& id) {
  if (id.empty() || id.size() > 128 ||
      !std::ranges::all_of(id, [](char c) { return IsOneOf(c, "-_"); })) {
    return Fail(ErrorCode::kInvalidArgument, "not an object id: " + id);
  }
  return {};
}

// One component of a path, and none that is hidden or leads upwards.
bool IsFileName(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) { return IsOneOf(c, "-_."); });
}

Status CheckName(std::string_view name) {
  if (name.size() > 128 || !IsFileName(name)) {
    return Fail(ErrorCode::kInvalidArgument,
                "not an object name: " + std::string(name));
  }
  return {};
}

Result<std::string> RandomHex() {
  std::array<uint8_t, 16> bytes;
  if (getentropy(bytes.data(), bytes.size()) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot get random bytes"));
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string Joined(std::string_view folder, std::string_view name) {
  return std::string(folder) + "/" + std::string(name);
}

constexpr ObjectKind kKinds[] = {ObjectKind::kLogRecord, ObjectKind::kSegment,
                                 ObjectKind::kCheckpoint, ObjectKind::kReadme};

// Where the link of an object points to, "../log/NAME.RANDOM", without "../".
// Nothing unless it is one of our folders and one plain name: whoever may write
// to the store could have put anything there.
std::optional<std::string> ParseLink(std::string_view target) {
  if (!target.starts_with("../")) return std::nullopt;
  target.remove_prefix(3);
  for (const ObjectKind kind : kKinds) {
    const std::string prefix = Joined(FolderOf(kind), "");
    if (target.starts_with(prefix) &&
        IsFileName(target.substr(prefix.size()))) {
      return std::string(target);
    }
  }
  return std::nullopt;
}

}  // namespace

std::unexpected<Error> DirStore::Failed(std::string_view what,
                                        std::string_view file) const {
  return std::unexpected(
      Error::FromErrno(errno, std::string(what) + " " + Joined(path_, file)));
}

Result<std::unique_ptr<DirStore>> DirStore::Open(const std::string& path) {
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) {
    return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
  }
  return std::unique_ptr<DirStore>(new DirStore(path, std::move(folder)));
}

Result<std::unique_ptr<DirStore>> DirStore::Create(const std::string& path) {
  // Whoever reads the volume's bytes reads the files of all its users.
  if (mkdir(path.c_str(), kPrivateFolder) == 0) {
    // Whatever the umask took away, its owner works in it.
    if (chmod(path.c_str(), kPrivateFolder) != 0) {
      return std::unexpected(Error::FromErrno(errno, "cannot chmod " + path));
    }
  } else if (errno != EEXIST) {
    return std::unexpected(Error::FromErrno(errno, "cannot make " + path));
  }
  return Open(path);
}

Result<std::vector<ObjectId>> DirStore::NewIds(int count) {
  if (count < 1 || count > 1000) {
    return Fail(ErrorCode::kInvalidArgument,
                "cannot make " + std::to_string(count) + " ids at once");
  }
  std::vector<ObjectId> ids;
  for (int i = 0; i < count; ++i) {
    DRIVEROOT_ASSIGN_OR_RETURN(ids.emplace_back(), RandomHex());
  }
  return ids;
}

UniqueFd DirStore::OpenFolder(std::string_view folder) {
  return OpenBeneath(folder_.get(), folder, O_RDONLY | O_DIRECTORY);
}

mode_t DirStore::SharedBits() {
  const UniqueFd objects = OpenFolder(kObjects);
  struct stat status;
  if (!objects.valid() || fstat(objects.get(), &status) != 0) return 0;
  return (status.st_mode & S_IWGRP) != 0 ? status.st_mode & S_IRWXG : 0;
}

Status DirStore::MakeFolder(const std::string& folder) {
  if (mkdirat(folder_.get(), folder.c_str(), kPrivateFolder) == 0) {
    const UniqueFd made = OpenBeneath(folder_.get(), folder, O_PATH);
    if (!made.valid() ||
        fchmodat(folder_.get(), folder.c_str(), kPrivateFolder | SharedBits(),
                 AT_SYMLINK_NOFOLLOW) != 0) {
      return Failed("cannot chmod", folder);
    }
    return SyncFolder(".");
  }
  if (errno != EEXIST) return Failed("cannot make", folder);
  return {};
}

Status DirStore::SyncFolder(const std::string& folder) {
  const UniqueFd fd = OpenFolder(folder);
  if (!fd.valid() || fsync(fd.get()) != 0) {
    return Failed("cannot write through", folder);
  }
  return {};
}

Status DirStore::WriteNewFile(const std::string& file, std::string_view bytes) {
  const FolderAndName place = OpenParentBeneath(folder_.get(), file);
  if (!place.folder.valid()) return Failed("cannot make", file);
  const UniqueFd fd = OpenBeneath(place.folder.get(), place.name,
                                  O_WRONLY | O_CREAT | O_EXCL, kPrivateFile);
  if (!fd.valid()) return Failed("cannot make", file);
  Status written = WriteFully(fd.get(), bytes, Joined(path_, file));
  if (written && fchmod(fd.get(), kPrivateFile | (SharedBits() & 0660)) != 0) {
    written = Failed("cannot chmod", file);
  }
  if (written && fsync(fd.get()) != 0) {
    written = Failed("cannot write through", file);
  }
  if (!written) unlinkat(place.folder.get(), place.name.c_str(), 0);
  return written;
}

Status DirStore::Create(const ObjectId& id, ObjectKind kind,
                        std::string_view name, std::string_view bytes) {
  DRIVEROOT_RETURN_IF_ERROR(CheckId(id));
  DRIVEROOT_RETURN_IF_ERROR(CheckName(name));
  const std::string folder(FolderOf(kind));
  DRIVEROOT_RETURN_IF_ERROR(MakeFolder(folder));
  DRIVEROOT_RETURN_IF_ERROR(MakeFolder(std::string(kObjects)));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string random, RandomHex());
  const std::string file = Joined(folder, std::string(name) + "." + random);
  DRIVEROOT_RETURN_IF_ERROR(WriteNewFile(file, bytes));
  DRIVEROOT_RETURN_IF_ERROR(SyncFolder(folder));
  const UniqueFd objects = OpenFolder(kObjects);
  if (!objects.valid() ||
      symlinkat(("../" + file).c_str(), objects.get(), id.c_str()) != 0) {
    const auto failed = Failed("cannot make", Joined(kObjects, id));
    RemoveFile(file);
    return failed;
  }
  DRIVEROOT_RETURN_IF_ERROR(SyncFolder(std::string(kObjects)));
  if (kind == ObjectKind::kReadme) {
    // Where a person looks for it.
    const std::string top(name);
    const FolderAndName place = OpenParentBeneath(folder_.get(), file);
    if (!place.folder.valid() || (linkat(place.folder.get(), place.name.c_str(),
                                         folder_.get(), top.c_str(), 0) != 0 &&
                                  errno != EEXIST)) {
      return Failed("cannot make", top);
    }
  }
  return {};
}

Status DirStore::RemoveFile(const std::string& file) {
  const FolderAndName place = OpenParentBeneath(folder_.get(), file);
  if (!place.folder.valid() ||
      (unlinkat(place.folder.get(), place.name.c_str(), 0) != 0 &&
       errno != ENOENT)) {
    return Failed("cannot remove", file);
  }
  return {};
}

Result<std::string> DirStore::Locate(const ObjectId& id) {
  DRIVEROOT_RETURN_IF_ERROR(CheckId(id));
  const UniqueFd objects = OpenFolder(kObjects);
  if (!objects.valid()) return Failed("cannot read", kObjects);
  return LocateIn(objects.get(), id);
}

Result<std::string> DirStore::LocateIn(int objects, const ObjectId& id) {
  const std::string link = Joined(kObjects, id);
  std::array<char, 512> target;
  const ssize_t size =
      readlinkat(objects, id.c_str(), target.data(), target.size());
  if (size < 0) return Failed("cannot read", link);
  const std::string_view path(target.data(), static_cast<size_t>(size));
  if (path == kRemoved) {
    return Fail(ErrorCode::kNotFound, "cannot read " + Joined(path_, link) +
                                          ": the object was removed");
  }
  std::optional<std::string> file = ParseLink(path);
  if (!file) {
    return Fail(ErrorCode::kDataLoss,
                "cannot read " + Joined(path_, link) +
                    ": it does not point to an object of this volume");
  }
  return *std::move(file);
}

Result<std::string> DirStore::Read(const ObjectId& id, uint64_t offset,
                                   uint64_t length) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string file, Locate(id));
  Result<std::string> bytes = ReadRange(file, offset, length);
  if (bytes || bytes.error().code() != ErrorCode::kNotFound) return bytes;
  // Unless it was removed at this moment, that was no work of driveroot.
  DRIVEROOT_RETURN_IF_ERROR(Locate(id));
  return Fail(ErrorCode::kDataLoss,
              bytes.error().message() + ": somebody removed or renamed it");
}

Status DirStore::ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                        const ByteSink& sink) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string file, Locate(id));
  while (length > 0) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        const std::string bytes,
        ReadRange(file, offset, std::min(length, kPieceBytes)));
    if (bytes.empty()) return {};
    if (!sink(bytes)) {
      return Fail(ErrorCode::kCancelled, "the rest is not wanted");
    }
    offset += bytes.size();
    length -= bytes.size();
  }
  return {};
}

Result<std::string> DirStore::ReadRange(const std::string& file,
                                        uint64_t offset, uint64_t length) {
  // A fifo in its place must not keep us waiting.
  const UniqueFd fd =
      OpenBeneath(folder_.get(), file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status;
  if (!fd.valid() || fstat(fd.get(), &status) != 0) {
    return Failed("cannot open", file);
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kDataLoss, Joined(path_, file) + " is not a file");
  }
  const auto size = static_cast<uint64_t>(status.st_size);
  if (offset >= size) return std::string();
  std::string bytes(std::min(length, size - offset), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        pread(fd.get(), bytes.data() + done, bytes.size() - done,
              static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("cannot read", file);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

Status DirStore::Remove(const ObjectId& id) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string file, Locate(id));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string random, RandomHex());
  const std::string fresh = "." + random;
  const UniqueFd objects = OpenFolder(kObjects);
  if (!objects.valid() ||
      symlinkat(std::string(kRemoved).c_str(), objects.get(), fresh.c_str()) !=
          0 ||
      renameat(objects.get(), fresh.c_str(), objects.get(), id.c_str()) != 0) {
    return Failed("cannot remove", Joined(kObjects, id));
  }
  DRIVEROOT_RETURN_IF_ERROR(SyncFolder(std::string(kObjects)));
  return RemoveFile(file);
}

Result<std::vector<ObjectInfo>> DirStore::List(ObjectKind kind) {
  std::vector<ObjectInfo> objects;
  UniqueFd fd = OpenFolder(kObjects);
  if (!fd.valid() && errno == ENOENT) return objects;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(
      fd.valid() ? fdopendir(fd.Release()) : nullptr, &closedir);
  if (folder == nullptr) return Failed("cannot list", kObjects);
  const std::string prefix = Joined(FolderOf(kind), "");
  const UniqueFd files = OpenFolder(FolderOf(kind));
  if (!files.valid() && errno == ENOENT) return objects;
  if (!files.valid()) return Failed("cannot list", FolderOf(kind));
  for (const dirent* entry = readdir(folder.get()); entry != nullptr;
       entry = readdir(folder.get())) {
    const ObjectId id = entry->d_name;
    if (!CheckId(id)) continue;
    const Result<std::string> file = LocateIn(dirfd(folder.get()), id);
    if (!file || !file->starts_with(prefix)) continue;
    struct stat status;
    if (fstatat(files.get(), file->c_str() + prefix.size(), &status,
                AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode)) {
      continue;
    }
    const size_t dot = file->rfind('.');
    objects.push_back({.id = id,
                       .kind = kind,
                       .name = file->substr(prefix.size(), dot - prefix.size()),
                       .size = static_cast<uint64_t>(status.st_size)});
  }
  return objects;
}

Result<std::string> DirStore::ReadSuperblock() {
  return ReadRange(std::string(kSuperblock), 0, kMaxSuperblockBytes);
}

Status DirStore::WriteSuperblock(std::string_view bytes) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string random, RandomHex());
  const std::string fresh = "." + random;
  DRIVEROOT_RETURN_IF_ERROR(WriteNewFile(fresh, bytes));
  if (renameat(folder_.get(), fresh.c_str(), folder_.get(),
               std::string(kSuperblock).c_str()) != 0) {
    const auto failed = Failed("cannot replace", kSuperblock);
    unlinkat(folder_.get(), fresh.c_str(), 0);
    return failed;
  }
  return SyncFolder(".");
}

Status DirStore::CreateSuperblock(std::string_view bytes) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string random, RandomHex());
  const std::string fresh = "." + random;
  DRIVEROOT_RETURN_IF_ERROR(WriteNewFile(fresh, bytes));
  // Unlike renameat, this leaves one that is there alone.
  Status linked;
  if (linkat(folder_.get(), fresh.c_str(), folder_.get(),
             std::string(kSuperblock).c_str(), 0) != 0) {
    linked = Failed("cannot make", kSuperblock);
  }
  unlinkat(folder_.get(), fresh.c_str(), 0);
  DRIVEROOT_RETURN_IF_ERROR(linked);
  return SyncFolder(".");
}

Result<StoreSpace> DirStore::Space() {
  struct statvfs status;
  if (fstatvfs(folder_.get(), &status) != 0) {
    return Failed("cannot ask for the space of", ".");
  }
  return StoreSpace{
      .total = status.f_blocks * status.f_frsize,
      .used = (status.f_blocks - status.f_bavail) * status.f_frsize};
}

}  // namespace driveroot
