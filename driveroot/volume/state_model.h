// SPDX-License-Identifier: Apache-2.0
//
// For tests: what a volume must hold, kept as simply as can be, to compare a
// recovered volume with. It has the calls of Metadata that change something and
// knows nothing of frames, deltas or the log.
//
// A state is compared by its fingerprint: 64 bits over all inodes that have a
// name, their attributes, contents and names. Not thread-safe.
#ifndef DRIVEROOT_VOLUME_STATE_MODEL_H_
#define DRIVEROOT_VOLUME_STATE_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

struct ModelInode {
  Attributes attributes = {};
  InodeNumber parent = kNoInode;  // of directories
  std::string symlink_target = {};
  std::map<std::string, std::string> xattrs = {};
  std::string data = {};   // as long as the file is
  uint64_t data_hash = 0;  // to be renewed with each change of `data`
  std::map<std::string, InodeNumber> entries = {};
};

class StateModel {
 public:
  const std::map<InodeNumber, ModelInode>& inodes() const { return inodes_; }
  const ModelInode& Get(InodeNumber number) const { return inodes_.at(number); }
  uint64_t fingerprint() const { return fingerprint_; }

  void CreateInode(InodeNumber number, const Attributes& attributes,
                   InodeNumber parent = kNoInode,
                   std::string_view symlink_target = {});
  void RemoveInode(InodeNumber number);
  void SetAttributes(InodeNumber number, const Attributes& attributes);
  void PutDentry(InodeNumber directory, const std::string& name,
                 InodeNumber inode);
  void RemoveDentry(InodeNumber directory, const std::string& name);
  void SetParent(InodeNumber directory, InodeNumber parent);
  void SetXattr(InodeNumber number, const std::string& name,
                const std::string& value);
  void RemoveXattr(InodeNumber number, const std::string& name);
  // As the next mount does.
  void RemoveOrphans();
  // The bytes lie within the file's size.
  void WriteData(InodeNumber number, uint64_t offset, std::string_view bytes);

 private:
  // Changes an inode and what it adds to the fingerprint.
  template <typename Change>
  void Update(InodeNumber number, const Change& change);

  std::map<InodeNumber, ModelInode> inodes_;
  uint64_t fingerprint_ = 0;
  std::map<InodeNumber, uint64_t> parts_;  // of the fingerprint, by inode
};

// The fingerprint of what `volume` holds, for which all data is read.
Result<uint64_t> Fingerprint(Volume& volume);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_STATE_MODEL_H_
