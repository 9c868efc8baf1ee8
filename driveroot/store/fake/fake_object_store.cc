// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/fake/fake_object_store.h"

#include <algorithm>
#include <utility>

namespace driveroot {
namespace {

Status CheckCount(int count) {
  if (count >= 1 && count <= 1000) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "cannot make " + std::to_string(count) + " ids at once");
}

std::unexpected<Error> Missing(const ObjectId& id) {
  return Fail(ErrorCode::kNotFound, "no object " + id);
}

}  // namespace

FakeAccount::FakeAccount(const FakeAccount& other) {
  const std::lock_guard lock(other.mutex);
  objects = other.objects;
  taken = other.taken;
  unlisted = other.unlisted;
  superblock = other.superblock;
  quota = other.quota;
  next_id = other.next_id;
}

std::vector<ObjectId> FakeAccount::Ids(ObjectKind kind) const {
  const std::lock_guard lock(mutex);
  std::vector<ObjectId> ids;
  for (const auto& [id, object] : objects) {
    if (object.kind == kind) ids.push_back(id);
  }
  return ids;
}

Result<std::vector<ObjectId>> FakeObjectStore::NewIds(int count) {
  DRIVEROOT_RETURN_IF_ERROR(CheckCount(count));
  const std::lock_guard lock(account_->mutex);
  std::vector<ObjectId> ids;
  for (int i = 0; i < count; ++i) {
    // Padded, so that the order of ids is the order in which they were given.
    const std::string number = std::to_string(account_->next_id++);
    ids.push_back("id" +
                  std::string(8 - std::min<size_t>(8, number.size()), '0') +
                  number);
  }
  return ids;
}

Status FakeObjectStore::Create(const ObjectId& id, ObjectKind kind,
                               std::string_view name, std::string_view bytes) {
  const std::lock_guard lock(account_->mutex);
  if (account_->taken.contains(id)) {
    return Fail(ErrorCode::kAlreadyExists, "object " + id + " exists");
  }
  uint64_t used = bytes.size();
  for (const auto& [other, object] : account_->objects) {
    used += object.bytes.size();
  }
  if (account_->quota && used > *account_->quota) {
    return Fail(ErrorCode::kOutOfSpace, "the account is full");
  }
  account_->taken.insert(id);
  account_->objects[id] = {kind, std::string(name), std::string(bytes)};
  return {};
}

Result<std::string> FakeObjectStore::Read(const ObjectId& id, uint64_t offset,
                                          uint64_t length) {
  const std::lock_guard lock(account_->mutex);
  const auto found = account_->objects.find(id);
  if (found == account_->objects.end()) return Missing(id);
  const std::string& bytes = found->second.bytes;
  if (offset >= bytes.size()) return std::string();
  return bytes.substr(offset, length);
}

Status FakeObjectStore::Remove(const ObjectId& id) {
  const std::lock_guard lock(account_->mutex);
  if (account_->objects.erase(id) == 0) return Missing(id);
  return {};
}

Result<std::vector<ObjectInfo>> FakeObjectStore::List(ObjectKind kind) {
  const std::lock_guard lock(account_->mutex);
  std::vector<ObjectInfo> list;
  for (const auto& [id, object] : account_->objects) {
    if (object.kind != kind || account_->unlisted.contains(id)) continue;
    list.push_back({id, kind, object.name, object.bytes.size()});
  }
  return list;
}

Result<std::string> FakeObjectStore::ReadSuperblock() {
  const std::lock_guard lock(account_->mutex);
  if (!account_->superblock) {
    return Fail(ErrorCode::kNotFound, "no superblock");
  }
  return *account_->superblock;
}

Status FakeObjectStore::WriteSuperblock(std::string_view bytes) {
  const std::lock_guard lock(account_->mutex);
  account_->superblock = bytes;
  superblock_copy_.reset();
  return {};
}

Status FakeObjectStore::CreateSuperblock(std::string_view bytes) {
  const std::lock_guard lock(account_->mutex);
  if (account_->superblock) {
    return Fail(ErrorCode::kAlreadyExists, "there is a superblock");
  }
  account_->superblock = bytes;
  superblock_copy_.reset();
  return {};
}

std::optional<std::string> FakeObjectStore::TakeSuperblockCopy() {
  const std::lock_guard lock(account_->mutex);
  return std::exchange(superblock_copy_, std::nullopt);
}

Result<StoreSpace> FakeObjectStore::Space() {
  const std::lock_guard lock(account_->mutex);
  StoreSpace space{.total = account_->quota};
  for (const auto& [id, object] : account_->objects) {
    space.used += object.bytes.size();
  }
  return space;
}

void FaultyObjectStore::set_damage(Damage damage) {
  const std::lock_guard lock(mutex_);
  damage_ = std::move(damage);
}

std::optional<Fault> FaultyObjectStore::Ask(StoreCall call) {
  const std::lock_guard lock(mutex_);
  call.number = ++calls_;
  return rule_ == nullptr ? std::nullopt : rule_(call);
}

Result<std::vector<ObjectId>> FaultyObjectStore::NewIds(int count) {
  const auto fault = Ask({.method = StoreCall::Method::kNewIds});
  if (fault) return std::unexpected(fault->error);
  return store_->NewIds(count);
}

Status FaultyObjectStore::Create(const ObjectId& id, ObjectKind kind,
                                 std::string_view name,
                                 std::string_view bytes) {
  const auto fault =
      Ask({.method = StoreCall::Method::kCreate, .id = id, .kind = kind});
  if (fault && !fault->lost_response) return std::unexpected(fault->error);
  Status created = store_->Create(id, kind, name, bytes);
  if (fault) return std::unexpected(fault->error);
  return created;
}

Result<bool> FaultyObjectStore::Holds(const ObjectId& id,
                                      std::string_view bytes) {
  const auto fault = Ask({.method = StoreCall::Method::kHolds, .id = id});
  if (fault) return std::unexpected(fault->error);
  return store_->Holds(id, bytes);
}

Result<std::string> FaultyObjectStore::Read(const ObjectId& id, uint64_t offset,
                                            uint64_t length) {
  const auto fault = Ask({.method = StoreCall::Method::kRead, .id = id});
  if (fault) return std::unexpected(fault->error);
  Result<std::string> bytes = store_->Read(id, offset, length);
  const std::lock_guard lock(mutex_);
  if (bytes && damage_ != nullptr) damage_(id, offset, *bytes);
  return bytes;
}

Status FaultyObjectStore::Remove(const ObjectId& id) {
  const auto fault = Ask({.method = StoreCall::Method::kRemove, .id = id});
  if (fault && !fault->lost_response) return std::unexpected(fault->error);
  Status removed = store_->Remove(id);
  if (fault) return std::unexpected(fault->error);
  return removed;
}

Result<std::vector<ObjectInfo>> FaultyObjectStore::List(ObjectKind kind) {
  const auto fault = Ask({.method = StoreCall::Method::kList, .kind = kind});
  if (fault) return std::unexpected(fault->error);
  return store_->List(kind);
}

Result<std::string> FaultyObjectStore::ReadSuperblock() {
  const auto fault = Ask({.method = StoreCall::Method::kReadSuperblock});
  if (fault) return std::unexpected(fault->error);
  return store_->ReadSuperblock();
}

Status FaultyObjectStore::WriteSuperblock(std::string_view bytes) {
  const auto fault = Ask({.method = StoreCall::Method::kWriteSuperblock});
  if (fault && !fault->lost_response) return std::unexpected(fault->error);
  Status written = store_->WriteSuperblock(bytes);
  if (fault) return std::unexpected(fault->error);
  return written;
}

Status FaultyObjectStore::CreateSuperblock(std::string_view bytes) {
  const auto fault = Ask({.method = StoreCall::Method::kCreateSuperblock});
  if (fault && !fault->lost_response) return std::unexpected(fault->error);
  Status created = store_->CreateSuperblock(bytes);
  if (fault) return std::unexpected(fault->error);
  return created;
}

// Costs no request, so none fails.
std::optional<std::string> FaultyObjectStore::TakeSuperblockCopy() {
  return store_->TakeSuperblockCopy();
}

Result<StoreSpace> FaultyObjectStore::Space() {
  const auto fault = Ask({.method = StoreCall::Method::kSpace});
  if (fault) return std::unexpected(fault->error);
  return store_->Space();
}

}  // namespace driveroot
