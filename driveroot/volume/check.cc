// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/check.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/volume/metadata.h"
#include "driveroot/volume/recovery.h"
#include "driveroot/volume/segment.h"

namespace driveroot {
namespace {

// Whoever has more than this many problems needs no list of all of them.
constexpr size_t kMaxProblems = 1000;

// What is read at once.
constexpr uint64_t kReadBytes = 8 << 20;

std::string Named(std::string_view what, uint64_t number) {
  return std::string(what) + " " + std::to_string(number);
}

class Checker {
 public:
  Checker(ObjectStore& store, const CheckOptions& options)
      : store_(store), options_(options) {}

  Result<CheckReport> Run() {
    const Result<RecoveredLog> log = Recover(store_, metadata_);
    if (!log && log.error().code() != ErrorCode::kDataLoss) {
      return std::unexpected(log.error());
    }
    if (!log) {
      // Without metadata there is nothing more to look at.
      Report(log.error().message());
      return report_;
    }
    report_.records = log->records;
    report_.data_bytes = metadata_.data_bytes();
    CheckTree();
    for (const InodeNumber number : metadata_.AllInodes()) CheckInode(number);
    DRIVEROOT_RETURN_IF_ERROR(CheckObjects());
    return report_;
  }

 private:
  void Report(std::string problem) {
    if (report_.problems.size() < kMaxProblems) {
      report_.problems.push_back(std::move(problem));
    } else {
      ++report_.more_problems;
    }
  }

  // Walks the tree from the root, and counts the names of each inode.
  void CheckTree() {
    const Inode* root = metadata_.Find(kRootInode);
    if (root == nullptr || !root->IsDirectory()) {
      Report("there is no root directory");
      return;
    }
    if (root->directory().parent() != kRootInode) {
      Report("the root directory is not its own parent");
    }
    names_[kRootInode] = 1;
    std::vector<InodeNumber> directories = {kRootInode};
    while (!directories.empty()) {
      const InodeNumber number = directories.back();
      directories.pop_back();
      ++report_.directories;
      const Directory& directory = metadata_.Find(number)->directory();
      for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
           entry = directory.After(entry->cookie)) {
        CheckEntry(number, *entry, directories);
      }
    }
  }

  void CheckEntry(InodeNumber directory, const Directory::Entry& entry,
                  std::vector<InodeNumber>& directories) {
    const std::string where =
        "entry \"" + entry.name + "\" of " + Named("directory", directory);
    const Inode* inode = metadata_.Find(entry.inode);
    if (inode == nullptr) {
      Report(where + " refers to nothing");
      return;
    }
    const uint64_t names = ++names_[entry.inode];
    if (!inode->IsDirectory()) return;
    ++subdirectories_[directory];
    if (names > 1) {
      Report(where + " is a second name of a directory");
      return;
    }
    if (inode->directory().parent() != directory) {
      Report(where + " is a directory with another parent");
    }
    directories.push_back(entry.inode);
  }

  void CheckInode(InodeNumber number) {
    ++report_.inodes;
    const Inode& inode = *metadata_.Find(number);
    const Attributes& attributes = inode.attributes;
    const auto names = names_.find(number);
    if (attributes.nlink == 0 && names == names_.end()) {
      ++report_.orphans;
    } else if (names == names_.end()) {
      Report(Named("inode", number) + " is in no directory");
    } else {
      const auto inside = subdirectories_.find(number);
      const uint64_t links =
          inode.IsDirectory()
              ? 2 + (inside == subdirectories_.end() ? 0 : inside->second)
              : names->second;
      if (links != attributes.nlink) {
        Report(Named("inode", number) + " has a link count of " +
               std::to_string(attributes.nlink) + " instead of " +
               std::to_string(links));
      }
    }
    if (S_ISLNK(attributes.mode) &&
        inode.symlink_target().size() != attributes.size) {
      Report(Named("symlink", number) + " has the wrong size");
    }
    if (S_ISREG(attributes.mode)) CheckExtents(number, inode);
  }

  void CheckExtents(InodeNumber number, const Inode& inode) {
    uint64_t position = 0;
    for (const Extent& extent : inode.extents().all()) {
      if (extent.offset < position) {
        Report(Named("file", number) + " has two places for the same bytes");
      }
      position = extent.offset + extent.length;
      const std::optional<StoredFrame> frame =
          metadata_.FindFrame(extent.frame);
      if (!frame || extent.frame_offset > frame->raw_length ||
          extent.length > frame->raw_length - extent.frame_offset) {
        Report(Named("file", number) + " has data that is nowhere");
      }
    }
    if (position > inode.attributes.size) {
      Report(Named("file", number) + " has data beyond its end");
    }
  }

  Status CheckObjects() {
    uint64_t total = 0;
    for (const ObjectNumber number : metadata_.AllObjects()) {
      total += metadata_.FindObject(number)->live_bytes;
    }
    uint64_t done = 0;
    for (const ObjectNumber number : metadata_.AllObjects()) {
      const StoredObject& object = *metadata_.FindObject(number);
      if (object.frames == 0) continue;
      ++report_.objects;
      report_.frames += object.frames;
      DRIVEROOT_RETURN_IF_ERROR(options_.verify_data
                                    ? CheckFrames(number, object)
                                    : CheckPresence(object));
      done += object.live_bytes;
      if (options_.progress != nullptr) {
        options_.progress(
            {.what = "checking data", .done = done, .total = total});
      }
    }
    return {};
  }

  // The object's bytes; nothing when it is missing, which is reported.
  Result<std::optional<std::string>> Read(const StoredObject& object,
                                          uint64_t offset, uint64_t length) {
    Result<std::string> bytes = store_.Read(object.id, offset, length);
    if (bytes) {
      report_.bytes_read += bytes->size();
      return std::optional(*std::move(bytes));
    }
    if (bytes.error().code() != ErrorCode::kNotFound) {
      return std::unexpected(
          bytes.error().WithContext("cannot read object " + object.id));
    }
    Report("object " + object.id + " with the data of files is missing");
    return std::nullopt;
  }

  // The last byte is there when all are.
  Status CheckPresence(const StoredObject& object) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                               Read(object, object.size - 1, 1));
    if (bytes && bytes->empty()) {
      Report("object " + object.id + " is shorter than it was");
    }
    return {};
  }

  Status CheckFrames(ObjectNumber number, const StoredObject& object) {
    const std::vector<StoredFrame> frames = metadata_.FramesOf(number);
    for (size_t first = 0; first < frames.size();) {
      const uint64_t begin = frames[first].object_offset;
      uint64_t end = begin;
      size_t last = first;
      while (
          last < frames.size() &&
          (last == first || frames[last].object_offset - begin < kReadBytes)) {
        end = std::max(end,
                       frames[last].object_offset + frames[last].stored_length);
        ++last;
      }
      DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                                 Read(object, begin, end - begin));
      if (!bytes) return {};
      for (; first < last; ++first) {
        CheckFrame(object, frames[first], *bytes,
                   frames[first].object_offset - begin);
      }
    }
    return {};
  }

  void CheckFrame(const StoredObject& object, const StoredFrame& frame,
                  std::string_view bytes, uint64_t offset) {
    const std::string_view stored =
        offset > bytes.size() ? std::string_view()
                              : bytes.substr(offset, frame.stored_length);
    const Result<std::string> raw =
        DecodeFrame(stored, frame.raw_length, frame.hash);
    if (raw) return;
    Report("object " + object.id + ", " + Named("frame", frame.number) +
           " at " + Named("byte", frame.object_offset) + ": " +
           raw.error().message());
  }

  ObjectStore& store_;
  const CheckOptions& options_;
  Metadata metadata_;
  CheckReport report_;
  std::map<InodeNumber, uint64_t> names_;
  std::map<InodeNumber, uint64_t> subdirectories_;
};

}  // namespace

Result<CheckReport> CheckVolume(ObjectStore& store,
                                const CheckOptions& options) {
  return Checker(store, options).Run();
}

}  // namespace driveroot
