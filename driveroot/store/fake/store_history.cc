// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/fake/store_history.h"

#include <algorithm>
#include <utility>

namespace driveroot {
namespace {

// Twice as many states for each request more.
constexpr size_t kMaxVaried = 10;

std::unexpected<Error> Missing(const ObjectId& id) {
  return Fail(ErrorCode::kNotFound, "no object " + id);
}

}  // namespace

bool StoreCut::Has(size_t change) const {
  return change < limit && !std::ranges::binary_search(missing, change);
}

std::string StoreCut::ToString() const {
  std::string text = "the first " + std::to_string(limit) + " changes";
  for (const size_t change : missing) {
    text += change == missing.front() ? " without " : ", ";
    text += std::to_string(change);
  }
  return text;
}

uint64_t StoreHistory::Now() {
  const std::lock_guard lock(mutex_);
  return Later();
}

std::vector<StoreCut> StoreHistory::Cuts() const {
  const std::lock_guard lock(mutex_);
  std::vector<size_t> done;
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (changes_[i].done) done.push_back(i);
  }
  // The first answer to any of the changes from each one on.
  std::vector<uint64_t> first_answer(done.size() + 1, UINT64_MAX);
  for (size_t i = done.size(); i-- > 0;) {
    first_answer[i] = std::min(first_answer[i + 1], changes_[done[i]].answered);
  }
  std::vector<StoreCut> cuts = {{.time = first_answer.front()}};
  // Each set has one change that began last. What was answered before that one
  // began belongs to it, what was under way then may be missing.
  std::vector<size_t> under_way;
  for (size_t i = 0; i < done.size(); ++i) {
    std::erase_if(under_way, [&](size_t other) {
      return changes_[other].answered < changes_[done[i]].began;
    });
    const size_t varied = std::min(under_way.size(), kMaxVaried);
    for (size_t subset = 0; subset < size_t{1} << varied; ++subset) {
      StoreCut cut = {.limit = done[i] + 1, .time = first_answer[i + 1]};
      for (size_t bit = 0; bit < varied; ++bit) {
        if ((subset >> bit & 1) == 0) continue;
        const size_t other = under_way[under_way.size() - varied + bit];
        cut.missing.push_back(other);
        cut.time = std::min(cut.time, changes_[other].answered);
      }
      cuts.push_back(std::move(cut));
    }
    under_way.push_back(done[i]);
  }
  return cuts;
}

bool StoreHistory::Has(size_t change, const StoreCut* cut) const {
  return changes_[change].done && (cut == nullptr || cut->Has(change));
}

const StoreHistory::Change* StoreHistory::Find(const ObjectId& id,
                                               const StoreCut* cut) const {
  if (IsRemoved(id, cut)) return nullptr;
  const auto found = traces_.find(id);
  if (found != traces_.end() && found->second.created &&
      Has(*found->second.created, cut)) {
    return &changes_[*found->second.created];
  }
  return base_ == nullptr ? nullptr : base_->Find(id, &cut_);
}

bool StoreHistory::IsTaken(const ObjectId& id, const StoreCut* cut) const {
  const auto found = traces_.find(id);
  if (found != traces_.end() && found->second.created &&
      Has(*found->second.created, cut)) {
    return true;
  }
  return base_ != nullptr && base_->IsTaken(id, &cut_);
}

bool StoreHistory::IsRemoved(const ObjectId& id, const StoreCut* cut) const {
  const auto found = traces_.find(id);
  return found != traces_.end() && found->second.removed &&
         Has(*found->second.removed, cut);
}

const StoreHistory::Change* StoreHistory::Superblock(
    const StoreCut* cut) const {
  for (size_t i = changes_.size(); i-- > 0;) {
    if (changes_[i].change == ChangeKind::kSuperblock && Has(i, cut)) {
      return &changes_[i];
    }
  }
  return base_ == nullptr ? nullptr : base_->Superblock(&cut_);
}

void StoreHistory::AddSuperblocks(const StoreCut* cut,
                                  std::vector<std::string>& to) const {
  if (base_ != nullptr) base_->AddSuperblocks(&cut_, to);
  for (size_t i = 0; i < changes_.size(); ++i) {
    const Change& change = changes_[i];
    if (change.change == ChangeKind::kSuperblock && Has(i, cut)) {
      to.push_back(change.bytes);
    }
  }
}

std::vector<std::string> StoreHistory::Superblocks() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> superblocks;
  AddSuperblocks(nullptr, superblocks);
  return superblocks;
}

void StoreHistory::ForEach(
    const StoreCut* cut,
    const std::function<void(const Change&)>& visit) const {
  if (base_ != nullptr) {
    base_->ForEach(&cut_, [&](const Change& change) {
      if (!IsRemoved(change.id, cut)) visit(change);
    });
  }
  for (size_t i = 0; i < changes_.size(); ++i) {
    const Change& change = changes_[i];
    if (change.change == ChangeKind::kCreate && Has(i, cut) &&
        !IsRemoved(change.id, cut)) {
      visit(change);
    }
  }
}

size_t StoreHistory::Begin(Change change) {
  const std::lock_guard lock(mutex_);
  change.began = Later();
  changes_.push_back(std::move(change));
  return changes_.size() - 1;
}

Status StoreHistory::Accept(size_t index) {
  const std::lock_guard lock(mutex_);
  Change& change = changes_[index];
  switch (change.change) {
    case ChangeKind::kCreate:
      if (IsTaken(change.id, nullptr)) {
        // Now its maker knows that an earlier attempt was done.
        if (const auto found = traces_.find(change.id);
            found != traces_.end()) {
          Change& first = changes_[*found->second.created];
          first.answered = std::min(first.answered, Later());
        }
        return Fail(ErrorCode::kAlreadyExists,
                    "object " + change.id + " exists");
      }
      traces_[change.id].created = index;
      break;
    case ChangeKind::kRemove:
      if (Find(change.id, nullptr) == nullptr) return Missing(change.id);
      traces_[change.id].removed = index;
      break;
    case ChangeKind::kSuperblock:
      if (change.is_first && Superblock(nullptr) != nullptr) {
        return Fail(ErrorCode::kAlreadyExists, "there is a superblock");
      }
      break;
  }
  change.done = true;
  return {};
}

void StoreHistory::Answer(size_t index) {
  const std::lock_guard lock(mutex_);
  const Change& change = changes_[index];
  // Who goes on with the next one of its kind leaves the one before alone,
  // whether it was done or not.
  std::erase_if(lost_, [&](size_t other) {
    const bool same = changes_[other].change == change.change &&
                      changes_[other].kind == change.kind;
    if (same) changes_[other].answered = Later();
    return same;
  });
  changes_[index].answered = Later();
}

void StoreHistory::Lose(size_t index) {
  const std::lock_guard lock(mutex_);
  const Change& change = changes_[index];
  // These are not repeated under the same id until an answer comes.
  if (change.change == ChangeKind::kSuperblock ||
      change.kind == ObjectKind::kCheckpoint) {
    lost_.push_back(index);
  }
}

Status HistoryStore::Make(StoreHistory::Change change, const StoreCall& call) {
  if (change.change == StoreHistory::ChangeKind::kSuperblock) {
    (void)TakeSuperblockCopy();
  }
  const size_t index = history_->Begin(std::move(change));
  const std::optional<Fault> fault =
      rule_ == nullptr ? std::nullopt : rule_(call);
  if (fault && !fault->lost_response) return std::unexpected(fault->error);
  Status accepted = history_->Accept(index);
  if (fault) {
    history_->Lose(index);
    return std::unexpected(fault->error);
  }
  history_->Answer(index);
  return accepted;
}

Result<std::vector<ObjectId>> HistoryStore::NewIds(int count) {
  if (count < 1 || count > 1000) {
    return Fail(ErrorCode::kInvalidArgument,
                "cannot make " + std::to_string(count) + " ids at once");
  }
  // Ids of a store after a cut must differ from those given later in the
  // history that was cut.
  size_t depth = 0;
  for (const StoreHistory* base = history_->base_.get(); base != nullptr;
       base = base->base_.get()) {
    ++depth;
  }
  const std::lock_guard lock(history_->mutex_);
  std::vector<ObjectId> ids;
  for (int i = 0; i < count; ++i) {
    ids.push_back("id" + std::to_string(depth) + "-" +
                  std::to_string(history_->next_id_++));
  }
  return ids;
}

Status HistoryStore::Create(const ObjectId& id, ObjectKind kind,
                            std::string_view name, std::string_view bytes) {
  return Make({.change = StoreHistory::ChangeKind::kCreate,
               .id = id,
               .kind = kind,
               .name = std::string(name),
               .bytes = std::string(bytes)},
              {.method = StoreCall::Method::kCreate, .id = id, .kind = kind});
}

Result<std::string> HistoryStore::Read(const ObjectId& id, uint64_t offset,
                                       uint64_t length) {
  const std::lock_guard lock(history_->mutex_);
  const StoreHistory::Change* object = history_->Find(id, nullptr);
  if (object == nullptr) return Missing(id);
  if (offset >= object->bytes.size()) return std::string();
  return object->bytes.substr(offset, length);
}

Status HistoryStore::Remove(const ObjectId& id) {
  return Make({.change = StoreHistory::ChangeKind::kRemove, .id = id},
              {.method = StoreCall::Method::kRemove, .id = id});
}

Result<std::vector<ObjectInfo>> HistoryStore::List(ObjectKind kind) {
  const std::lock_guard lock(history_->mutex_);
  std::vector<ObjectInfo> list;
  history_->ForEach(nullptr, [&](const StoreHistory::Change& object) {
    if (object.kind != kind) return;
    list.push_back({object.id, kind, object.name, object.bytes.size()});
  });
  return list;
}

Result<std::string> HistoryStore::ReadSuperblock() {
  const std::lock_guard lock(history_->mutex_);
  const StoreHistory::Change* superblock = history_->Superblock(nullptr);
  if (superblock == nullptr) {
    return Fail(ErrorCode::kNotFound, "no superblock");
  }
  return superblock->bytes;
}

Status HistoryStore::WriteSuperblock(std::string_view bytes) {
  return Make({.change = StoreHistory::ChangeKind::kSuperblock,
               .bytes = std::string(bytes)},
              {.method = StoreCall::Method::kWriteSuperblock});
}

Status HistoryStore::CreateSuperblock(std::string_view bytes) {
  return Make({.change = StoreHistory::ChangeKind::kSuperblock,
               .bytes = std::string(bytes),
               .is_first = true},
              {.method = StoreCall::Method::kCreateSuperblock});
}

std::optional<std::string> HistoryStore::TakeSuperblockCopy() {
  const std::lock_guard lock(history_->mutex_);
  return std::exchange(superblock_copy_, std::nullopt);
}

Result<StoreSpace> HistoryStore::Space() {
  const std::lock_guard lock(history_->mutex_);
  StoreSpace space;
  history_->ForEach(nullptr, [&](const StoreHistory::Change& object) {
    space.used += object.bytes.size();
  });
  return space;
}

}  // namespace driveroot
