// SPDX-License-Identifier: Apache-2.0
//
// Metadata: whether the tree is one. Whoever walks or changes it relies on
// that, so it is looked at whenever a volume is opened.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "driveroot/volume/metadata.h"

namespace driveroot {
namespace {

std::unexpected<Error> Damaged(const char* what, InodeNumber number) {
  return Fail(ErrorCode::kDataLoss, std::string("damaged metadata: ") + what +
                                        " " + std::to_string(number));
}

// Numbers are given one after the other, and rarely are most of them gone: then
// an array is many times quicker than a hash table.
class LinkCounts {
 public:
  LinkCounts(InodeNumber next_inode, uint64_t inodes) {
    if (next_inode / kMaxSparseness <= inodes) dense_.resize(next_inode);
  }

  uint64_t& operator[](InodeNumber number) {
    return number < dense_.size() ? dense_[number] : sparse_[number];
  }

 private:
  static constexpr uint64_t kMaxSparseness = 16;

  std::vector<uint64_t> dense_;
  std::unordered_map<InodeNumber, uint64_t> sparse_;
};

class TreeChecker {
 public:
  TreeChecker(const Metadata& metadata, InodeNumber next_inode)
      : metadata_(metadata), links_(next_inode, metadata.inode_count()) {}

  // Of each inode, in any order.
  Status CountEntries(InodeNumber number, const Inode& inode) {
    if (!inode.IsDirectory()) return {};
    const Directory& directory = inode.directory();
    const bool is_unlinked = inode.attributes.nlink == 0;
    if (is_unlinked && !directory.empty()) {
      return Damaged("entries in unlinked directory", number);
    }
    if (!is_unlinked) ++directories_;
    uint64_t subdirectories = 0;
    for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
         entry = directory.After(entry->cookie)) {
      DRIVEROOT_RETURN_IF_ERROR(CountEntry(number, *entry, subdirectories));
    }
    // Removing so many makes it count as removed itself.
    if (!is_unlinked && inode.attributes.nlink < 2 + subdirectories) {
      return Damaged("too low a link count of directory", number);
    }
    return {};
  }

  // The same, after that.
  Status CheckLinks(InodeNumber number, const Inode& inode) {
    const uint64_t links = links_[number];
    if (!inode.IsDirectory()) {
      if (links <= inode.attributes.nlink) return {};
      return Damaged("too low a link count of inode", number);
    }
    if (number == kRootInode || inode.attributes.nlink == 0) return {};
    if (links == 1) return {};
    return Damaged("no name of directory", number);
  }

  // After all that each directory has one name, in its parent, or is the root;
  // so those that the root does not lead to are circles.
  Status CheckReachable() const {
    uint64_t reached = 0;
    std::vector<InodeNumber> pending = {kRootInode};
    while (!pending.empty()) {
      const Directory& directory = metadata_.Find(pending.back())->directory();
      pending.pop_back();
      ++reached;
      for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
           entry = directory.After(entry->cookie)) {
        if (metadata_.Find(entry->inode)->IsDirectory()) {
          pending.push_back(entry->inode);
        }
      }
    }
    if (reached == directories_) return {};
    return Fail(ErrorCode::kDataLoss,
                "damaged metadata: a circle of directories");
  }

 private:
  Status CountEntry(InodeNumber directory, const Directory::Entry& entry,
                    uint64_t& subdirectories) {
    const Inode* named = metadata_.Find(entry.inode);
    if (named == nullptr) {
      return Damaged("entry for missing inode", entry.inode);
    }
    // It would be taken for an orphan, and its data be let go.
    if (named->attributes.nlink == 0) {
      return Damaged("entry for unlinked inode", entry.inode);
    }
    const uint64_t links = ++links_[entry.inode];
    if (!named->IsDirectory()) return {};
    ++subdirectories;
    if (links > 1 || entry.inode == kRootInode) {
      return Damaged("a second name of directory", entry.inode);
    }
    if (named->directory().parent() != directory) {
      return Damaged("wrong parent of directory", entry.inode);
    }
    return {};
  }

  const Metadata& metadata_;
  LinkCounts links_;
  uint64_t directories_ = 0;  // that are not unlinked
};

}  // namespace

Status Metadata::CheckNames() const {
  const Inode* root = Find(kRootInode);
  if (root == nullptr || !root->IsDirectory() || root->attributes.nlink == 0 ||
      root->directory().parent() != kRootInode) {
    return Fail(ErrorCode::kDataLoss, "damaged metadata: no root directory");
  }
  // What is read may go on to twice as much: a writer that begins here never
  // comes to where its own numbers are refused.
  if (std::max({next_inode_, next_frame_, next_object_}) >
      limits::kNumber / 2) {
    return Fail(ErrorCode::kDataLoss,
                "damaged metadata: numbers that leave no room for more");
  }
  TreeChecker checker(*this, next_inode_);
  for (const auto& [number, inode] : inodes_) {
    DRIVEROOT_RETURN_IF_ERROR(checker.CountEntries(number, inode));
  }
  for (const auto& [number, inode] : inodes_) {
    DRIVEROOT_RETURN_IF_ERROR(checker.CheckLinks(number, inode));
  }
  return checker.CheckReachable();
}

}  // namespace driveroot
