// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/drive_store.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "driveroot/store/drive/superblock_copy.h"

namespace driveroot {
namespace {

// What files.generateIds gives at most.
constexpr int kMaxIds = 1000;
// Ids fetched together: one request for the commits of about twenty minutes.
constexpr int kIdBatch = 256;
constexpr uint64_t kMaxSuperblockBytes = 1u << 20;

constexpr std::string_view kReadmeName = "README.txt";
constexpr std::string_view kSuperblockName = "superblock.json";
constexpr std::string_view kSuperblockMimeType = "application/json";
// Of segments that lie beside the above.
constexpr std::string_view kSegmentPrefix = "segment-";

std::string_view MimeTypeOf(ObjectKind kind) {
  return kind == ObjectKind::kReadme ? "text/plain"
                                     : "application/octet-stream";
}

Status CheckObjectId(const ObjectId& id) {
  if (IsDriveId(id)) return {};
  return Fail(ErrorCode::kInvalidArgument, "not an object id: " + id);
}

}  // namespace

const std::string& DriveStore::FolderOf(ObjectKind kind) const {
  switch (kind) {
    case ObjectKind::kLogRecord:
      return layout_.log;
    case ObjectKind::kSegment:
      return layout_.segments;
    case ObjectKind::kCheckpoint:
      return layout_.checkpoints;
    case ObjectKind::kReadme:
      break;
  }
  return layout_.folder;
}

std::string_view DriveStore::PrefixOf(ObjectKind kind) const {
  const bool is_beside = layout_.segments == layout_.folder;
  return kind == ObjectKind::kSegment && is_beside ? kSegmentPrefix : "";
}

void DriveStore::ExpectNothing(NewFolders folders) {
  has_superblock_ = false;
  folders_ = std::move(folders);
}

Status DriveStore::AwaitFolders() const {
  return folders_.parts.valid() ? folders_.parts.get() : Status();
}

Status DriveStore::AwaitFolderOf(ObjectKind kind) const {
  if (FolderOf(kind) != layout_.folder) return AwaitFolders();
  return folders_.volume.valid() ? folders_.volume.get() : Status();
}

void DriveStore::AddIds(std::vector<ObjectId> ids) {
  const std::lock_guard lock(mutex_);
  std::ranges::move(ids, std::back_inserter(spare_ids_));
}

Result<std::vector<ObjectId>> DriveStore::NewIds(int count) {
  if (count < 1 || count > kMaxIds) {
    return Fail(ErrorCode::kInvalidArgument,
                "cannot give " + std::to_string(count) + " ids");
  }
  const auto wanted = static_cast<size_t>(count);
  std::vector<ObjectId> ids;
  {
    std::lock_guard lock(mutex_);
    const size_t taken = std::min(wanted, spare_ids_.size());
    std::move(spare_ids_.end() - static_cast<std::ptrdiff_t>(taken),
              spare_ids_.end(), std::back_inserter(ids));
    spare_ids_.resize(spare_ids_.size() - taken);
  }
  if (ids.size() == wanted) return ids;

  // When the request fails, the ids taken above are lost; they cost nothing.
  const int missing = count - static_cast<int>(ids.size());
  DRIVEROOT_ASSIGN_OR_RETURN(
      std::vector<std::string> fresh,
      client_->api().GenerateIds(std::max(missing, kIdBatch)));
  const auto split = fresh.begin() + missing;
  std::move(fresh.begin(), split, std::back_inserter(ids));
  std::lock_guard lock(mutex_);
  std::move(split, fresh.end(), std::back_inserter(spare_ids_));
  return ids;
}

NewDriveFile DriveStore::NewFile(const ObjectId& id, ObjectKind kind,
                                 std::string_view name) const {
  return {.id = id,
          .name = std::string(PrefixOf(kind)).append(name),
          .parent = FolderOf(kind),
          .mime_type = std::string(MimeTypeOf(kind))};
}

void DriveStore::PrepareCreate(const ObjectId& id, ObjectKind kind,
                               std::string_view name) {
  if (!IsDriveId(id)) return;
  const std::lock_guard lock(mutex_);
  if (sessions_.contains(id)) return;
  sessions_[id] = std::async(
      std::launch::async,
      [this, kind, file = NewFile(id, kind, name)]() -> Result<std::string> {
        DRIVEROOT_RETURN_IF_ERROR(AwaitFolderOf(kind));
        return client_->api().OpenUploadSession(file);
      });
}

std::string DriveStore::TakeSession(const ObjectId& id) {
  std::future<Result<std::string>> session;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return "";
    session = std::move(found->second);
    sessions_.erase(found);
  }
  // Whoever stores the bytes runs into the same error and tells of it.
  return session.get().value_or("");
}

Status DriveStore::Create(const ObjectId& id, ObjectKind kind,
                          std::string_view name, std::string_view bytes) {
  DRIVEROOT_RETURN_IF_ERROR(CheckObjectId(id));
  // If that failed it is made up for below.
  (void)AwaitFolderOf(kind);
  DriveApi& api = client_->api();
  const NewDriveFile file = NewFile(id, kind, name);
  Result<DriveFile> stored = api.Upload(file, bytes, TakeSession(id));
  if (!stored && stored.error().code() == ErrorCode::kNotFound) {
    // Whoever began to make the volume was broken off before its folder was
    // made.
    Status made;
    if (folders_.volume.valid()) made = MakeVolumeFolder(api, layout_);
    if (made) made = MakePartFolders(api, layout_);
    if (made) {
      stored = api.Upload(file, bytes);
    } else if (made.error().code() != ErrorCode::kNotFound &&
               made.error().code() != ErrorCode::kUnavailable) {
      return made;
    }
  }
  return Outcome(stored, file.parent, "the file " + file.name);
}

Status DriveStore::Outcome(const Result<DriveFile>& stored,
                           const std::string& folder, const std::string& what) {
  if (!stored && stored.error().code() == ErrorCode::kNotFound) {
    return std::unexpected(FolderMissing(folder));
  }
  if (!stored) return std::unexpected(stored.error());
  if (stored->trashed) return std::unexpected(Trashed(folder, what));
  return {};
}

Error DriveStore::Trashed(const std::string& folder, const std::string& what) {
  std::string culprit = what + " of the volume \"" + layout_.name + "\"";
  for (const std::string* each : {&folder, &layout_.folder}) {
    const Result<DriveFile> found =
        client_->api().Get(*each, "id,name,trashed");
    if (!found) return found.error();
    if (found->trashed) {
      culprit = "the folder \"" + found->name + "\" (id " + *each + ")";
    }
  }
  return Error(ErrorCode::kUnavailable,
               culprit +
                   " lies in the trash of Google Drive, which deletes it for "
                   "good after 30 days: restore it there; nothing counts as "
                   "stored before");
}

Error DriveStore::FolderMissing(const std::string& folder) {
  for (const std::string* each : {&layout_.folder, &folder}) {
    const Result<DriveFile> found = client_->api().Get(*each, "id,trashed");
    if (found && found->trashed) return Trashed(folder, "the folder");
    if (found) continue;
    if (found.error().code() != ErrorCode::kNotFound) return found.error();
    return Error(ErrorCode::kUnavailable,
                 "Google Drive does not find the folder of id " + *each +
                     ", which belongs to the volume \"" + layout_.name +
                     "\": that passes if it is new; if somebody deleted it for "
                     "good, `driveroot save` keeps what is not stored");
  }
  return Error(ErrorCode::kUnavailable,
               "Google Drive does not find the folders of the volume \"" +
                   layout_.name +
                   "\" when something is put into them: new "
                   "folders are missed at times, and that passes");
}

Result<bool> DriveStore::Holds(const ObjectId& id, std::string_view bytes) {
  DRIVEROOT_RETURN_IF_ERROR(CheckObjectId(id));
  DRIVEROOT_ASSIGN_OR_RETURN(const DriveApi::Checked checked,
                             client_->api().Check(id, bytes));
  if (checked.same && checked.trashed) {
    return std::unexpected(Trashed(layout_.folder, "the file of id " + id));
  }
  return checked.same;
}

Result<std::string> DriveStore::Read(const ObjectId& id, uint64_t offset,
                                     uint64_t length) {
  DRIVEROOT_RETURN_IF_ERROR(CheckObjectId(id));
  return client_->api().Download(id, offset, length);
}

Status DriveStore::ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                          const ByteSink& sink) {
  DRIVEROOT_RETURN_IF_ERROR(CheckObjectId(id));
  return client_->api().DownloadTo(id, offset, length, sink);
}

Status DriveStore::Remove(const ObjectId& id) {
  DRIVEROOT_RETURN_IF_ERROR(CheckObjectId(id));
  return client_->api().Delete(id);
}

Result<std::vector<ObjectInfo>> DriveStore::List(ObjectKind kind) {
  if (!has_superblock_) return std::vector<ObjectInfo>();
  DRIVEROOT_ASSIGN_OR_RETURN(
      std::vector<DriveFile> files,
      client_->api().List(
          QuoteForQuery(FolderOf(kind)) + " in parents and trashed=false",
          "id,name,size,mimeType"));
  std::vector<ObjectInfo> infos;
  infos.reserve(files.size());
  for (DriveFile& file : files) {
    if (file.mime_type == kFolderMimeType) continue;
    // The volume's own folder holds the superblock, too, and perhaps what
    // somebody put there by hand.
    if (kind == ObjectKind::kReadme && file.name != kReadmeName) continue;
    const std::string_view prefix = PrefixOf(kind);
    if (!file.name.starts_with(prefix)) continue;
    infos.push_back({.id = std::move(file.id),
                     .kind = kind,
                     .name = file.name.substr(prefix.size()),
                     .size = file.size.value_or(0)});
  }
  return infos;
}

Result<std::string> DriveStore::ReadSuperblock() {
  if (!has_superblock_) {
    return Fail(ErrorCode::kNotFound, "the volume was not there before");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(
      std::string bytes,
      client_->api().Download(SuperblockId(), 0, kMaxSuperblockBytes + 1));
  if (bytes.size() > kMaxSuperblockBytes) {
    return Fail(ErrorCode::kDataLoss,
                "superblock.json is longer than any superblock");
  }
  return bytes;
}

Status DriveStore::UploadSuperblock(std::string_view bytes) {
  NewDriveFile file = {.id = SuperblockId(),
                       .name = std::string(kSuperblockName),
                       .parent = layout_.folder,
                       .mime_type = std::string(kSuperblockMimeType)};
  for (auto& [key, value] : PropertiesWithCopy(layout_.name, bytes)) {
    if (value) file.app_properties.emplace(key, *value);
  }
  return Outcome(client_->api().Upload(file, bytes), layout_.folder,
                 std::string(kSuperblockName));
}

Status DriveStore::UpdateSuperblock(std::string_view bytes) {
  const Result<DriveFile> updated = client_->api().Update(
      SuperblockId(), PropertiesWithCopy(layout_.name, bytes), bytes,
      kSuperblockMimeType);
  // Not missing folders: then there is none yet.
  if (!updated) return std::unexpected(updated.error());
  return Outcome(updated, layout_.folder, std::string(kSuperblockName));
}

std::string DriveStore::SuperblockId() {
  const std::lock_guard lock(mutex_);
  return new_superblock_.empty() ? layout_.superblock : new_superblock_;
}

bool DriveStore::IsSuperblockGone(const Error& why) {
  if (why.code() != ErrorCode::kNotFound &&
      why.code() != ErrorCode::kUnavailable) {
    return false;
  }
  DriveApi& api = client_->api();
  const Result<DriveFile> folder = api.Get(layout_.folder, "id,trashed");
  if (!folder || folder->trashed) return false;
  const Result<DriveFile> file = api.Get(SuperblockId(), "id,trashed");
  return file ? file->trashed
              : why.code() == ErrorCode::kNotFound &&
                    file.error().code() == ErrorCode::kNotFound;
}

Status DriveStore::MoveSuperblock(std::string_view bytes) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::vector<ObjectId> ids, NewIds(1));
  {
    const std::lock_guard lock(mutex_);
    new_superblock_ = ids.front();
  }
  DRIVEROOT_RETURN_IF_ERROR(UploadSuperblock(bytes));
  return client_->api().SetProperties(
      layout_.folder, {{std::string(kSuperblockKey), ids.front()}});
}

Status DriveStore::WriteSuperblock(std::string_view bytes) {
  const Status written = WriteSuperblockInPlace(bytes);
  if (written || !IsSuperblockGone(written.error())) return written;
  return MoveSuperblock(bytes);
}

Status DriveStore::WriteSuperblockInPlace(std::string_view bytes) {
  (void)AwaitFolders();
  (void)TakeSuperblockCopy();
  if (has_superblock_.exchange(true)) {
    Status updated = UpdateSuperblock(bytes);
    if (updated || updated.error().code() != ErrorCode::kNotFound) {
      return updated;
    }
  }
  // The first one; or somebody else's first one is quicker than ours.
  Status created = UploadSuperblock(bytes);
  if (created || created.error().code() != ErrorCode::kAlreadyExists) {
    return created;
  }
  return UpdateSuperblock(bytes);
}

std::optional<std::string> DriveStore::TakeSuperblockCopy() {
  const std::lock_guard lock(mutex_);
  return std::exchange(superblock_copy_, std::nullopt);
}

Status DriveStore::CreateSuperblock(std::string_view bytes) {
  (void)AwaitFolders();
  (void)TakeSuperblockCopy();
  Status created = UploadSuperblock(bytes);
  // Mine or another's.
  if (created || created.error().code() == ErrorCode::kAlreadyExists) {
    has_superblock_ = true;
  }
  return created;
}

Result<StoreSpace> DriveStore::Space() {
  DRIVEROOT_ASSIGN_OR_RETURN(const DriveQuota quota, client_->api().Quota());
  return StoreSpace{.total = quota.limit, .used = quota.usage};
}

}  // namespace driveroot
