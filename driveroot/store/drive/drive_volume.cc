// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/drive_volume.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "driveroot/store/drive/drive_api.h"
#include "driveroot/store/drive/drive_store.h"
#include "driveroot/store/drive/superblock_copy.h"

namespace driveroot {
namespace {

constexpr std::string_view kIdPrefix = "id=";
// As long as a file name on Linux, so that any name can be a folder elsewhere.
constexpr size_t kMaxNameBytes = 255;

// As many as DriveStore fetches at once.
constexpr int kIdsForNewVolume = 256;

constexpr const char* kMarkKey = "driveroot";
constexpr const char* kMarkValue = "volume";
constexpr const char* kVolumeFields =
    "id,name,mimeType,createdTime,trashed,appProperties";

struct Part {
  const char* key;  // of appProperties
  std::string DriveVolumeLayout::* id;
  const char* folder_name;  // null: not a folder
};
constexpr std::array kParts = {
    Part{"driveroot_log", &DriveVolumeLayout::log, "log"},
    Part{"driveroot_segments", &DriveVolumeLayout::segments, "segments"},
    Part{"driveroot_checkpoints", &DriveVolumeLayout::checkpoints,
         "checkpoints"},
    Part{kSuperblockKey, &DriveVolumeLayout::superblock, nullptr},
};

std::string Quoted(std::string_view name) {
  return "\"" + std::string(name) + "\"";
}

Status CheckName(std::string_view name) {
  const bool usable = !name.empty() && name.size() <= kMaxNameBytes &&
                      std::ranges::none_of(name, [](char c) {
                        return (c >= 0 && c < ' ') || c == 0x7f || c == '/';
                      });
  if (usable) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "a volume's name has 1 to 255 bytes, no '/' and no control "
              "characters: drive:" +
                  std::string(name));
}

bool IsVolume(const DriveFile& file) {
  const auto mark = file.app_properties.find(kMarkKey);
  return mark != file.app_properties.end() && mark->second == kMarkValue &&
         file.mime_type == kFolderMimeType;
}

std::optional<DriveVolumeLayout> LayoutOf(const DriveFile& file) {
  DriveVolumeLayout layout{.name = file.name, .folder = file.id};
  for (const Part& part : kParts) {
    const auto found = file.app_properties.find(part.key);
    if (found == file.app_properties.end() || !IsDriveId(found->second)) {
      return std::nullopt;
    }
    layout.*part.id = found->second;
  }
  return layout;
}

Error NoVolume(std::string_view name) {
  return Error(ErrorCode::kNotFound,
               "there is no volume " + Quoted(name) +
                   " on this Google Drive that the credentials' client id "
                   "made: check the name, or make it with `driveroot mkfs "
                   "drive:" +
                   std::string(name) + "`");
}

std::string HasProperty(std::string_view key, std::string_view value) {
  return "appProperties has {key=" + QuoteForQuery(key) +
         " and value=" + QuoteForQuery(value) + "}";
}

// What a search found.
struct FoundVolumes {
  std::vector<DriveFile> folders;
  std::vector<DriveFile> trashed;  // folders in the trash
  // Copies of superblocks, by the id of superblock.json: perhaps others' too.
  std::map<std::string, std::string> superblocks;
};

// Whether the second of two lists is asked for only when the first has nothing,
// or at once, when it is likely that neither has.
enum class Search { kInTurn, kAtOnce };

// The volumes of exactly this name. Searching by name finds one wherever it was
// moved to, but ignores case and may miss one just made; the listing of My
// Drive does not. The search brings the superblock along, unless the volume was
// renamed after that was written.
Result<FoundVolumes> FindVolumes(DriveApi& api, std::string_view name,
                                 Search search) {
  const std::string is_folder = "mimeType=" + QuoteForQuery(kFolderMimeType);
  std::string by_name = "(" + is_folder + " and name=" + QuoteForQuery(name) +
                        " and " + HasProperty(kMarkKey, kMarkValue) + ")";
  if (FitsSuperblockOf(name)) {
    by_name =
        "(" + by_name + " or " + HasProperty(kSuperblockOfKey, name) + ")";
  }
  const std::array queries = {by_name, is_folder + " and 'root' in parents"};
  const std::launch when =
      search == Search::kAtOnce ? std::launch::async : std::launch::deferred;
  std::vector<std::future<Result<std::vector<DriveFile>>>> lists;
  for (const std::string& query : queries) {
    // With those in the trash: who looks for one must hear of it, and nobody
    // should make another one unknowingly.
    lists.push_back(std::async(
        when, [&api, &query] { return api.List(query, kVolumeFields); }));
  }
  FoundVolumes found;
  for (auto& list : lists) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<DriveFile> files, list.get());
    for (const DriveFile& file : files) {
      if (file.name == name && IsVolume(file) && LayoutOf(file)) {
        (file.trashed ? found.trashed : found.folders).push_back(file);
      } else if (file.trashed) {
        continue;
      } else if (auto copy = CopyFromProperties(file.app_properties)) {
        found.superblocks.insert_or_assign(file.id, *std::move(copy));
      }
    }
    if (!found.folders.empty()) break;
  }
  return found;
}

Result<bool> HasSuperblock(DriveApi& api, const DriveVolumeLayout& layout) {
  const Result<DriveFile> file = api.Get(layout.superblock, "id,trashed");
  if (file) return !file->trashed;
  if (file.error().code() == ErrorCode::kNotFound) return false;
  return std::unexpected(file.error());
}

// Of several folders, those that became volumes.
Result<std::vector<DriveFile>> OnlyComplete(DriveApi& api,
                                            std::vector<DriveFile> files) {
  std::vector<DriveFile> complete;
  for (DriveFile& file : files) {
    DRIVEROOT_ASSIGN_OR_RETURN(const bool has,
                               HasSuperblock(api, *LayoutOf(file)));
    if (has) complete.push_back(std::move(file));
  }
  return complete;
}

// Like SeveralVolumes(), of one or more in the trash; `remedy` ends the
// message.
Error InTrash(std::string_view name, const std::vector<DriveFile>& files,
              ErrorCode code, const std::string& remedy) {
  std::string message =
      "the volume " + Quoted(name) + " is in the trash of Google Drive, as";
  std::string_view separator = "";
  for (const DriveFile& file : files) {
    message += separator;
    message += " drive:id=" + file.id + " (made " + file.created_time + ")";
    separator = ", and";
  }
  return Error(code, message + ": " + remedy);
}

// Makes nobody think that a name is free while a volume of that name is in the
// trash.
Status CheckNoneInTrash(DriveApi& api, std::string_view name,
                        const FoundVolumes& found) {
  std::vector<DriveFile> complete;
  std::set<std::string> seen;
  for (const DriveFile& file : found.trashed) {
    if (!seen.insert(file.id).second) continue;
    const Result<DriveFile> superblock =
        api.Get(LayoutOf(file)->superblock, "id");
    if (superblock) complete.push_back(file);
    if (!superblock && superblock.error().code() != ErrorCode::kNotFound) {
      return std::unexpected(superblock.error());
    }
  }
  if (complete.empty()) return {};
  return std::unexpected(
      InTrash(name, complete, ErrorCode::kAlreadyExists,
              "restore it there, or delete it for good there, or choose "
              "another name; nothing was changed"));
}

Error SeveralVolumes(std::string_view name,
                     const std::vector<DriveFile>& files) {
  std::string message = "several volumes are named " + Quoted(name) + ":";
  for (const DriveFile& file : files) {
    message += " drive:id=" + file.id + " (made " + file.created_time + ")";
  }
  return Error(ErrorCode::kInvalidArgument, message + "; name one by its id");
}

// A volume that is there.
struct FoundVolume {
  DriveVolumeLayout layout;
  std::optional<std::string> superblock_copy = {};
};

// The one that is meant of those that have the name.
Result<FoundVolume> TheOnly(DriveApi& api, std::string_view name,
                            FoundVolumes found) {
  std::vector<DriveFile> files = std::move(found.folders);
  if (files.size() > 1) {
    DRIVEROOT_ASSIGN_OR_RETURN(files, OnlyComplete(api, std::move(files)));
    if (files.size() > 1) return std::unexpected(SeveralVolumes(name, files));
  }
  if (files.empty() && !found.trashed.empty()) {
    return std::unexpected(
        InTrash(name, found.trashed, ErrorCode::kNotFound,
                "restore its folder there, and it is as it was"));
  }
  if (files.empty()) return std::unexpected(NoVolume(name));
  FoundVolume volume{.layout = *LayoutOf(files.front())};
  const auto copy = found.superblocks.find(volume.layout.superblock);
  if (copy != found.superblocks.end()) {
    volume.superblock_copy = std::move(copy->second);
  }
  return volume;
}

Result<FoundVolume> FindByName(DriveApi& api, std::string_view name) {
  DRIVEROOT_RETURN_IF_ERROR(CheckName(name));
  DRIVEROOT_ASSIGN_OR_RETURN(FoundVolumes found,
                             FindVolumes(api, name, Search::kInTurn));
  return TheOnly(api, name, std::move(found));
}

Result<FoundVolume> FindById(DriveApi& api, std::string_view id) {
  if (!IsDriveId(id)) {
    return Fail(ErrorCode::kInvalidArgument,
                "drive:id=" + std::string(id) +
                    " is not the id of a Drive folder: it is the last part of "
                    "the folder's address in a browser");
  }
  const Result<DriveFile> file = api.Get(id, kVolumeFields);
  if (!file && file.error().code() == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kNotFound,
                "there is no folder drive:id=" + std::string(id) +
                    " that these credentials may see");
  }
  if (!file) return std::unexpected(file.error());
  if (file->trashed) {
    return Fail(ErrorCode::kNotFound,
                "the volume " + Quoted(file->name) +
                    " is in the trash of Google Drive: restore it there");
  }
  const std::optional<DriveVolumeLayout> layout =
      IsVolume(*file) ? LayoutOf(*file) : std::nullopt;
  if (!layout) {
    return Fail(ErrorCode::kInvalidArgument,
                "drive:id=" + std::string(id) + " (" + Quoted(file->name) +
                    ") is not a volume of driveroot, or another client id "
                    "made it");
  }
  return FoundVolume{.layout = *layout};
}

std::unique_ptr<DriveStore> Opened(std::shared_ptr<DriveClient> client,
                                   FoundVolume volume) {
  return std::make_unique<DriveStore>(std::move(client),
                                      std::move(volume.layout),
                                      std::move(volume.superblock_copy));
}

// Takes some of `ids`, which are fresh ones.
DriveVolumeLayout NewLayout(std::string_view name,
                            std::vector<std::string>& ids) {
  const auto take = [&ids] {
    std::string id = std::move(ids.back());
    ids.pop_back();
    return id;
  };
  DriveVolumeLayout layout{.name = std::string(name), .folder = take()};
  for (const Part& part : kParts) layout.*part.id = take();
  layout.segments = layout.folder;
  return layout;
}

// `ids` are fresh ones, for the folders and for what will be put there.
std::unique_ptr<DriveStore> MakeVolume(std::shared_ptr<DriveClient> client,
                                       std::string_view name,
                                       std::vector<std::string> ids) {
  const DriveVolumeLayout layout = NewLayout(name, ids);
  auto store = std::make_unique<DriveStore>(client, layout);
  // What will be stored is read and compressed meanwhile.
  const std::shared_future<Status> folder =
      std::async(std::launch::async, [client, layout] {
        return MakeVolumeFolder(client->api(), layout);
      }).share();
  const std::shared_future<Status> parts =
      std::async(std::launch::async, [client, layout, folder]() -> Status {
        DRIVEROOT_RETURN_IF_ERROR(folder.get());
        return MakePartFolders(client->api(), layout);
      }).share();
  store->ExpectNothing({.volume = folder, .parts = parts});
  store->AddIds(std::move(ids));
  return store;
}

}  // namespace

Status MakeVolumeFolder(DriveApi& api, const DriveVolumeLayout& layout) {
  NewDriveFile folder{.id = layout.folder,
                      .name = layout.name,
                      .mime_type = std::string(kFolderMimeType),
                      .app_properties = {{kMarkKey, kMarkValue}}};
  for (const Part& part : kParts) {
    folder.app_properties.emplace(part.key, layout.*part.id);
  }
  return api.CreateFolder(folder);
}

// All at the same time: each takes Drive most of a second.
Status MakePartFolders(DriveApi& api, const DriveVolumeLayout& layout) {
  std::vector<std::future<Status>> made;
  for (const Part& part : kParts) {
    const bool is_folder = part.folder_name != nullptr;
    if (!is_folder || layout.*part.id == layout.folder) continue;
    made.push_back(std::async(std::launch::async, [&api, &layout, &part] {
      return api.CreateFolder({.id = layout.*part.id,
                               .name = part.folder_name,
                               .parent = layout.folder,
                               .mime_type = std::string(kFolderMimeType)});
    }));
  }
  Status status;
  for (std::future<Status>& each : made) {
    const Status one = each.get();
    if (status) status = one;
  }
  return status;
}

Result<std::unique_ptr<ObjectStore>> CreateDriveVolume(
    std::shared_ptr<DriveClient> client, std::string_view volume) {
  if (volume.starts_with(kIdPrefix)) {
    return Fail(ErrorCode::kInvalidArgument,
                "a new volume needs a name, not an id: drive:NAME");
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckName(volume));
  DriveApi& api = client->api();
  DRIVEROOT_ASSIGN_OR_RETURN(const FoundVolumes volumes,
                             FindVolumes(api, volume, Search::kInTurn));
  const std::vector<DriveFile>& found = volumes.folders;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<DriveFile> complete,
                             OnlyComplete(api, found));
  if (!complete.empty()) {
    return Fail(ErrorCode::kAlreadyExists,
                "the volume " + Quoted(volume) +
                    " exists already (drive:id=" + complete.front().id + ")");
  }
  if (found.empty()) {
    DRIVEROOT_RETURN_IF_ERROR(CheckNoneInTrash(api, volume, volumes));
    DRIVEROOT_ASSIGN_OR_RETURN(std::vector<std::string> ids,
                               api.GenerateIds(kIdsForNewVolume));
    auto store = MakeVolume(std::move(client), volume, std::move(ids));
    DRIVEROOT_RETURN_IF_ERROR(store->AwaitFolders());
    return store;
  }
  // Of an attempt that was broken off.
  const DriveVolumeLayout layout = *LayoutOf(found.front());
  DRIVEROOT_RETURN_IF_ERROR(MakePartFolders(api, layout));
  return std::make_unique<DriveStore>(std::move(client), layout);
}

Result<std::unique_ptr<ObjectStore>> OpenOrCreateDriveVolume(
    std::shared_ptr<DriveClient> client, std::string_view volume) {
  if (volume.starts_with(kIdPrefix)) {
    return OpenDriveVolume(std::move(client), volume);
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckName(volume));
  DriveApi& api = client->api();
  // Whoever makes a volume and whoever writes to one needs ids.
  std::future<Result<std::vector<std::string>>> ids = std::async(
      std::launch::async, [&api] { return api.GenerateIds(kIdsForNewVolume); });
  Result<FoundVolumes> found = FindVolumes(api, volume, Search::kAtOnce);
  Result<std::vector<std::string>> fresh = ids.get();
  if (!found) return std::unexpected(std::move(found).error());
  if (!fresh) return std::unexpected(std::move(fresh).error());
  if (found->folders.empty()) {
    DRIVEROOT_RETURN_IF_ERROR(CheckNoneInTrash(api, volume, *found));
    return MakeVolume(std::move(client), volume, *std::move(fresh));
  }
  DRIVEROOT_ASSIGN_OR_RETURN(FoundVolume the_only,
                             TheOnly(api, volume, *std::move(found)));
  auto store = Opened(std::move(client), std::move(the_only));
  store->AddIds(*std::move(fresh));
  return store;
}

Result<std::unique_ptr<ObjectStore>> OpenDriveVolume(
    std::shared_ptr<DriveClient> client, std::string_view volume) {
  DriveApi& api = client->api();
  DRIVEROOT_ASSIGN_OR_RETURN(
      FoundVolume found, volume.starts_with(kIdPrefix)
                             ? FindById(api, volume.substr(kIdPrefix.size()))
                             : FindByName(api, volume));
  return Opened(std::move(client), std::move(found));
}

}  // namespace driveroot
