// SPDX-License-Identifier: Apache-2.0
//
// For tests: an ObjectStore in memory, and a decorator that makes calls fail.
// Thread-safe, as ObjectStore is.
#ifndef DRIVEROOT_STORE_FAKE_FAKE_OBJECT_STORE_H_
#define DRIVEROOT_STORE_FAKE_FAKE_OBJECT_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

// What the account holds. Several FakeObjectStores may share it, like several
// machines that use one volume. A copy of it is the account at that time.
struct FakeAccount {
  struct Object {
    ObjectKind kind = ObjectKind::kSegment;
    std::string name;
    std::string bytes;
  };

  mutable std::mutex mutex;
  std::map<ObjectId, Object> objects;
  std::set<ObjectId> taken;  // ids that were ever created
  // There, and in no listing: in the trash, or moved to another folder.
  std::set<ObjectId> unlisted;
  std::optional<std::string> superblock;
  std::optional<uint64_t> quota;  // bytes
  uint64_t next_id = 1;

  FakeAccount() = default;
  FakeAccount(const FakeAccount& other);

  // The ids of the objects of one kind, in the order in which they were given.
  std::vector<ObjectId> Ids(ObjectKind kind) const;
};

class FakeObjectStore : public ObjectStore {
 public:
  // `superblock_copy` comes along, as if a listing had brought it.
  explicit FakeObjectStore(std::shared_ptr<FakeAccount> account,
                           std::optional<std::string> superblock_copy = {})
      : account_(std::move(account)),
        superblock_copy_(std::move(superblock_copy)) {}

  Result<std::vector<ObjectId>> NewIds(int count) override;
  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override;
  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override;
  Status Remove(const ObjectId& id) override;
  Result<std::vector<ObjectInfo>> List(ObjectKind kind) override;
  Result<std::string> ReadSuperblock() override;
  Status WriteSuperblock(std::string_view bytes) override;
  Status CreateSuperblock(std::string_view bytes) override;
  std::optional<std::string> TakeSuperblockCopy() override;
  Result<StoreSpace> Space() override;

 private:
  const std::shared_ptr<FakeAccount> account_;
  std::optional<std::string> superblock_copy_;  // guarded by account_->mutex
};

// One call of a store, as a fault rule sees it.
struct StoreCall {
  enum class Method {
    kNewIds,
    kCreate,
    kRead,
    kRemove,
    kList,
    kReadSuperblock,
    kWriteSuperblock,
    kCreateSuperblock,
    kSpace,
    kHolds,
  };
  Method method = Method::kRead;
  uint64_t number = 0;                     // from 1 on, over all methods
  ObjectId id = {};                        // where there is one
  ObjectKind kind = ObjectKind::kSegment;  // of kCreate and kList

  bool IsWrite() const {
    return method == Method::kCreate || method == Method::kRemove ||
           method == Method::kWriteSuperblock ||
           method == Method::kCreateSuperblock;
  }
};

// What becomes of a call. `lost_response` has it take effect and fail all the
// same, as when the connection breaks before the answer arrives.
struct Fault {
  Error error{ErrorCode::kUnavailable, "the network is down"};
  bool lost_response = false;
};

class FaultyObjectStore : public ObjectStore {
 public:
  // Asked before each call, one at a time; nothing: the call is let through.
  using Rule = std::function<std::optional<Fault>(const StoreCall&)>;

  FaultyObjectStore(std::unique_ptr<ObjectStore> store, Rule rule)
      : store_(std::move(store)), rule_(std::move(rule)) {}

  // Changes what is read, to play a damaged store.
  using Damage =
      std::function<void(const ObjectId&, uint64_t offset, std::string& bytes)>;
  void set_damage(Damage damage);

  Result<std::vector<ObjectId>> NewIds(int count) override;
  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override;
  void PrepareCreate(const ObjectId& id, ObjectKind kind,
                     std::string_view name) override {
    store_->PrepareCreate(id, kind, name);
  }
  Result<bool> Holds(const ObjectId& id, std::string_view bytes) override;
  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override;
  Status Remove(const ObjectId& id) override;
  Result<std::vector<ObjectInfo>> List(ObjectKind kind) override;
  Result<std::string> ReadSuperblock() override;
  Status WriteSuperblock(std::string_view bytes) override;
  Status CreateSuperblock(std::string_view bytes) override;
  std::optional<std::string> TakeSuperblockCopy() override;
  Result<StoreSpace> Space() override;

 private:
  std::optional<Fault> Ask(StoreCall call);

  const std::unique_ptr<ObjectStore> store_;
  const Rule rule_;
  std::mutex mutex_;  // guards what is below, and calls of rule_
  uint64_t calls_ = 0;
  Damage damage_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_FAKE_FAKE_OBJECT_STORE_H_
