// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/file_store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "vmtest/fakedrive/drive/times.h"
#include "vmtest/fakedrive/server/files.h"

namespace driveroot::fakedrive {
namespace {

// Of one file: for lists that lag behind.
constexpr size_t kMaxReplaced = 16;

// Google keeps 100 revisions of a file, not counting those that are to stay.
constexpr size_t kMaxRevisions = 100;

std::set<std::string> ContentNames(const FileRecord& record) {
  std::set<std::string> names;
  if (record.has_content()) names.insert(record.content);
  for (const Revision& revision : record.revisions)
    names.insert(revision.content);
  return names;
}

// What `old` had becomes a revision of `record`, which is about to get new
// content.
void AddRevision(FileRecord& record, const FileRecord& old) {
  record.revisions.push_back({.content = old.content,
                              .mime_type = old.mime_type,
                              .size = old.size,
                              .md5 = old.md5,
                              .sha1 = old.sha1,
                              .sha256 = old.sha256,
                              .modified_ms = old.modified_ms,
                              .keep_forever = old.keep_forever});
  const auto goes = [](const Revision& revision) {
    return !revision.keep_forever;
  };
  if (std::ranges::count_if(record.revisions, goes) >
      static_cast<std::ptrdiff_t>(kMaxRevisions - 1))
    record.revisions.erase(std::ranges::find_if(record.revisions, goes));
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename().string());
  return names;
}

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::Open(const std::string& folder,
                                                   const std::string& root_id) {
  std::unique_ptr<FileStore> store(new FileStore(folder, root_id));
  for (const char* part : {"/files", "/content", "/spool"})
    DRIVEROOT_RETURN_IF_ERROR(MakeFolder(folder + part));
  for (const std::string& name : FilesIn(store->spool_folder()))
    unlink((store->spool_folder() + "/" + name).c_str());
  DRIVEROOT_RETURN_IF_ERROR(store->Load());
  DRIVEROOT_RETURN_IF_ERROR(store->RemoveUnnamedContent());
  if (store->Find(root_id) == nullptr) {
    FileRecord root;
    root.id = root_id;
    root.name = "My Drive";
    root.mime_type = kFolderMimeType;
    root.created_ms = root.modified_ms = NowMs();
    DRIVEROOT_RETURN_IF_ERROR(store->Put(std::move(root), nullptr));
  }
  return store;
}

Status FileStore::Load() {
  for (const std::string& name : FilesIn(folder_ + "/files")) {
    const std::string path = folder_ + "/files/" + name;
    if (!name.ends_with(".json")) {
      unlink(path.c_str());
      continue;
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                               ReadFile(path, kMaxSmallFileBytes));
    auto record = DecodeRecord(text);
    if (!record || record->id + ".json" != name)
      return Fail(ErrorCode::kDataLoss,
                  path + " is damaged; remove it to lose only that file");
    last_change_ = std::max(last_change_, record->change);
    if (!record->deleted) {
      bytes_used_ += record->quota_bytes();
      children_[record->parent].insert(record->id);
    }
    files_.emplace(record->id, *std::move(record));
  }
  return {};
}

Status FileStore::RemoveUnnamedContent() const {
  std::set<std::string> named;
  for (const auto& [id, record] : files_) {
    if (record.deleted || !record.has_content()) continue;
    if (!FileExists(ContentPath(record)))
      return Fail(ErrorCode::kDataLoss, ContentPath(record) +
                                            ", the content of \"" +
                                            record.name + "\", is missing");
    named.insert(record.content);
    for (const Revision& revision : record.revisions)
      named.insert(revision.content);
  }
  for (const std::string& name : FilesIn(folder_ + "/content")) {
    if (!named.contains(name)) unlink((folder_ + "/content/" + name).c_str());
  }
  return {};
}

Status FileStore::Save(const FileRecord& record) const {
  return ReplaceFile(folder_ + "/files/" + record.id + ".json",
                     EncodeRecord(record), 0600);
}

const FileRecord* FileStore::Find(const std::string& id) const {
  const auto found = files_.find(id);
  if (found == files_.end() || found->second.deleted) return nullptr;
  return &found->second;
}

const std::set<std::string>& FileStore::Children(const std::string& id) const {
  static const std::set<std::string> kNone;
  const auto found = children_.find(id);
  return found == children_.end() ? kNone : found->second;
}

const FileRecord& FileStore::AsOf(const FileRecord& record,
                                  int64_t time_ms) const {
  const auto found = replaced_.find(record.id);
  if (found == replaced_.end()) return record;
  for (const Replaced& replaced : found->second) {
    if (replaced.at_ms > time_ms) return replaced.record;
  }
  return record;
}

bool FileStore::IsTrashed(const FileRecord& record) const {
  for (const FileRecord* at = &record; at != nullptr; at = Find(at->parent)) {
    if (at->trashed) return true;
  }
  return false;
}

size_t FileStore::Depth(const FileRecord& record) const {
  size_t depth = 0;
  for (const FileRecord* at = Find(record.parent); at != nullptr;
       at = Find(at->parent))
    ++depth;
  return depth;
}

bool FileStore::IsWithin(const std::string& id,
                         const std::string& ancestor) const {
  for (const FileRecord* at = Find(id); at != nullptr; at = Find(at->parent)) {
    if (at->id == ancestor) return true;
  }
  return false;
}

uint64_t FileStore::bytes_in_trash() const {
  uint64_t bytes = 0;
  for (const auto& [id, record] : files_) {
    if (!record.deleted && record.size > 0 && IsTrashed(record))
      bytes += record.size;
  }
  return bytes;
}

Status FileStore::Put(FileRecord record, Content* content) {
  const FileRecord* const old = Find(record.id);
  std::set<std::string> unneeded;
  if (old != nullptr) unneeded = ContentNames(*old);
  const uint64_t old_bytes = old != nullptr ? old->quota_bytes() : 0;
  const std::string old_parent = old != nullptr ? old->parent : "";
  record.version = old != nullptr ? old->version + 1 : 1;
  record.change = last_change_ + 1;
  record.changed_ms = NowMs();
  if (content != nullptr) {
    if (record.has_content()) AddRevision(record, *old);
    record.content = record.id + "." + std::to_string(record.change);
    record.size = content->size;
    record.md5 = content->md5;
    record.sha1 = content->sha1;
    record.sha256 = content->sha256;
    const std::string path = ContentPath(record);
    if (rename(content->path.c_str(), path.c_str()) != 0)
      return std::unexpected(
          Error::FromErrno(errno, "cannot move content to " + path));
    content->path.clear();
  }
  DRIVEROOT_RETURN_IF_ERROR(Save(record));

  last_change_ = record.change;
  bytes_used_ = bytes_used_ - old_bytes + record.quota_bytes();
  if (old != nullptr) children_[old_parent].erase(record.id);
  children_[record.parent].insert(record.id);
  for (const std::string& name : ContentNames(record)) unneeded.erase(name);
  RemoveContent(unneeded);
  const std::string id = record.id;
  if (old != nullptr) {
    std::deque<Replaced>& replaced = replaced_[id];
    replaced.push_back({NowMs(), *old});
    if (replaced.size() > kMaxReplaced) replaced.pop_front();
  }
  files_.insert_or_assign(id, std::move(record));
  return {};
}

void FileStore::RemoveContent(const std::set<std::string>& names) const {
  for (const std::string& name : names)
    unlink((folder_ + "/content/" + name).c_str());
}

Status FileStore::Delete(const std::string& id) {
  const std::set<std::string> children = Children(id);
  for (const std::string& child : children)
    DRIVEROOT_RETURN_IF_ERROR(Delete(child));
  const auto found = files_.find(id);
  if (found == files_.end() || found->second.deleted) return {};
  FileRecord gone;
  gone.id = id;
  gone.name = found->second.name;
  gone.deleted = true;
  gone.version = found->second.version + 1;
  gone.change = last_change_ + 1;
  gone.modified_ms = gone.changed_ms = NowMs();
  DRIVEROOT_RETURN_IF_ERROR(Save(gone));
  RemoveContent(ContentNames(found->second));
  last_change_ = gone.change;
  bytes_used_ -= found->second.quota_bytes();
  children_[found->second.parent].erase(id);
  children_.erase(id);
  replaced_.erase(id);
  found->second = std::move(gone);
  return {};
}

std::string FileStore::NewSpoolPath() {
  return spool_folder() + "/" + std::to_string(next_spool_++);
}

}  // namespace driveroot::fakedrive
