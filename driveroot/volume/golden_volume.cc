// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/golden_volume.h"

#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/volume/hash.h"

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

constexpr std::array<std::pair<ObjectKind, std::string_view>, 4> kFolders = {{
    {ObjectKind::kLogRecord, "log"},
    {ObjectKind::kSegment, "segments"},
    {ObjectKind::kCheckpoint, "checkpoints"},
    {ObjectKind::kReadme, "readme"},
}};

constexpr uint64_t kMaxObjectBytes = 1 << 20;

// Bytes that do not compress, always the same.
std::string Noise(size_t length, uint32_t state) {
  std::string bytes;
  for (size_t i = 0; i < length; ++i) {
    state = state * 1664525 + 1013904223;  // Numerical Recipes
    bytes.push_back(static_cast<char>(state >> 24));
  }
  return bytes;
}

// Puts things into a volume, with times that count up.
class Maker {
 public:
  explicit Maker(Metadata& metadata) : metadata_(metadata) {}

  InodeNumber Make(InodeNumber parent, std::string_view name, uint32_t mode,
                   std::string target = {}) {
    const bool is_directory = S_ISDIR(mode);
    const TimeNs now = Now();
    const InodeNumber number =
        metadata_.CreateInode({.mode = mode,
                               .uid = 1000,
                               .gid = 50,
                               .nlink = is_directory ? 2u : 1u,
                               .size = target.size(),
                               .rdev = S_ISCHR(mode) ? 0x103u : 0u,
                               .atime = now,
                               .mtime = -now,  // before 1970
                               .ctime = now,
                               .btime = now},
                              is_directory ? parent : kNoInode, target);
    metadata_.PutDentry(parent, name, number);
    if (is_directory) Change(parent, [](auto& of) { ++of.nlink; });
    return number;
  }

  InodeNumber File(InodeNumber parent, std::string_view name,
                   std::string_view bytes, uint64_t offset = 0) {
    const InodeNumber number = Make(parent, name, S_IFREG | 04755);
    Write(number, offset, bytes);
    return number;
  }

  void Write(InodeNumber number, uint64_t offset, std::string_view bytes) {
    Change(number, [&](auto& of) {
      of.size = std::max<uint64_t>(of.size, offset + bytes.size());
    });
    metadata_.WriteData(number, offset, bytes);
  }

  void Link(InodeNumber number, InodeNumber parent, std::string_view name) {
    metadata_.PutDentry(parent, name, number);
    Change(number, [](auto& of) { ++of.nlink; });
  }

  void Remove(InodeNumber parent, std::string_view name) {
    const InodeNumber number = metadata_.Lookup(parent, name);
    metadata_.RemoveDentry(parent, name);
    metadata_.RemoveInode(number);
  }

  void Change(InodeNumber number, const auto& change) {
    Attributes attributes = metadata_.Find(number)->attributes;
    change(attributes);
    attributes.ctime = Now();
    metadata_.SetAttributes(number, attributes);
  }

 private:
  TimeNs Now() { return now_ += 1'000'000'007; }

  Metadata& metadata_;
  TimeNs now_ = TimeNs{1'700'000'000} * 1'000'000'000;
};

Status FillBeforeCheckpoint(Volume& volume) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume.Write());
  Maker maker(*lock);
  const InodeNumber folder = maker.Make(kRootInode, "folder", S_IFDIR | 02775);
  const InodeNumber below = maker.Make(folder, "below", S_IFDIR | 0700);
  const InodeNumber file = maker.File(below, "file", "contents\n");
  maker.Link(file, kRootInode, "hard link");
  maker.Make(kRootInode, "symlink", S_IFLNK | 0777, "folder/below/file");
  maker.Make(kRootInode, "fifo", S_IFIFO | 0600);
  maker.Make(kRootInode, "null", S_IFCHR | 0666);
  maker.Make(kRootInode, "socket", S_IFSOCK | 0600);
  lock->SetXattr(file, "user.note", std::string("a\0b", 3));
  lock->SetXattr(file, "security.capability", Noise(20, 1));
  lock->SetXattr(folder, "system.posix_acl_default", Noise(28, 2));
  maker.File(kRootInode, "in a segment", Noise(9000, 3));
  maker.File(kRootInode, "compressed", std::string(300'000, 'c'));
  maker.File(kRootInode, "hole before the end", "end", 1 << 20);
  maker.File(kRootInode, std::string(255, 'n'), "a long name");
  maker.File(kRootInode, "\xff bytes of any kind \x01", "");
  maker.File(kRootInode, "removed later", Noise(500, 4));
  // As if a machine had booted from it: the checkpoint carries copies then.
  const Inode& read = *lock->Find(lock->Lookup(kRootInode, "compressed"));
  std::vector<FrameNumber> trace;
  for (const Extent& extent : read.extents().all()) {
    trace.push_back(extent.frame);
  }
  lock->SetBootTrace(std::move(trace));
  return {};
}

Status FillAfterCheckpoint(Volume& volume) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume.Write());
  Maker maker(*lock);
  maker.Remove(kRootInode, "removed later");
  const InodeNumber shared = maker.File(kRootInode, "shares its bytes", "");
  const InodeNumber source = lock->Lookup(kRootInode, "in a segment");
  maker.Change(shared, [](auto& of) { of.size = 6000; });
  lock->ShareData(source, 2000, shared, 1000, 5000);
  maker.Write(source, 4000, "overwritten");
  lock->PunchHole(lock->Lookup(kRootInode, "compressed"), 1000, 200'000);
  maker.File(kRootInode, "in a record", "small\n");
  // Unlinked while open; the next mount removes it.
  const InodeNumber orphan = maker.File(kRootInode, "orphan", Noise(100, 5));
  lock->RemoveDentry(kRootInode, "orphan");
  maker.Change(orphan, [](auto& of) { of.nlink = 0; });
  return {};
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    hex += kDigits[static_cast<uint8_t>(byte) >> 4];
    hex += kDigits[static_cast<uint8_t>(byte) & 15];
  }
  return hex;
}

std::string LineOf(const std::string& path, InodeNumber number,
                   const Inode& inode, const std::string& data) {
  const Attributes& attributes = inode.attributes;
  std::ostringstream out;
  for (const char c : path) {
    // Names may hold any byte, this file may not.
    if (c >= ' ' && c <= '~' && c != '%') {
      out << c;
    } else {
      out << '%' << Hex({&c, 1});
    }
  }
  out << " inode " << number << " mode 0" << std::oct << attributes.mode
      << std::dec << " links " << attributes.nlink << " owner "
      << attributes.uid << ":" << attributes.gid << " size " << attributes.size
      << " device " << attributes.rdev << " times " << attributes.atime << " "
      << attributes.mtime << " " << attributes.ctime << " " << attributes.btime;
  if (S_ISLNK(attributes.mode)) out << " target " << inode.symlink_target();
  if (S_ISREG(attributes.mode)) {
    out << " sha256 " << HexOf(Sha256(data)) << " stored "
        << inode.extents().CoveredBytes();
  }
  if (inode.xattrs != nullptr) {
    for (const auto& [name, value] : *inode.xattrs) {
      out << " " << name << "=" << Hex(value);
    }
  }
  out << "\n";
  return out.str();
}

Result<std::string> Contents(Volume& volume, InodeNumber number) {
  std::string bytes;
  std::vector<StoredPiece> pieces;
  {
    const Volume::ReadLock lock = volume.Read();
    const Inode& inode = *lock->Find(number);
    if (!S_ISREG(inode.attributes.mode)) return bytes;
    bytes.resize(inode.attributes.size);
    pieces = lock->ReadData(number, 0, bytes);
  }
  DRIVEROOT_RETURN_IF_ERROR(volume.ReadStored(pieces, bytes));
  return bytes;
}

Status AddTree(Volume& volume, InodeNumber number, const std::string& path,
               std::string& out) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string data, Contents(volume, number));
  std::map<std::string, InodeNumber> entries;
  {
    const Volume::ReadLock lock = volume.Read();
    const Inode& inode = *lock->Find(number);
    out += LineOf(path, number, inode, data);
    if (!inode.IsDirectory()) return {};
    const Directory::Entry* entry = inode.directory().After(0);
    for (; entry != nullptr; entry = inode.directory().After(entry->cookie)) {
      entries[entry->name] = entry->inode;
    }
  }
  for (const auto& [name, inode] : entries) {
    DRIVEROOT_RETURN_IF_ERROR(AddTree(volume, inode, path + "/" + name, out));
  }
  return {};
}

}  // namespace

Status MakeGoldenVolume(const std::shared_ptr<FakeAccount>& account) {
  FakeObjectStore store(account);
  DRIVEROOT_RETURN_IF_ERROR(Volume::Format(store, {.uid = 7, .gid = 8}));
  VolumeOptions options;
  options.commit_interval = std::chrono::hours(1);
  options.max_inline_bytes = 1000;
  options.host_name = "golden";
  options.boot_id = "golden boot";
  DRIVEROOT_ASSIGN_OR_RETURN(
      auto volume,
      Volume::Open(std::make_unique<FakeObjectStore>(account), options));
  DRIVEROOT_RETURN_IF_ERROR(FillBeforeCheckpoint(*volume));
  DRIVEROOT_RETURN_IF_ERROR(volume->Close());
  DRIVEROOT_ASSIGN_OR_RETURN(
      volume,
      Volume::Open(std::make_unique<FakeObjectStore>(account), options));
  DRIVEROOT_RETURN_IF_ERROR(FillAfterCheckpoint(*volume));
  return volume->Sync();
}

Result<std::string> TreeText(Volume& volume) {
  std::string text;
  DRIVEROOT_RETURN_IF_ERROR(AddTree(volume, kRootInode, "", text));
  return text;
}

Status SaveAccount(const FakeAccount& account, const std::string& folder) {
  for (const auto& [kind, name] : kFolders) {
    const stdfs::path below = stdfs::path(folder) / name;
    std::error_code error;
    stdfs::create_directories(below, error);
    for (const ObjectId& id : account.Ids(kind)) {
      DRIVEROOT_RETURN_IF_ERROR(
          ReplaceFile(below / id, account.objects.at(id).bytes, 0644));
    }
  }
  return ReplaceFile(folder + "/superblock.json",
                     account.superblock.value_or(""), 0644);
}

Result<std::shared_ptr<FakeAccount>> LoadAccount(const std::string& folder) {
  auto account = std::make_shared<FakeAccount>();
  DRIVEROOT_ASSIGN_OR_RETURN(
      account->superblock,
      ReadFile(folder + "/superblock.json", kMaxObjectBytes));
  for (const auto& [kind, name] : kFolders) {
    std::error_code error;
    const stdfs::path below = stdfs::path(folder) / name;
    for (const auto& entry : stdfs::directory_iterator(below, error)) {
      const ObjectId id = entry.path().filename();
      DRIVEROOT_ASSIGN_OR_RETURN(std::string bytes,
                                 ReadFile(entry.path(), kMaxObjectBytes));
      account->taken.insert(id);
      account->objects[id] = {kind, id, std::move(bytes)};
    }
  }
  // Above all ids of the volume.
  account->next_id = 1'000'000;
  return account;
}

}  // namespace driveroot
