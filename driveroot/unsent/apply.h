// SPDX-License-Identifier: Apache-2.0
//
// What was kept when a mount ended, and the volume as it is now. Thread-safe.
#ifndef DRIVEROOT_UNSENT_APPLY_H_
#define DRIVEROOT_UNSENT_APPLY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/unsent/unsent_folder.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/record.h"

namespace driveroot {

// The records of a folder, checked: each continues the one before it. What
// follows a gap, or a record that is damaged, is left out.
struct UnsentRecords {
  std::vector<LogRecord> records;
  std::vector<std::string> bytes;  // of the same
  std::vector<ObjectId> ids;
};
// kDataLoss: there is none.
Result<UnsentRecords> ReadUnsentRecords(const UnsentFolder& folder);

// Inodes that the records change.
std::set<InodeNumber> InodesOf(const UnsentRecords& records);

// Stores what a folder holds if it continues the log of the volume in `store`,
// or is there already; returns how many records it stored. The caller has the
// folder's lock, and removes the folder.
//
// kFenced: the volume went on without it, and nothing was stored, or only the
// first of the records were. kBusy: its writer may still be at work, on this
// machine or another, unless `steal`. kDataLoss: the folder is damaged. Else
// the store's errors; it may be tried again.
Result<uint64_t> ApplyUnsent(ObjectStore& store, const UnsentFolder& folder,
                             bool steal = false);

// Adds to a folder those segments that its records refer to and that are on the
// store: whoever took the volume over may delete them there.
Status AddSegments(ObjectStore& store, UnsentWriter& writer);

// A store with the objects of a folder besides its own: what the records need
// when a volume is opened with VolumeOptions::unsent_records. Changes nothing.
class UnsentOverlay : public ObjectStore {
 public:
  UnsentOverlay(std::unique_ptr<ObjectStore> store, UnsentFolder folder)
      : store_(std::move(store)), folder_(std::move(folder)) {}

  // The volume is open. Until then the log is that of the store, which may have
  // other records of the same ids.
  void ShowRecords() { show_records_ = true; }

  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override;
  Result<std::vector<ObjectId>> NewIds(int count) override;
  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override;
  Status Remove(const ObjectId& id) override;
  Status WriteSuperblock(std::string_view bytes) override;
  Status CreateSuperblock(std::string_view bytes) override;
  Result<std::vector<ObjectInfo>> List(ObjectKind kind) override {
    return store_->List(kind);
  }
  Result<std::string> ReadSuperblock() override {
    return store_->ReadSuperblock();
  }
  Result<StoreSpace> Space() override { return store_->Space(); }

 private:
  const UnsentFolder::Object* Find(const ObjectId& id) const;

  const std::unique_ptr<ObjectStore> store_;
  const UnsentFolder folder_;
  std::atomic<bool> show_records_ = false;
};

}  // namespace driveroot

#endif  // DRIVEROOT_UNSENT_APPLY_H_
