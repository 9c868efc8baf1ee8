// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/import.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/transfer/held_files.h"

namespace driveroot {
namespace {

// How much is read and written at a time: one frame.
constexpr size_t kChunkBytes = kMaxFrameBytes;

// Runs of zeros are looked for in blocks of this size, a page.
constexpr size_t kBlockBytes = 4096;

constexpr int64_t kNsPerSecond = 1'000'000'000;

TimeNs ToTimeNs(const TarTime& time) {
  constexpr int64_t kLimit = INT64_MAX / kNsPerSecond - 1;
  return std::clamp(time.seconds, -kLimit, kLimit) * kNsPerSecond +
         time.nanoseconds;
}

uint32_t TypeBits(TarType type) {
  switch (type) {
    case TarType::kFile:
      return S_IFREG;
    case TarType::kSymlink:
      return S_IFLNK;
    case TarType::kCharDevice:
      return S_IFCHR;
    case TarType::kBlockDevice:
      return S_IFBLK;
    case TarType::kDirectory:
      return S_IFDIR;
    case TarType::kFifo:
      return S_IFIFO;
    case TarType::kHardLink:
      break;
  }
  return 0;
}

Attributes ToAttributes(const TarEntry& entry) {
  Attributes attributes;
  attributes.mode = TypeBits(entry.type) | (entry.mode & 07777);
  attributes.uid = entry.uid;
  attributes.gid = entry.gid;
  attributes.nlink = entry.type == TarType::kDirectory ? 2 : 1;
  attributes.size =
      entry.type == TarType::kSymlink ? entry.link_target.size() : entry.size;
  if (entry.type == TarType::kCharDevice ||
      entry.type == TarType::kBlockDevice) {
    attributes.rdev = makedev(entry.device_major, entry.device_minor);
  }
  attributes.mtime = ToTimeNs(entry.modified);
  attributes.atime = ToTimeNs(entry.accessed.value_or(entry.modified));
  attributes.ctime = ToTimeNs(entry.changed.value_or(entry.modified));
  attributes.btime = attributes.mtime;
  return attributes;
}

// Small files share frames. A frame ends after one in so many files, and after
// which ones depends on their paths alone: so a file that has changed since the
// last push makes only the frames up to the next such file new. A quarter of a
// megabyte or so lies between two of them, which costs next to nothing in
// compression.
bool EndsFrame(std::string_view path) {
  constexpr uint64_t kFiles = 32;
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : path) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return (hash >> 32) % kFiles == 0;
}

bool IsZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

class Importer {
 public:
  Importer(TreeSource& source, Volume& volume, const ImportOptions& options,
           const TransferCallback& progress)
      : source_(source),
        volume_(volume),
        progress_(progress),
        held_(options.boot_files) {}

  Result<ImportSummary> Run();

 private:
  Status Add(const TarEntry& entry);
  Status AddTop(const TarEntry& entry);
  Status AddHardLink(Metadata& metadata, const TarEntry& entry,
                     InodeNumber folder, std::string_view name);
  Result<InodeNumber> AddInode(Metadata& metadata, const TarEntry& entry,
                               InodeNumber folder, std::string_view name);
  Status CopyData(InodeNumber file, const TarEntry& entry);
  Status WriteHeldFiles();
  Status WriteWithHoles(InodeNumber file, uint64_t offset,
                        std::string_view bytes);
  // The folder that holds `path`, made if need be.
  Result<InodeNumber> FolderOf(Metadata& metadata, std::string_view path);
  InodeNumber Resolve(const Metadata& metadata, std::string_view path) const;
  void MakeFolder(Metadata& metadata, InodeNumber parent, std::string_view name,
                  const Attributes& attributes);
  Status RemoveOldEntry(Metadata& metadata, const TarEntry& entry,
                        InodeNumber folder, std::string_view name);
  Status PutInPlace();
  void RemoveOldTree(Metadata& metadata);
  void Report();

  TreeSource& source_;
  Volume& volume_;
  const TransferCallback& progress_;
  HeldFiles held_;
  InodeNumber top_ = kNoInode;  // of the new tree, until it is put in place
  ImportSummary summary_;
};

void SetXattrs(Metadata& metadata, InodeNumber inode, const TarEntry& entry) {
  for (const auto& [name, value] : entry.xattrs) {
    metadata.SetXattr(inode, name, value);
  }
}

void ChangeLinkCount(Metadata& metadata, InodeNumber inode, int change) {
  Attributes attributes = metadata.Find(inode)->attributes;
  attributes.nlink += static_cast<uint32_t>(change);
  metadata.SetAttributes(inode, attributes);
}

std::pair<std::string_view, std::string_view> SplitPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {".", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Result<ImportSummary> Importer::Run() {
  {
    DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
    // Without an entry for the top it looks like the volume's own.
    Attributes attributes = lock->Find(kRootInode)->attributes;
    attributes.nlink = 2;
    top_ = lock->CreateInode(attributes, kNoInode);
  }
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry,
                               source_.Next());
    if (!entry) break;
    DRIVEROOT_RETURN_IF_ERROR(Add(*entry));
    ++summary_.entries;
    Report();
  }
  DRIVEROOT_RETURN_IF_ERROR(WriteHeldFiles());
  DRIVEROOT_RETURN_IF_ERROR(PutInPlace());
  return summary_;
}

void Importer::Report() {
  if (progress_) {
    progress_({.entries = summary_.entries,
               .done = source_.bytes_done(),
               .total = source_.bytes_total()});
  }
}

Status Importer::Add(const TarEntry& entry) {
  if (entry.path == ".") return AddTop(entry);
  InodeNumber inode = kNoInode;
  {
    DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
    DRIVEROOT_ASSIGN_OR_RETURN(const InodeNumber folder,
                               FolderOf(*lock, entry.path));
    const std::string_view name = SplitPath(entry.path).second;
    if (name.size() > 255) {
      return Fail(ErrorCode::kInvalidArgument,
                  entry.path + " has a name of more than 255 bytes");
    }
    if (entry.type == TarType::kHardLink) {
      return AddHardLink(*lock, entry, folder, name);
    }
    DRIVEROOT_ASSIGN_OR_RETURN(inode, AddInode(*lock, entry, folder, name));
  }
  if (entry.type != TarType::kFile) return {};
  DRIVEROOT_RETURN_IF_ERROR(CopyData(inode, entry));
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
  lock->StartNewFrame(inode, EndsFrame(entry.path));
  return {};
}

Status Importer::AddTop(const TarEntry& entry) {
  if (entry.type != TarType::kDirectory) {
    return Fail(ErrorCode::kInvalidArgument,
                "the top of the tree is not a folder");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
  Attributes attributes = ToAttributes(entry);
  attributes.nlink = lock->Find(top_)->attributes.nlink;
  lock->SetAttributes(top_, attributes);
  SetXattrs(*lock, top_, entry);
  return {};
}

Status Importer::AddHardLink(Metadata& metadata, const TarEntry& entry,
                             InodeNumber folder, std::string_view name) {
  const InodeNumber target = Resolve(metadata, entry.link_target);
  if (target == kNoInode || metadata.Find(target)->IsDirectory()) {
    return Fail(ErrorCode::kInvalidArgument,
                entry.path + " is a hard link to " + entry.link_target +
                    ", which is no file before it");
  }
  // The target itself may be what the name refers to so far.
  ChangeLinkCount(metadata, target, 1);
  DRIVEROOT_RETURN_IF_ERROR(RemoveOldEntry(metadata, entry, folder, name));
  metadata.PutDentry(folder, name, target);
  return {};
}

Result<InodeNumber> Importer::AddInode(Metadata& metadata,
                                       const TarEntry& entry,
                                       InodeNumber folder,
                                       std::string_view name) {
  const Attributes attributes = ToAttributes(entry);
  if (entry.type == TarType::kDirectory) {
    const InodeNumber existing = metadata.Lookup(folder, name);
    if (existing != kNoInode && metadata.Find(existing)->IsDirectory()) {
      Attributes updated = attributes;
      updated.nlink = metadata.Find(existing)->attributes.nlink;
      metadata.SetAttributes(existing, updated);
      SetXattrs(metadata, existing, entry);
      return existing;
    }
  }
  DRIVEROOT_RETURN_IF_ERROR(RemoveOldEntry(metadata, entry, folder, name));
  if (entry.type == TarType::kDirectory) {
    MakeFolder(metadata, folder, name, attributes);
    const InodeNumber made = metadata.Lookup(folder, name);
    SetXattrs(metadata, made, entry);
    return made;
  }
  const InodeNumber inode =
      metadata.CreateInode(attributes, kNoInode, entry.link_target);
  metadata.PutDentry(folder, name, inode);
  SetXattrs(metadata, inode, entry);
  return inode;
}

// An archive may hold a path twice: the later entry counts, as with tar.
Status Importer::RemoveOldEntry(Metadata& metadata, const TarEntry& entry,
                                InodeNumber folder, std::string_view name) {
  const InodeNumber old = metadata.Lookup(folder, name);
  if (old == kNoInode) return {};
  if (metadata.Find(old)->IsDirectory()) {
    return Fail(ErrorCode::kInvalidArgument,
                entry.path + " is a folder first and something else later");
  }
  metadata.RemoveDentry(folder, name);
  ChangeLinkCount(metadata, old, -1);
  if (metadata.Find(old)->attributes.nlink == 0) metadata.RemoveInode(old);
  return {};
}

void Importer::MakeFolder(Metadata& metadata, InodeNumber parent,
                          std::string_view name, const Attributes& attributes) {
  const InodeNumber made = metadata.CreateInode(attributes, parent);
  metadata.PutDentry(parent, name, made);
  ChangeLinkCount(metadata, parent, 1);
}

InodeNumber Importer::Resolve(const Metadata& metadata,
                              std::string_view path) const {
  InodeNumber current = top_;
  while (!path.empty() && path != ".") {
    if (!metadata.Find(current)->IsDirectory()) return kNoInode;
    const size_t slash = path.find('/');
    current = metadata.Lookup(current, path.substr(0, slash));
    if (current == kNoInode) return kNoInode;
    path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  }
  return current;
}

Result<InodeNumber> Importer::FolderOf(Metadata& metadata,
                                       std::string_view path) {
  const std::string_view folder_path = SplitPath(path).first;
  const InodeNumber found = Resolve(metadata, folder_path);
  if (found != kNoInode) {
    if (metadata.Find(found)->IsDirectory()) return found;
    return Fail(ErrorCode::kInvalidArgument,
                std::string(path) + " lies in something that is no folder");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const InodeNumber parent,
                             FolderOf(metadata, folder_path));
  const std::string_view name = SplitPath(folder_path).second;
  if (metadata.Lookup(parent, name) != kNoInode) {
    return Fail(ErrorCode::kInvalidArgument,
                std::string(path) + " lies in something that is no folder");
  }
  MakeFolder(metadata, parent, name, {.mode = S_IFDIR | 0755, .nlink = 2});
  return metadata.Lookup(parent, name);
}

Status Importer::CopyData(InodeNumber file, const TarEntry& entry) {
  HeldFiles::File* held = held_.Hold(entry.path, file, entry.size);
  std::string buffer(kChunkBytes, '\0');
  uint64_t offset = 0;
  size_t filled = 0;
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        const size_t count,
        source_.ReadData(std::span(buffer).subspan(filled)));
    filled += count;
    if (count > 0 && filled < buffer.size()) continue;
    const std::string_view bytes = std::string_view(buffer).substr(0, filled);
    if (held != nullptr) {
      held->bytes += bytes;
    } else {
      DRIVEROOT_RETURN_IF_ERROR(WriteWithHoles(file, offset, bytes));
    }
    offset += filled;
    summary_.bytes += filled;
    filled = 0;
    if (count == 0) return {};
    Report();
  }
}

Status Importer::WriteWithHoles(InodeNumber file, uint64_t offset,
                                std::string_view bytes) {
  size_t begin = 0;
  while (begin < bytes.size()) {
    // Runs of blocks that are not zero are written in one go.
    size_t end = begin;
    while (end < bytes.size() && !IsZero(bytes.substr(end, kBlockBytes))) {
      end = std::min(end + kBlockBytes, bytes.size());
    }
    if (end > begin) {
      DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
      lock->WriteData(file, offset + begin, bytes.substr(begin, end - begin));
    }
    begin = end + kBlockBytes;
  }
  return {};
}

Status Importer::WriteHeldFiles() {
  if (held_.files().empty()) return {};
  {
    // So that they begin a frame.
    DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
    lock->StartNewFrame(kNoInode, /*shared=*/true);
  }
  std::vector<FrameNumber> trace;
  for (auto& [place, file] : held_.files()) {
    // An entry of the same name may have come later.
    if (volume_.Read()->Find(file.inode) == nullptr) continue;
    DRIVEROOT_RETURN_IF_ERROR(WriteWithHoles(file.inode, 0, file.bytes));
    file.bytes = std::string();
    const Volume::ReadLock lock = volume_.Read();
    for (const Extent& extent : lock->Find(file.inode)->extents().all()) {
      if (trace.empty() || trace.back() != extent.frame) {
        trace.push_back(extent.frame);
      }
    }
  }
  if (trace.empty()) return {};
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
  lock->SetBootTrace(std::move(trace));
  return {};
}

Status Importer::PutInPlace() {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
  Metadata& metadata = *lock;
  RemoveOldTree(metadata);
  const Inode& top = *metadata.Find(top_);
  metadata.SetAttributes(kRootInode, top.attributes);
  if (top.xattrs != nullptr) {
    for (const auto& [name, value] : *top.xattrs) {
      metadata.SetXattr(kRootInode, name, value);
    }
  }
  while (const Directory::Entry* entry = top.directory().After(0)) {
    const std::string name = entry->name;
    const InodeNumber inode = entry->inode;
    metadata.RemoveDentry(top_, name);
    metadata.PutDentry(kRootInode, name, inode);
    if (metadata.Find(inode)->IsDirectory()) {
      metadata.SetParent(inode, kRootInode);
    }
  }
  metadata.RemoveInode(top_);
  return {};
}

void Importer::RemoveOldTree(Metadata& metadata) {
  std::set<InodeNumber> inodes;
  std::vector<InodeNumber> folders = {kRootInode};
  while (!folders.empty()) {
    const InodeNumber folder = folders.back();
    folders.pop_back();
    const Directory& directory = metadata.Find(folder)->directory();
    while (const Directory::Entry* entry = directory.After(0)) {
      const InodeNumber inode = entry->inode;
      inodes.insert(inode);
      if (metadata.Find(inode)->IsDirectory()) folders.push_back(inode);
      const std::string name = entry->name;
      metadata.RemoveDentry(folder, name);
    }
  }
  for (const InodeNumber inode : inodes) metadata.RemoveInode(inode);
  if (const Xattrs* xattrs = metadata.Find(kRootInode)->xattrs.get()) {
    const Xattrs old = *xattrs;
    for (const auto& [name, value] : old) {
      metadata.RemoveXattr(kRootInode, name);
    }
  }
}

}  // namespace

Result<ImportSummary> ImportTree(TreeSource& source, Volume& volume,
                                 const ImportOptions& options,
                                 const TransferCallback& progress) {
  return Importer(source, volume, options, progress).Run();
}

}  // namespace driveroot
