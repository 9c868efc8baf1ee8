// SPDX-License-Identifier: Apache-2.0
//
// Whether the tree in a volume's metadata is one, and what to do about it when
// it is not. Functions of their arguments.
#ifndef DRIVEROOT_VOLUME_TREE_CHECK_H_
#define DRIVEROOT_VOLUME_TREE_CHECK_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "driveroot/volume/metadata.h"

namespace driveroot {

struct TreeProblem {
  enum class Kind {
    kNoRoot,
    kWrongParent,     // of directory `inode`: it should be `right`
    kDanglingEntry,   // `name` of `directory` refers to nothing
    kSecondName,      // `name` of `directory` is another one of a directory
    kNoName,          // `inode`, and all below it, is in no directory
    kWrongLinkCount,  // of `inode`: it should be `right`
    kWrongSize,       // of `inode`: it should be `right`
    kNowhere,         // data of `inode` has no place
  };
  Kind kind = Kind::kNoRoot;
  InodeNumber inode = kNoInode;
  InodeNumber directory = kNoInode;
  std::string name = {};
  uint64_t right = 0;
  std::string text = {};  // one sentence
};

struct TreeReport {
  uint64_t inodes = 0;
  uint64_t directories = 0;
  uint64_t orphans = 0;  // unlinked while open; they go at the next mount
  std::vector<TreeProblem> problems = {};
  // One of the names of each inode that the root leads to.
  std::unordered_map<InodeNumber, std::pair<InodeNumber, std::string>> names =
      {};
};

TreeReport CheckTree(const Metadata& metadata);

// The path of an inode below the root, "/" for the root; its number when no
// name leads to it.
std::string PathOf(const TreeReport& report, InodeNumber number);

// Gives an inode a name in /lost+found, which is made if need be. Link counts
// are for RepairTree to set.
void AddToLostAndFound(Metadata& metadata, std::string name, InodeNumber number,
                       TimeNs now);

// Mends what CheckTree reports, but data that has no place. What is in no
// directory gets a name in /lost+found; no inode and no data is removed.
// Returns a sentence for each thing it did, the first `max_sentences` of them.
std::vector<std::string> RepairTree(Metadata& metadata, TimeNs now,
                                    size_t max_sentences);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_TREE_CHECK_H_
