// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/import.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "driveroot/transfer/boot_guess.h"
#include "driveroot/transfer/entry_limits.h"
#include "driveroot/transfer/held_files.h"
#include "driveroot/transfer/put_in_place.h"
#include "driveroot/transfer/tar_attributes.h"
#include "driveroot/transfer/whiteouts.h"
#include "driveroot/transfer/xattr_names.h"

namespace driveroot {
namespace {

// How much is read and written at a time: one frame.
constexpr size_t kChunkBytes = kMaxFrameBytes;

// Runs of zeros are looked for in blocks of this size, a page.
constexpr size_t kBlockBytes = 4096;

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
  Status ApplyWhiteout(const TarEntry& entry);
  Status AddTop(const TarEntry& entry);
  Status AddHardLink(Metadata& metadata, const TarEntry& entry,
                     InodeNumber folder, std::string_view name);
  Result<InodeNumber> AddInode(Metadata& metadata, const TarEntry& entry,
                               InodeNumber folder, std::string_view name);
  // Gives the entry's contents to `take`, a frame's length at a time, without
  // its holes.
  using ChunkSink =
      std::function<Status(uint64_t offset, std::string_view bytes)>;
  Status CopyData(const TarEntry& entry, InodeNumber inode,
                  const ChunkSink& take);
  // Sets the size to what was read.
  Status EndAt(const TarEntry& entry, InodeNumber inode, uint64_t size);
  // Those of the list, or those that a boot is likely to read, come last and
  // side by side.
  Status WriteHeldFiles();
  Status WriteHeldFile(HeldFiles::File& file);
  std::vector<HeldFiles::File*> BootFilesHeld();
  Status WriteWithHoles(InodeNumber file, uint64_t offset,
                        std::string_view bytes);
  // The folder that holds `path`, made if need be.
  Result<InodeNumber> FolderOf(Metadata& metadata, std::string_view path);
  InodeNumber Resolve(const Metadata& metadata, std::string_view path) const;
  void MakeFolder(Metadata& metadata, InodeNumber parent, std::string_view name,
                  const Attributes& attributes);
  Status RemoveOldEntry(Metadata& metadata, const TarEntry& entry,
                        InodeNumber folder, std::string_view name);
  void Report();

  TreeSource& source_;
  Volume& volume_;
  const TransferCallback& progress_;
  HeldFiles held_;
  BootGuess guess_;
  Whiteouts whiteouts_;
  InodeNumber top_ = kNoInode;  // of the new tree, until it is put in place
  ImportSummary summary_;
};

// Those of a folder that came before go: the later entry counts.
void SetXattrs(Metadata& metadata, InodeNumber inode, const TarEntry& entry) {
  if (const Xattrs* xattrs = metadata.Find(inode)->xattrs.get()) {
    const Xattrs old = *xattrs;
    for (const auto& [name, value] : old) metadata.RemoveXattr(inode, name);
  }
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
    DRIVEROOT_ASSIGN_OR_RETURN(std::optional<TarEntry> entry, source_.Next());
    if (!entry) break;
    if (const std::optional<size_t> layer = source_.layer()) {
      whiteouts_.BeginLayer(*layer);
      if (IsWhiteout(*entry)) {
        DRIVEROOT_RETURN_IF_ERROR(ApplyWhiteout(*entry));
        continue;
      }
    }
    FitXattrs(&*entry, &summary_.notes);
    DRIVEROOT_RETURN_IF_ERROR(CheckEntryLimits(*entry));
    DRIVEROOT_RETURN_IF_ERROR(Add(*entry));
    ++summary_.entries;
    Report();
  }
  summary_.notes.Add(source_.notes());
  DRIVEROOT_RETURN_IF_ERROR(WriteHeldFiles());
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
  PutTreeInPlace(*lock, top_);
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
    // A record must hold it all, and a checkpoint; how much memory there is
    // here is no matter.
    DRIVEROOT_RETURN_IF_ERROR(volume_.CheckRoom(
        *lock, Metadata::InodeMemory() + Metadata::EntryMemory(name),
        /*privileged=*/true));
    whiteouts_.Brought(folder, name);
    if (entry.type == TarType::kHardLink) {
      return AddHardLink(*lock, entry, folder, name);
    }
    DRIVEROOT_ASSIGN_OR_RETURN(inode, AddInode(*lock, entry, folder, name));
  }
  if (entry.type != TarType::kFile) return {};
  if (HeldFiles::File* held = held_.Hold(entry.path, inode, entry.size)) {
    return CopyData(entry, inode,
                    [held](uint64_t offset, std::string_view bytes) -> Status {
                      held->bytes.resize(offset);  // a hole
                      held->bytes += bytes;
                      return {};
                    });
  }
  DRIVEROOT_RETURN_IF_ERROR(
      CopyData(entry, inode, [&](uint64_t offset, std::string_view bytes) {
        return WriteWithHoles(inode, offset, bytes);
      }));
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
  lock->StartNewFrame(inode, EndsFrame(entry.path));
  return {};
}

Status Importer::ApplyWhiteout(const TarEntry& entry) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
  const auto [folder, name] = SplitPath(entry.path);
  const InodeNumber inode = Resolve(*lock, folder);
  if (inode != kNoInode && lock->Find(inode)->IsDirectory()) {
    whiteouts_.Apply(*lock, inode, name);
  }
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
  if (entry.type == TarType::kSymlink) {
    guess_.AddSymlink(entry.path, entry.link_target);
  }
  return inode;
}

// An archive may hold a path twice: the later entry counts, as with tar.
Status Importer::RemoveOldEntry(Metadata& metadata, const TarEntry& entry,
                                InodeNumber folder, std::string_view name) {
  const InodeNumber old = metadata.Lookup(folder, name);
  if (old == kNoInode) return {};
  if (metadata.Find(old)->IsDirectory()) {
    // A layer may put anything in the place of what lower ones have.
    if (source_.layer()) {
      RemoveTree(metadata, folder, name);
      return {};
    }
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
  whiteouts_.Brought(parent, name);
  return metadata.Lookup(parent, name);
}

Status Importer::CopyData(const TarEntry& entry, InodeNumber inode,
                          const ChunkSink& take) {
  std::string buffer(std::clamp<uint64_t>(entry.size, 1, kChunkBytes), '\0');
  uint64_t offset = 0;
  size_t filled = 0;
  while (true) {
    if (filled == 0) {
      DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t hole, source_.SkipHole());
      offset += hole;
      summary_.bytes += hole;
    }
    // Behind a hole, too, chunks end where they would without it.
    const uint64_t wanted =
        std::min(buffer.size(), kChunkBytes - offset % kChunkBytes);
    DRIVEROOT_ASSIGN_OR_RETURN(
        const size_t count,
        source_.ReadData(std::span(buffer).first(wanted).subspan(filled)));
    filled += count;
    if (count > 0 && filled < wanted) continue;
    if (filled > 0) {
      DRIVEROOT_RETURN_IF_ERROR(
          take(offset, std::string_view(buffer).substr(0, filled)));
    }
    offset += filled;
    summary_.bytes += filled;
    filled = 0;
    Report();
    if (count == 0) return EndAt(entry, inode, offset);
  }
}

Status Importer::EndAt(const TarEntry& entry, InodeNumber inode,
                       uint64_t size) {
  if (size == entry.size) return {};
  // It became shorter while it was read, which the source has noted.
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
  Attributes attributes = lock->Find(inode)->attributes;
  attributes.size = size;
  lock->SetAttributes(inode, attributes);
  return {};
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
      DRIVEROOT_RETURN_IF_ERROR(
          volume_.CheckExtents(lock->Find(file)->extents().all().size() + 1));
      lock->WriteData(file, offset + begin, bytes.substr(begin, end - begin));
    }
    begin = end + kBlockBytes;
  }
  return {};
}

Status Importer::WriteHeldFiles() {
  const std::vector<HeldFiles::File*> boot = BootFilesHeld();
  const std::set<const HeldFiles::File*> is_boot(boot.begin(), boot.end());
  for (auto& [place, file] : held_.files()) {
    if (is_boot.contains(&file)) continue;
    DRIVEROOT_RETURN_IF_ERROR(WriteHeldFile(file));
  }
  if (boot.empty()) return {};
  {
    // So that they begin a frame.
    DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
    lock->StartNewFrame(kNoInode, /*shared=*/true);
  }
  std::vector<FrameNumber> trace;
  for (HeldFiles::File* file : boot) {
    DRIVEROOT_RETURN_IF_ERROR(WriteHeldFile(*file));
    const Volume::ReadLock lock = volume_.Read();
    const Inode* inode = lock->Find(file->inode);
    if (inode == nullptr) continue;
    for (const Extent& extent : inode->extents().all()) {
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

Status Importer::WriteHeldFile(HeldFiles::File& file) {
  // An entry of the same name may have come later.
  if (volume_.Read()->Find(file.inode) == nullptr) return {};
  DRIVEROOT_RETURN_IF_ERROR(WriteWithHoles(file.inode, 0, file.bytes));
  file.bytes = std::string();
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume_.Write());
  lock->StartNewFrame(file.inode, EndsFrame(file.path));
  return {};
}

std::vector<HeldFiles::File*> Importer::BootFilesHeld() {
  std::unordered_map<std::string, HeldFiles::File*> files;
  std::vector<HeldFiles::File*> boot;
  for (auto& [place, file] : held_.files()) {
    if (held_.has_list()) {
      boot.push_back(&file);
    } else {
      files[file.path] = &file;
      guess_.AddFile(file.path, file.bytes);
    }
  }
  if (held_.has_list()) return boot;
  for (const std::string& path : guess_.Files()) {
    boot.push_back(files.at(path));
  }
  return boot;
}

}  // namespace

Result<ImportSummary> ImportTree(TreeSource& source, Volume& volume,
                                 const ImportOptions& options,
                                 const TransferCallback& progress) {
  return Importer(source, volume, options, progress).Run();
}

}  // namespace driveroot
