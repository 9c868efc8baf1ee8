// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/unsent_mount.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/transfer/export.h"
#include "driveroot/transfer/tree.h"
#include "driveroot/unsent/apply.h"
#include "driveroot/volume/volume.h"

namespace driveroot {
namespace {

Result<UnsentFolder> FindFolder(const std::string& name) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string base, UnsentBaseFromFlags());
  DRIVEROOT_ASSIGN_OR_RETURN(std::vector<UnsentFolder> folders,
                             ListUnsent(base));
  const auto found = std::ranges::find(folders, name, &UnsentFolder::name);
  if (found != folders.end()) return std::move(*found);
  return Fail(ErrorCode::kNotFound,
              "there is no " + name + " in " + base +
                  "; `driveroot unsent list` shows what there is");
}

Status List() {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string base, UnsentBaseFromFlags());
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<UnsentFolder> folders,
                             ListUnsent(base));
  for (const UnsentFolder& folder : folders) {
    std::cout << folder.name << "\n  volume: " << folder.note.volume
              << "\n  mounted at: " << folder.note.mount_point
              << "\n  ended: " << folder.note.ended
              << "\n  bytes: " << folder.bytes
              << "\n  why: " << folder.note.reason << "\n";
    const Result<UnsentRecords> records = ReadUnsentRecords(folder);
    if (records) {
      std::cout << "  changed entries: " << InodesOf(*records).size() << "\n";
    } else {
      std::cout << "  damaged: " << records.error().message() << "\n";
    }
  }
  if (folders.empty()) std::cout << "nothing unsent in " << base << "\n";
  return {};
}

// As the volume was at the end of the mount: its state before, of which the
// store still knows, and the records on top of it.
Status Save(const UnsentFolder& folder, const std::string& file) {
  DRIVEROOT_ASSIGN_OR_RETURN(const UnsentRecords records,
                             ReadUnsentRecords(folder));
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(folder.note.volume));
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  auto overlay =
      std::make_unique<UnsentOverlay>(std::move(opened.store), folder);
  UnsentOverlay* const view = overlay.get();
  VolumeOptions options;
  options.at = AtRecord{records.records.front().header.sequence - 1};
  options.unsent_records = records.bytes;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(overlay), options));
  view->ShowRecords();
  std::set<InodeNumber> inodes = InodesOf(records);
  std::erase_if(inodes, [&](InodeNumber number) {
    return volume->Read()->Find(number) == nullptr;
  });
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSink> sink,
                             OpenTreeSink(file));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const ExportSummary summary,
      ExportInodes(*volume, *sink, inodes, [](const TransferProgress&) {}));
  std::cout << "saved " << summary.entries << " entries to " << file
            << std::endl;
  return {};
}

Status Discard(const UnsentFolder& folder) {
  DRIVEROOT_ASSIGN_OR_RETURN(const UniqueFd lock, LockUnsent(folder));
  return DiscardUnsent(folder);
}

Status RunUnsent(const std::vector<std::string>& arguments) {
  const std::string& what = arguments[0];
  if (what == "list" && arguments.size() == 1) return List();
  if (what == "save" && arguments.size() == 3) {
    if (!arguments[2].ends_with(".tar")) {
      return Fail(
          ErrorCode::kInvalidArgument,
          arguments[2] + " is no name of an archive: it must end in .tar");
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const UnsentFolder folder,
                               FindFolder(arguments[1]));
    return Save(folder, arguments[2]);
  }
  if (what == "discard" && arguments.size() == 2) {
    DRIVEROOT_ASSIGN_OR_RETURN(const UnsentFolder folder,
                               FindFolder(arguments[1]));
    return Discard(folder);
  }
  return Fail(ErrorCode::kInvalidArgument,
              "say `unsent list`, `unsent save NAME FILE.tar` or `unsent "
              "discard NAME`");
}

}  // namespace

Command UnsentCommand() {
  return {.name = "unsent",
          .arguments = "list | save NAME FILE.tar | discard NAME",
          .summary = "what mounts could not store when they ended",
          .details =
              "A mount that ends while its store takes nothing (a full Drive, "
              "credentials that are no longer good, no network, another host "
              "that took the volume over) keeps what is missing there in a "
              "folder of this machine (--unsent_dir), at most what it held "
              "unstored in memory. The next mount of the volume on this "
              "machine stores it exactly as it was and removes it, unless the "
              "volume was changed from elsewhere meanwhile.\n\n"
              "save: writes the files that changed, with the directories that "
              "lead to them, to an archive; it needs the volume for what was "
              "stored before. discard: lets go of it.",
          .min_arguments = 1,
          .max_arguments = 3,
          .flags = WithDriveFlags({"unsent_dir"}),
          .run = RunUnsent};
}

}  // namespace driveroot
