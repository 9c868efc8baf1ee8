// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/export.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "driveroot/transfer/reading_order.h"

namespace driveroot {
namespace {

// How much is read at a time: eight frames, which lie together when they were
// written together.
constexpr size_t kChunkBytes = 8 * kMaxFrameBytes;

constexpr int64_t kNsPerSecond = 1'000'000'000;

TarTime ToTarTime(TimeNs time) {
  int64_t seconds = time / kNsPerSecond;
  int64_t nanoseconds = time % kNsPerSecond;
  if (nanoseconds < 0) {
    --seconds;
    nanoseconds += kNsPerSecond;
  }
  return {.seconds = seconds,
          .nanoseconds = static_cast<uint32_t>(nanoseconds)};
}

TarType TypeOf(uint32_t mode) {
  switch (mode & S_IFMT) {
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
      return TarType::kFile;
  }
}

// Where a file has data. Small holes between are read as zeros, which costs
// less than what they would save.
std::vector<TarRun> DataRuns(const ExtentMap& extents, uint64_t size) {
  constexpr uint64_t kSmallHole = 64 << 10;
  std::vector<TarRun> runs;
  uint64_t begin = extents.NextData(0, size);
  while (begin < size) {
    const uint64_t end = extents.NextHole(begin, size);
    if (!runs.empty() &&
        begin - (runs.back().offset + runs.back().length) < kSmallHole) {
      runs.back().length = end - runs.back().offset;
    } else {
      runs.push_back({.offset = begin, .length = end - begin});
    }
    begin = extents.NextData(end, size);
  }
  return runs;
}

// Whether an archive has the file as a sparse one: not every program that reads
// archives knows these, so it should be worth it. What readers take at most is
// far above what a file of a root has.
bool IsSparse(const std::vector<TarRun>& runs, uint64_t size) {
  constexpr uint64_t kMinHoles = 1 << 20;
  constexpr size_t kMaxRuns = 1 << 20;
  uint64_t data = 0;
  for (const TarRun& run : runs) data += run.length;
  return size - data >= kMinHoles && runs.size() <= kMaxRuns;
}

class Exporter {
 public:
  Exporter(Volume& volume, TreeSink& sink, const TransferCallback& progress)
      : volume_(volume), sink_(sink), progress_(progress) {}

  // Leaves everything else out.
  void Only(const std::set<InodeNumber>& inodes);
  Result<ExportSummary> Run();

 private:
  struct Item {
    std::string path;
    InodeNumber inode = kNoInode;
  };

  // Takes the next item from pending_.
  Status WriteNext();
  Status WriteContents();
  Status Write(const Item& item, const TarEntry& entry);
  // The entry for an item; its children are put onto pending_.
  TarEntry Describe(const Item& item);
  Status CopyData(const Item& item, uint64_t size);
  Status CopyChunk(const Item& item, uint64_t offset, std::span<char> chunk);
  void Report();

  Volume& volume_;
  TreeSink& sink_;
  const TransferCallback& progress_;
  std::vector<Item> pending_ = {{".", kRootInode}};  // the next one last
  std::map<InodeNumber, std::string> linked_;
  std::optional<std::set<InodeNumber>> only_;  // nothing: all
  std::optional<ReadingOrder> order_;          // of a whole tree
  // What comes when all folders are there; unless the tree comes by name.
  bool contents_last_ = false;
  std::unordered_map<InodeNumber, std::string> files_;  // their first names
  std::vector<Item> links_;                             // further names
  std::vector<TarRun> runs_;  // of the file that was described last
  ExportSummary summary_;
  uint64_t data_bytes_ = 0;  // read so far, holes apart
  uint64_t total_ = 0;
};

void Exporter::Only(const std::set<InodeNumber>& inodes) {
  only_ = inodes;
  const Volume::ReadLock lock = volume_.Read();
  std::vector<InodeNumber> directories = {kRootInode};
  while (!directories.empty()) {
    const InodeNumber number = directories.back();
    directories.pop_back();
    const Directory& directory = lock->Find(number)->directory();
    bool leads_there = inodes.contains(number);
    for (const Directory::Entry* child = directory.After(0); child != nullptr;
         child = directory.After(child->cookie)) {
      leads_there |= inodes.contains(child->inode);
      if (lock->Find(child->inode)->IsDirectory()) {
        directories.push_back(child->inode);
      }
    }
    for (InodeNumber above = number; leads_there;) {
      only_->insert(above);
      const InodeNumber parent = lock->Find(above)->directory().parent();
      if (parent == above) break;
      above = parent;
    }
  }
}

Result<ExportSummary> Exporter::Run() {
  if (!only_) {
    contents_last_ = sink_.TakesFilesInAnyOrder();
    total_ = volume_.Read()->data_bytes();
    order_.emplace(volume_, contents_last_ ? ReadingOrder::By::kStorage
                                           : ReadingOrder::By::kName);
    // On its way while folders are made.
    order_->FetchAhead(0);
  }
  while (!pending_.empty()) DRIVEROOT_RETURN_IF_ERROR(WriteNext());
  if (contents_last_) DRIVEROOT_RETURN_IF_ERROR(WriteContents());
  DRIVEROOT_RETURN_IF_ERROR(sink_.Finish());
  summary_.notes.Add(sink_.notes());
  return summary_;
}

Status Exporter::WriteNext() {
  Item item = std::move(pending_.back());
  pending_.pop_back();
  if (S_ISSOCK(volume_.Read()->Find(item.inode)->attributes.mode)) {
    summary_.notes.Add("sockets left out", item.path);
    return {};
  }
  const TarEntry entry = Describe(item);
  if (contents_last_ && entry.type == TarType::kFile) {
    files_.emplace(item.inode, std::move(item.path));
    return {};
  }
  if (contents_last_ && entry.type == TarType::kHardLink) {
    links_.push_back(std::move(item));
    return {};
  }
  return Write(item, entry);
}

Status Exporter::WriteContents() {
  for (const InodeNumber number : order_->files()) {
    const Item file = {std::move(files_.at(number)), number};
    DRIVEROOT_RETURN_IF_ERROR(Write(file, Describe(file)));
  }
  for (const Item& link : links_) {
    DRIVEROOT_RETURN_IF_ERROR(Write(link, Describe(link)));
  }
  return {};
}

Status Exporter::Write(const Item& item, const TarEntry& entry) {
  DRIVEROOT_RETURN_IF_ERROR(sink_.WriteEntry(entry));
  if (entry.type == TarType::kFile) {
    DRIVEROOT_RETURN_IF_ERROR(CopyData(item, entry.size));
  }
  ++summary_.entries;
  Report();
  return {};
}

void Exporter::Report() {
  if (progress_) {
    progress_({.entries = summary_.entries,
               .done = summary_.bytes,
               .total = std::max(total_, summary_.bytes)});
  }
}

TarEntry Exporter::Describe(const Item& item) {
  const Volume::ReadLock lock = volume_.Read();
  const Inode& inode = *lock->Find(item.inode);
  const Attributes& attributes = inode.attributes;
  TarEntry entry;
  entry.path = item.path;
  entry.type = TypeOf(attributes.mode);
  entry.mode = attributes.mode & 07777;
  entry.uid = attributes.uid;
  entry.gid = attributes.gid;
  entry.modified = ToTarTime(attributes.mtime);
  entry.accessed = ToTarTime(attributes.atime);
  entry.changed = ToTarTime(attributes.ctime);
  if (!inode.IsDirectory() && attributes.nlink > 1) {
    const auto first = linked_.try_emplace(item.inode, item.path).first;
    if (first->second != item.path) {
      entry.type = TarType::kHardLink;
      entry.link_target = first->second;
      return entry;
    }
  }
  if (inode.xattrs != nullptr) {
    entry.xattrs.insert(inode.xattrs->begin(), inode.xattrs->end());
  }
  if (entry.type == TarType::kFile) {
    entry.size = attributes.size;
    runs_ = DataRuns(inode.extents(), entry.size);
    if (IsSparse(runs_, entry.size)) entry.runs = runs_;
  }
  if (entry.type == TarType::kSymlink) {
    entry.link_target = inode.symlink_target();
  }
  if (entry.type == TarType::kCharDevice ||
      entry.type == TarType::kBlockDevice) {
    entry.device_major = major(attributes.rdev);
    entry.device_minor = minor(attributes.rdev);
  }
  if (inode.IsDirectory()) {
    const size_t begin = pending_.size();
    const Directory& directory = inode.directory();
    for (const Directory::Entry* child = directory.After(0); child != nullptr;
         child = directory.After(child->cookie)) {
      if (only_ && !only_->contains(child->inode)) continue;
      pending_.push_back(
          {item.path == "." ? child->name : item.path + "/" + child->name,
           child->inode});
    }
    std::sort(pending_.begin() + static_cast<ptrdiff_t>(begin), pending_.end(),
              [](const Item& left, const Item& right) {
                return left.path > right.path;
              });
  }
  return entry;
}

Status Exporter::CopyData(const Item& item, uint64_t size) {
  const std::vector<TarRun> runs = std::move(runs_);
  std::string buffer;
  uint64_t offset = 0;
  const auto skip_to = [&](uint64_t end) -> Status {
    if (end == offset) return {};
    summary_.bytes += end - offset;
    const uint64_t hole = end - std::exchange(offset, end);
    return sink_.WriteHole(hole);
  };
  for (const TarRun& run : runs) {
    DRIVEROOT_RETURN_IF_ERROR(skip_to(run.offset));
    const uint64_t end = run.offset + run.length;
    while (offset < end) {
      buffer.resize(std::min<uint64_t>(kChunkBytes, end - offset));
      DRIVEROOT_RETURN_IF_ERROR(CopyChunk(item, offset, buffer));
      offset += buffer.size();
    }
  }
  return skip_to(size);
}

Status Exporter::CopyChunk(const Item& item, uint64_t offset,
                           std::span<char> chunk) {
  std::vector<StoredPiece> pieces =
      volume_.Read()->ReadData(item.inode, offset, chunk);
  if (order_) order_->FetchAhead(data_bytes_);
  const Status status = volume_.ReadStored(pieces, chunk);
  if (!status) {
    return std::unexpected(status.error().WithContext("/" + item.path));
  }
  DRIVEROOT_RETURN_IF_ERROR(
      sink_.WriteData(std::string_view(chunk.data(), chunk.size())));
  summary_.bytes += chunk.size();
  data_bytes_ += chunk.size();
  Report();
  return {};
}

}  // namespace

Result<ExportSummary> ExportTree(Volume& volume, TreeSink& sink,
                                 const TransferCallback& progress) {
  return Exporter(volume, sink, progress).Run();
}

Result<ExportSummary> ExportInodes(Volume& volume, TreeSink& sink,
                                   const std::set<InodeNumber>& inodes,
                                   const TransferCallback& progress) {
  Exporter exporter(volume, sink, progress);
  exporter.Only(inodes);
  return exporter.Run();
}

}  // namespace driveroot
