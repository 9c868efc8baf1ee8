// SPDX-License-Identifier: Apache-2.0
//
// For tests: random changes of every kind that Metadata knows, made to a volume
// and to a StateModel alike. Each one is an atomic step, and no two leave the
// same state, since each sets times. Not thread-safe.
#ifndef DRIVEROOT_VOLUME_RANDOM_CHANGES_H_
#define DRIVEROOT_VOLUME_RANDOM_CHANGES_H_

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/volume/state_model.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

class RandomChanges {
 public:
  // `model` outlives this and holds what the volume does.
  RandomChanges(uint64_t seed, StateModel* model)
      : random_(seed), model_(*model) {}

  // Makes one change. Fails as Volume::Write does, and then nothing changed.
  Status Make(Volume& volume);

  // A random number below `limit`.
  uint64_t Below(uint64_t limit) { return random_() % limit; }

 private:
  // What a change is, of which the more likely ones stand more often in a list.
  using Change = void (RandomChanges::*)();

  void CreateFile();
  void CreateSpecial();
  void CreateDirectory();
  void CreateSymlink();
  void Link();
  void Unlink();
  void RemoveDirectory();
  void Rename();
  void Write();
  void WriteMuch();
  void Truncate();
  void Punch();
  void Share();
  void ChangeMode();
  void ChangeXattr();
  void ReapOrphan();

  // Those below change both sides.
  InodeNumber Create(uint32_t mode, std::string_view symlink_target = {});
  void SetAttributes(InodeNumber number, const Attributes& attributes);
  void PutEntry(InodeNumber directory, const std::string& name,
                InodeNumber inode);
  void RemoveEntry(InodeNumber directory, const std::string& name);
  void WriteBytes(InodeNumber number, uint64_t offset, std::string_view bytes);
  // Notes a change of contents, of a file that then has at least `size` bytes.
  void Touch(InodeNumber number, uint64_t size = 0, int nlink_change = 0);
  void DropLink(InodeNumber number);

  struct Entry {
    InodeNumber directory;
    std::string name;
    InodeNumber inode;
  };
  std::vector<Entry> Entries(bool directories) const;
  // Inodes of one type that have a name.
  std::vector<InodeNumber> Inodes(uint32_t type) const;
  InodeNumber AnyDirectory();
  InodeNumber AnyFile();
  std::string NewName() { return "n" + std::to_string(++names_); }
  std::string Bytes(size_t length);
  TimeNs Now() { return ++now_; }

  std::mt19937_64 random_;
  StateModel& model_;
  Metadata* metadata_ = nullptr;  // while a change is made
  uint64_t names_ = 0;
  TimeNs now_ = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_RANDOM_CHANGES_H_
