// SPDX-License-Identifier: Apache-2.0
//
// KeepingStore is a store that can be told to keep what is created elsewhere:
// for the end of a mount whose store takes nothing any more.
//
//   auto keeping = std::make_unique<KeepingStore>(std::move(drive));
//   KeepingStore* const store = keeping.get();
//   auto volume = Volume::Open(std::move(keeping), options);
//   …
//   store->KeepFromNowOn([&](auto&... object) { return folder.Add(object…); });
//   volume->Keep();
//
// Thread-safe, as ObjectStore is.
#ifndef DRIVEROOT_UNSENT_KEEPING_STORE_H_
#define DRIVEROOT_UNSENT_KEEPING_STORE_H_

#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

class KeepingStore : public ObjectStore {
 public:
  // Called from several threads at a time.
  using Keeper =
      std::function<Status(const ObjectId& id, ObjectKind kind,
                           std::string_view name, std::string_view bytes)>;

  explicit KeepingStore(std::unique_ptr<ObjectStore> store)
      : store_(std::move(store)) {}

  // `keeper` gets the log records and segments that are created after this, and
  // those that the store is at work on and does not take. Nothing else that
  // changes the store is done any more: kCancelled. To be called once.
  void KeepFromNowOn(Keeper keeper);

  // The store itself.
  ObjectStore& base() { return *store_; }

  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override;
  void PrepareCreate(const ObjectId& id, ObjectKind kind,
                     std::string_view name) override;
  Status Remove(const ObjectId& id) override;
  Status WriteSuperblock(std::string_view bytes) override;
  Status CreateSuperblock(std::string_view bytes) override;

  Result<std::vector<ObjectId>> NewIds(int count) override {
    return store_->NewIds(count);
  }
  Result<bool> Holds(const ObjectId& id, std::string_view bytes) override {
    return store_->Holds(id, bytes);
  }
  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override {
    return store_->Read(id, offset, length);
  }
  Status ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                const ByteSink& sink) override {
    return store_->ReadTo(id, offset, length, sink);
  }
  Result<std::vector<ObjectInfo>> List(ObjectKind kind) override {
    return store_->List(kind);
  }
  Result<std::string> ReadSuperblock() override {
    return store_->ReadSuperblock();
  }
  std::optional<std::string> TakeSuperblockCopy() override {
    return store_->TakeSuperblockCopy();
  }
  Result<StoreSpace> Space() override { return store_->Space(); }

 private:
  // Null until KeepFromNowOn().
  std::shared_ptr<const Keeper> keeper() const;

  const std::unique_ptr<ObjectStore> store_;
  mutable std::shared_mutex mutex_;  // guards keeper_
  std::shared_ptr<const Keeper> keeper_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_UNSENT_KEEPING_STORE_H_
