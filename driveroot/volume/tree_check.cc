// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/tree_check.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

namespace driveroot {
namespace {

using Kind = TreeProblem::Kind;

// Mending one thing may show another, but not for ever.
constexpr int kMaxRounds = 8;

// Longer paths exist, but nobody reads them.
constexpr int kMaxDepth = 256;

std::string Named(std::string_view what, uint64_t number) {
  return std::string(what) + " " + std::to_string(number);
}

class TreeChecker {
 public:
  explicit TreeChecker(const Metadata& metadata) : metadata_(metadata) {}

  TreeReport Run() {
    WalkFromRoot();
    const std::vector<InodeNumber> inodes = metadata_.AllInodes();
    FindUnreachable(inodes);
    for (const InodeNumber number : inodes) CheckInode(number);
    return std::move(report_);
  }

 private:
  void Report(TreeProblem problem) {
    report_.problems.push_back(std::move(problem));
  }

  template <typename Visit>
  static void ForEachEntry(const Directory& directory, const Visit& visit) {
    for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
         entry = directory.After(entry->cookie)) {
      visit(*entry);
    }
  }

  // Counts the names of each inode on the way.
  void WalkFromRoot() {
    const Inode* root = metadata_.Find(kRootInode);
    if (root == nullptr || !root->IsDirectory()) {
      Report({.kind = Kind::kNoRoot, .text = "there is no root directory"});
      return;
    }
    if (root->directory().parent() != kRootInode) {
      Report({.kind = Kind::kWrongParent,
              .inode = kRootInode,
              .right = kRootInode,
              .text = "the root directory is not its own parent"});
    }
    links_[kRootInode] = 1;
    std::vector<InodeNumber> directories = {kRootInode};
    while (!directories.empty()) {
      const InodeNumber number = directories.back();
      directories.pop_back();
      ++report_.directories;
      ForEachEntry(metadata_.Find(number)->directory(),
                   [&](const Directory::Entry& entry) {
                     CheckEntry(number, entry, directories);
                   });
    }
  }

  void CheckEntry(InodeNumber directory, const Directory::Entry& entry,
                  std::vector<InodeNumber>& directories) {
    const std::string where =
        "entry \"" + entry.name + "\" of " + Named("directory", directory);
    const Inode* inode = metadata_.Find(entry.inode);
    if (inode == nullptr) {
      Report({.kind = Kind::kDanglingEntry,
              .directory = directory,
              .name = entry.name,
              .text = where + " refers to nothing"});
      return;
    }
    const uint64_t links = ++links_[entry.inode];
    if (inode->IsDirectory() && links > 1) {
      Report({.kind = Kind::kSecondName,
              .inode = entry.inode,
              .directory = directory,
              .name = entry.name,
              .text = where + " is a second name of a directory"});
      return;
    }
    report_.names.try_emplace(entry.inode, directory, entry.name);
    if (!inode->IsDirectory()) return;
    ++subdirectories_[directory];
    if (inode->directory().parent() != directory) {
      Report({.kind = Kind::kWrongParent,
              .inode = entry.inode,
              .right = directory,
              .text = where + " is a directory with another parent"});
    }
    directories.push_back(entry.inode);
  }

  // Inodes that the root does not lead to: only those that no other of them
  // leads to are named, or one of a circle.
  void FindUnreachable(const std::vector<InodeNumber>& inodes) {
    std::vector<InodeNumber> lost;
    for (const InodeNumber number : inodes) {
      const Inode& inode = *metadata_.Find(number);
      if (links_.contains(number)) continue;
      if (inode.attributes.nlink == 0 &&
          (!inode.IsDirectory() || inode.directory().empty())) {
        ++report_.orphans;
      } else {
        lost.push_back(number);
      }
    }
    std::unordered_map<InodeNumber, uint64_t> inner_links;
    for (const InodeNumber number : lost) {
      const Inode& inode = *metadata_.Find(number);
      if (!inode.IsDirectory()) continue;
      ForEachEntry(inode.directory(), [&](const Directory::Entry& entry) {
        if (entry.inode != number) ++inner_links[entry.inode];
      });
    }
    bool found = false;
    for (const InodeNumber number : lost) {
      if (inner_links.contains(number)) continue;
      ReportLost(number);
      found = true;
    }
    if (!found && !lost.empty()) ReportLost(lost.front());
  }

  void ReportLost(InodeNumber number) {
    Report({.kind = Kind::kNoName,
            .inode = number,
            .text = Named("inode", number) + " is in no directory"});
  }

  void CheckInode(InodeNumber number) {
    ++report_.inodes;
    const Inode& inode = *metadata_.Find(number);
    const Attributes& attributes = inode.attributes;
    const auto links = links_.find(number);
    if (links != links_.end()) {
      const auto inside = subdirectories_.find(number);
      const uint64_t right =
          inode.IsDirectory()
              ? 2 + (inside == subdirectories_.end() ? 0 : inside->second)
              : links->second;
      if (right != attributes.nlink) {
        Report({.kind = Kind::kWrongLinkCount,
                .inode = number,
                .right = right,
                .text = Named("inode", number) + " has a link count of " +
                        std::to_string(attributes.nlink) + " instead of " +
                        std::to_string(right)});
      }
    }
    if (S_ISLNK(attributes.mode) &&
        inode.symlink_target().size() != attributes.size) {
      Report({.kind = Kind::kWrongSize,
              .inode = number,
              .right = inode.symlink_target().size(),
              .text = Named("symlink", number) + " has the wrong size"});
    }
    if (S_ISREG(attributes.mode)) CheckExtents(number, inode);
  }

  void CheckExtents(InodeNumber number, const Inode& inode) {
    uint64_t position = 0;
    bool nowhere = false;
    for (const Extent& extent : inode.extents().all()) {
      position = extent.offset + extent.length;
      const std::optional<StoredFrame> frame =
          metadata_.FindFrame(extent.frame);
      nowhere |= !frame || extent.frame_offset > frame->raw_length ||
                 extent.length > frame->raw_length - extent.frame_offset;
    }
    if (nowhere) {
      Report({.kind = Kind::kNowhere,
              .inode = number,
              .text = Named("file", number) + " has data that is nowhere"});
    }
    if (position > inode.attributes.size) {
      Report({.kind = Kind::kWrongSize,
              .inode = number,
              .right = position,
              .text = Named("file", number) + " has data beyond its end"});
    }
  }

  const Metadata& metadata_;
  TreeReport report_;
  std::unordered_map<InodeNumber, uint64_t> links_;
  std::unordered_map<InodeNumber, uint64_t> subdirectories_;
};

// A directory of the root in which lost inodes get a name.
InodeNumber LostAndFound(Metadata& metadata, TimeNs now) {
  for (int i = 0;; ++i) {
    const std::string name =
        i == 0 ? "lost+found" : "lost+found." + std::to_string(i);
    const InodeNumber found = metadata.Lookup(kRootInode, name);
    if (found != kNoInode) {
      const Inode* inode = metadata.Find(found);
      if (inode != nullptr && inode->IsDirectory()) return found;
      continue;
    }
    const InodeNumber made = metadata.CreateInode({.mode = S_IFDIR | 0700,
                                                   .nlink = 2,
                                                   .atime = now,
                                                   .mtime = now,
                                                   .ctime = now,
                                                   .btime = now},
                                                  kRootInode);
    metadata.PutDentry(kRootInode, name, made);
    Attributes attributes = metadata.Find(kRootInode)->attributes;
    ++attributes.nlink;
    metadata.SetAttributes(kRootInode, attributes);
    return made;
  }
}

bool MakeRoot(Metadata& metadata, TimeNs now) {
  if (metadata.Find(kRootInode) != nullptr) return false;
  metadata.PutRoot({.mode = S_IFDIR | 0755,
                    .nlink = 2,
                    .atime = now,
                    .mtime = now,
                    .ctime = now,
                    .btime = now});
  return true;
}

// What was done about `problem`; nothing when nothing can be.
std::string Mend(Metadata& metadata, const TreeProblem& problem, TimeNs now) {
  switch (problem.kind) {
    case Kind::kNoRoot:
      return MakeRoot(metadata, now) ? "made a new one" : "";
    case Kind::kWrongParent:
      metadata.SetParent(problem.inode, problem.right);
      return "corrected";
    case Kind::kDanglingEntry:
    case Kind::kSecondName:
      metadata.RemoveDentry(problem.directory, problem.name);
      return "removed the name";
    case Kind::kNoName:
      AddToLostAndFound(metadata, "#" + std::to_string(problem.inode),
                        problem.inode, now);
      return "moved to lost+found";
    case Kind::kWrongLinkCount:
    case Kind::kWrongSize: {
      Attributes attributes = metadata.Find(problem.inode)->attributes;
      if (problem.kind == Kind::kWrongSize) {
        attributes.size = problem.right;
      } else {
        attributes.nlink = static_cast<uint32_t>(problem.right);
      }
      metadata.SetAttributes(problem.inode, attributes);
      return "corrected";
    }
    case Kind::kNowhere:
      return "";
  }
  return "";
}

}  // namespace

void AddToLostAndFound(Metadata& metadata, std::string name, InodeNumber number,
                       TimeNs now) {
  const InodeNumber directory = LostAndFound(metadata, now);
  while (metadata.Lookup(directory, name) != kNoInode) name += "_";
  metadata.PutDentry(directory, name, number);
  if (metadata.Find(number)->IsDirectory()) {
    metadata.SetParent(number, directory);
  }
}

TreeReport CheckTree(const Metadata& metadata) {
  return TreeChecker(metadata).Run();
}

std::string PathOf(const TreeReport& report, InodeNumber number) {
  if (number == kRootInode) return "/";
  std::string path;
  for (int depth = 0; number != kRootInode; ++depth) {
    const auto name = report.names.find(number);
    if (name == report.names.end() || depth == kMaxDepth) {
      return Named("inode", number) + path;
    }
    path = "/" + name->second.second + path;
    number = name->second.first;
  }
  return path;
}

std::vector<std::string> RepairTree(Metadata& metadata, TimeNs now,
                                    size_t max_sentences) {
  std::vector<std::string> done;
  for (int round = 0; round < kMaxRounds; ++round) {
    bool changed = false;
    for (const TreeProblem& problem : CheckTree(metadata).problems) {
      const std::string what = Mend(metadata, problem, now);
      if (what.empty()) continue;
      changed = true;
      if (done.size() < max_sentences) {
        done.push_back(problem.text + ": " + what);
      }
    }
    if (!changed) break;
  }
  return done;
}

}  // namespace driveroot
