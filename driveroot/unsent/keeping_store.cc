// SPDX-License-Identifier: Apache-2.0
#include "driveroot/unsent/keeping_store.h"

#include <mutex>

namespace driveroot {
namespace {

std::unexpected<Error> Ended() {
  return Fail(ErrorCode::kCancelled, "the mount has ended");
}

}  // namespace

void KeepingStore::KeepFromNowOn(Keeper keeper) {
  const std::lock_guard lock(mutex_);
  keeper_ = std::make_shared<const Keeper>(std::move(keeper));
}

std::shared_ptr<const KeepingStore::Keeper> KeepingStore::keeper() const {
  const std::shared_lock lock(mutex_);
  return keeper_;
}

Status KeepingStore::Create(const ObjectId& id, ObjectKind kind,
                            std::string_view name, std::string_view bytes) {
  if (keeper() == nullptr) {
    Status created = store_->Create(id, kind, name, bytes);
    // kAlreadyExists as well: whether it is the same is found out by whoever
    // stores what was kept.
    if (created || keeper() == nullptr) return created;
  }
  if (kind != ObjectKind::kLogRecord && kind != ObjectKind::kSegment) {
    return Ended();
  }
  return (*keeper())(id, kind, name, bytes);
}

void KeepingStore::PrepareCreate(const ObjectId& id, ObjectKind kind,
                                 std::string_view name) {
  if (keeper() == nullptr) store_->PrepareCreate(id, kind, name);
}

Status KeepingStore::Remove(const ObjectId& id) {
  return keeper() == nullptr ? store_->Remove(id) : Ended();
}

Status KeepingStore::WriteSuperblock(std::string_view bytes) {
  return keeper() == nullptr ? store_->WriteSuperblock(bytes) : Ended();
}

Status KeepingStore::CreateSuperblock(std::string_view bytes) {
  return keeper() == nullptr ? store_->CreateSuperblock(bytes) : Ended();
}

}  // namespace driveroot
