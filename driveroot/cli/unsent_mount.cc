// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/unsent_mount.h"

#include <gflags/gflags.h>
#include <glog/logging.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <iostream>
#include <system_error>
#include <utility>
#include <vector>

#include "driveroot/unsent/apply.h"
#include "driveroot/volume/superblock.h"

DEFINE_string(
    unsent_dir, "",
    "where a mount keeps what it could not store when it ended, until the next "
    "mount of the volume stores it; default: /var/lib/driveroot/unsent for "
    "root, $XDG_STATE_HOME/driveroot/unsent for others. Where there is no "
    "/dev/log, warnings of a mount in the background go to the file `log` in "
    "it");

DECLARE_bool(steal);

namespace driveroot {
namespace {

// For what is written down without the store, even by a slow disk. After that
// whatever still waits for the store is broken off.
constexpr std::chrono::seconds kKeepTime(10);
// For what is fetched from a store that answers.
constexpr std::chrono::seconds kFetchTime(30);

constexpr char kHowToSee[] = "; `driveroot unsent list` tells more";

std::string Describe(const UnsentFolder& folder) {
  return "what the mount of " + folder.note.volume + " that ended at " +
         folder.note.ended + " could not store";
}

Status StoreFolder(ObjectStore& store, const UnsentFolder& folder,
                   const std::function<void(const std::string&)>& tell) {
  DRIVEROOT_ASSIGN_OR_RETURN(const UniqueFd lock, LockUnsent(folder));
  const Result<uint64_t> stored = ApplyUnsent(store, folder, FLAGS_steal);
  if (stored) {
    tell(Describe(folder) + (*stored > 0 ? " is stored now (log records: " +
                                               std::to_string(*stored) + ")"
                                         : " is on the store"));
    return DiscardUnsent(folder);
  }
  const ErrorCode code = stored.error().code();
  if (code == ErrorCode::kFenced || code == ErrorCode::kDataLoss) {
    tell(Describe(folder) + " is NOT stored: " + stored.error().message() +
         "; `driveroot unsent save " + folder.name +
         " FILE.tar` writes the files to an archive, `driveroot unsent "
         "discard " +
         folder.name + "` lets go of them");
    return {};
  }
  return Fail(code, Describe(folder) + " lies in " + folder.path +
                        " and comes before anything else that is written, but "
                        "cannot be stored now: " +
                        stored.error().message() +
                        ". Mount it with --read_only, or let go of it with "
                        "`driveroot unsent discard " +
                        folder.name + "`");
}

// Breaks off whatever waits for the network, now and later.
void CutOff(const Unsent& unsent) {
  if (unsent.drive != nullptr) unsent.drive->Cancel();
}

}  // namespace

Result<std::string> UnsentBaseFromFlags() {
  if (FLAGS_unsent_dir.empty()) return DefaultUnsentBase();
  std::error_code error;
  return std::filesystem::absolute(FLAGS_unsent_dir, error).string();
}

Status StoreUnsent(ObjectStore& store, const std::string& base,
                   const std::function<void(const std::string&)>& tell) {
  const Result<std::vector<UnsentFolder>> folders = ListUnsent(base);
  if (!folders) {
    LOG(WARNING) << folders.error();
    return {};
  }
  if (folders->empty()) return {};
  const Result<std::string> bytes = store.ReadSuperblock();
  // Whoever opens the volume says what is wrong with it.
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound) return {};
  if (!bytes) return std::unexpected(bytes.error());
  const Result<Superblock> superblock = ParseSuperblock(*bytes);
  if (!superblock) return {};
  for (const UnsentFolder& folder : *folders) {
    if (folder.note.uuid != superblock->uuid) continue;
    DRIVEROOT_RETURN_IF_ERROR(StoreFolder(store, folder, tell));
  }
  return {};
}

Status StoreUnsentFirst(ObjectStore& store) {
  const Result<std::string> base = UnsentBaseFromFlags();
  if (!base) return {};
  return StoreUnsent(store, *base, [](const std::string& text) {
    std::cerr << text << std::endl;
  });
}

KeptUnsent KeepUnsent(const Unsent& unsent, const std::string& base,
                      UnsentNote note, dev_t mount) {
  const VolumeStatus status = unsent.volume.GetStatus();
  note.uuid = status.uuid;
  KeptUnsent kept;
  kept.message =
      "the mount of " + note.volume + " at " + note.mount_point +
      " has ended, and not all that was written to it is on the store: " +
      note.reason + ". ";
  Result<std::unique_ptr<UnsentWriter>> writer =
      base.empty() ? Fail(ErrorCode::kNotFound,
                          "there is no folder for it; name one with "
                          "--unsent_dir=DIR")
                   : UnsentWriter::Make(base, note, mount);
  if (!writer) {
    kept.message += "It cannot be kept either: " + writer.error().message();
    return kept;
  }
  kept.tried = true;
  unsent.store.KeepFromNowOn([&](const ObjectId& id, ObjectKind kind,
                                 std::string_view name,
                                 std::string_view bytes) {
    return (*writer)->Add(id, kind, name, bytes);
  });
  std::future<Status> done = std::async(
      std::launch::async, [&unsent] { return unsent.volume.Keep(); });
  // Of a volume that was taken over, all that the store may lose is fetched
  // from it first; nothing of it can wait for the network.
  const bool in_time =
      status.fenced && done.wait_for(kKeepTime) == std::future_status::ready;
  if (!in_time) CutOff(unsent);
  Status result = done.get();
  if (result && in_time) {
    std::future<Status> added = std::async(std::launch::async, [&] {
      return AddSegments(unsent.store.base(), **writer);
    });
    if (added.wait_for(kFetchTime) != std::future_status::ready) CutOff(unsent);
    if (const Status fetched = added.get(); !fetched) {
      LOG(WARNING) << "not all that belongs to what is kept could be fetched: "
                   << fetched.error();
    }
    CutOff(unsent);
  }
  kept.message +=
      (result ? "What is missing is kept in "
              : "It could not be kept as a whole (" + result.error().message() +
                    "); what could be is in ") +
      (*writer)->path() + " (" + std::to_string((*writer)->bytes()) +
      " bytes)" +
      (status.fenced ? ", but does not fit the volume any more"
                     : "; the next mount of the volume on this "
                       "machine stores it") +
      kHowToSee;
  return kept;
}

void GiveUp(const Unsent& unsent) {
  unsent.store.KeepFromNowOn([](const ObjectId&, ObjectKind, std::string_view,
                                std::string_view) { return Status(); });
  std::future<Status> done = std::async(
      std::launch::async, [&unsent] { return unsent.volume.Keep(); });
  CutOff(unsent);
  done.wait();
}

}  // namespace driveroot
