// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <chrono>
#include <iostream>
#include <utility>

#include "driveroot/base/json_writer.h"
#include "driveroot/cli/commands.h"
#include "driveroot/cli/progress_bar.h"
#include "driveroot/cli/retention_flags.h"
#include "driveroot/cli/unsent_mount.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/volume/free_space.h"
#include "driveroot/volume/volume.h"
#include "driveroot/volume/writer_identity.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

DECLARE_bool(json);
DECLARE_bool(steal);

namespace driveroot {
namespace {

std::string Json(const GarbageReport& report) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  const std::pair<const char*, uint64_t> numbers[] = {
      {"frames_moved", report.frames_moved},
      {"bytes_moved", report.bytes_moved},
      {"bytes_rewritten", report.bytes_rewritten},
      {"bytes_written", report.bytes_written},
      {"segments_written", report.segments_written},
      {"damaged_frames", report.damaged_frames},
      {"checkpoints_dropped", report.checkpoints_dropped},
      {"objects_deleted", report.objects_deleted},
      {"bytes_deleted", report.bytes_deleted},
      {"present_bytes", report.present_bytes},
      {"live_bytes", report.live_bytes},
      {"past_bytes", report.past_bytes}};
  for (const auto& [key, number] : numbers) PutMember(writer, key, number);
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

// What could still be given up, if anything.
std::string HintAtPast(const GarbageReport& report) {
  if (report.past_bytes == 0) return "";
  return "; " + FormatBytes(report.past_bytes) +
         " are kept for past states: --keep_hours=0 --keep_days=0 gives them "
         "up";
}

// Opens the volume, and if its store has no room for that makes some first.
// `freed` tells what was deleted for it.
Result<std::unique_ptr<Volume>> OpenWithRoom(const VolumeName& name,
                                             std::unique_ptr<ObjectStore> store,
                                             const VolumeOptions& options,
                                             GarbageReport& freed) {
  Result<std::unique_ptr<Volume>> volume =
      Volume::Open(std::move(store), options);
  if (volume || volume.error().code() != ErrorCode::kOutOfSpace) return volume;
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore again,
                             OpenStore(name, Patience::kCommand));
  DRIVEROOT_ASSIGN_OR_RETURN(
      freed, FreeWithoutWriting(*again.store, RetentionFromFlags(),
                                options.steal, NowNs()));
  volume = Volume::Open(std::move(again.store), options);
  if (volume || volume.error().code() != ErrorCode::kOutOfSpace) return volume;
  return Fail(ErrorCode::kOutOfSpace,
              volume.error().message() + "; " +
                  FormatBytes(freed.bytes_deleted) +
                  " were deleted, and that is not enough: give up past states "
                  "with --keep_hours=0 --keep_days=0");
}

Status CollectGarbage(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  DRIVEROOT_RETURN_IF_ERROR(StoreUnsentFirst(*opened.store));
  VolumeOptions options;
  options.steal = FLAGS_steal;
  options.wait_for_network = false;
  GarbageReport freed;
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::unique_ptr<Volume> volume,
      OpenWithRoom(name, std::move(opened.store), options, freed));
  ProgressBar bar = ProgressBar::ForStandardError();
  GarbageOptions garbage{.retention = RetentionFromFlags(),
                         .delete_first = true};
  garbage.progress = [&bar](uint64_t done, uint64_t total) {
    bar.Update("moving data", done, total);
  };
  Result<GarbageReport> report = volume->CollectGarbage(garbage);
  const Status closed = volume->Close();
  bar.Finish();
  if (!report) return std::unexpected(report.error());
  DRIVEROOT_RETURN_IF_ERROR(closed);
  report->objects_deleted += freed.objects_deleted;
  report->bytes_deleted += freed.bytes_deleted;
  report->checkpoints_dropped += freed.checkpoints_dropped;
  if (FLAGS_json) {
    std::cout << Json(*report) << std::endl;
    return {};
  }
  std::cout << name.ToString() << ": " << FormatBytes(report->bytes_deleted)
            << " in " << report->objects_deleted << " objects deleted, "
            << FormatBytes(report->bytes_moved) << " moved; "
            << FormatBytes(report->present_bytes) << " hold "
            << FormatBytes(report->live_bytes) << " of the present, "
            << FormatBytes(report->past_bytes) << " are kept for the past"
            << std::endl;
  if (report->out_of_space) {
    std::cout << name.ToString()
              << ": what is left could not be moved together, since the store "
                 "is full"
              << HintAtPast(*report) << std::endl;
  }
  if (report->damaged_frames == 0) return {};
  return Fail(ErrorCode::kDataLoss,
              std::to_string(report->damaged_frames) +
                  " pieces of data are damaged and stay where they are; "
                  "`driveroot fsck` names the files");
}

}  // namespace

Command GcCommand() {
  return {.name = "gc",
          .arguments = "VOLUME",
          .summary = "give back the space of what is no longer needed",
          .details =
              "Mounted volumes do this by themselves when they are idle. With "
              "--keep_hours=0 --keep_days=0 nothing of the past stays but what "
              "is less than an hour old. The volume must not be mounted. On a "
              "full store it deletes first, and moves data only if there is "
              "room for that then.",
          .min_arguments = 1,
          .max_arguments = 1,
          .flags = WithDriveFlags({"keep_hours", "keep_days", "keep_percent",
                                   "json", "steal", "unsent_dir"}),
          .run = CollectGarbage};
}

}  // namespace driveroot
