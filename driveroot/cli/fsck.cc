// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <iostream>
#include <utility>

#include "driveroot/base/json_writer.h"
#include "driveroot/cli/commands.h"
#include "driveroot/cli/progress_bar.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/volume/check.h"
#include "driveroot/volume/repair.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

DEFINE_bool(data, true, "read all data and check its hashes, too");
DEFINE_bool(repair, false,
            "mend what can be mended; nothing is removed, and what lost its "
            "name gets one in /lost+found");
DECLARE_bool(json);
DECLARE_bool(steal);

namespace driveroot {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void PutTexts(Writer& writer, const char* key,
              const std::vector<std::string>& texts) {
  writer.Key(key);
  writer.StartArray();
  for (const std::string& text : texts) {
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  }
  writer.EndArray();
}

std::string Json(const CheckReport& report,
                 const std::vector<std::string>& repairs) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  PutMember(writer, "ok", report.problems.empty());
  const std::pair<const char*, uint64_t> numbers[] = {
      {"inodes", report.inodes},
      {"directories", report.directories},
      {"orphans", report.orphans},
      {"data_bytes", report.data_bytes},
      {"records", report.records},
      {"objects", report.objects},
      {"frames", report.frames},
      {"bytes_read", report.bytes_read},
      {"unreferenced_objects", report.unreferenced_objects},
      {"unreferenced_bytes", report.unreferenced_bytes},
      {"more_problems", report.more_problems}};
  for (const auto& [key, number] : numbers) PutMember(writer, key, number);
  PutTexts(writer, "notes", report.notes);
  PutTexts(writer, "problems", report.problems);
  PutTexts(writer, "repairs", repairs);
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

void PrintText(const VolumeName& name, const CheckReport& report,
               const std::vector<std::string>& repairs) {
  for (const std::string& text : repairs) {
    std::cout << "repaired: " << text << "\n";
  }
  for (const std::string& text : report.notes) {
    std::cout << "note: " << text << "\n";
  }
  for (const std::string& text : report.problems) std::cout << text << "\n";
  std::cout << name.ToString() << ": " << report.inodes << " inodes, "
            << report.directories << " directories, "
            << FormatBytes(report.data_bytes) << " of data in " << report.frames
            << " frames of " << report.objects << " objects\n";
  if (report.unreferenced_objects > 0) {
    std::cout << report.unreferenced_objects << " objects with "
              << FormatBytes(report.unreferenced_bytes)
              << " belong to no state; `driveroot gc` deletes them\n";
  }
  if (report.problems.empty()) {
    std::cout << "no problem found" << (FLAGS_data ? "" : "; data was not read")
              << "\n";
  }
  std::cout << std::flush;
}

Result<CheckReport> Check(ObjectStore& store) {
  ProgressBar bar = ProgressBar::ForStandardError();
  CheckOptions options;
  options.verify_data = FLAGS_data;
  options.progress = [&bar](const VolumeProgress& progress) {
    bar.Update(progress.what, progress.done, progress.total);
  };
  Result<CheckReport> report = CheckVolume(store, options);
  bar.Finish();
  return report;
}

Result<std::vector<std::string>> Repair(const VolumeName& name) {
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  VolumeOptions options;
  options.steal = FLAGS_steal;
  options.wait_for_network = false;
  return RepairVolume(std::move(opened.store), options);
}

Status Fsck(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(const OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  DRIVEROOT_ASSIGN_OR_RETURN(CheckReport report, Check(*opened.store));
  std::vector<std::string> repairs;
  if (FLAGS_repair) {
    Result<std::vector<std::string>> repaired = Repair(name);
    // Without a problem that can be seen there may be one that only writing
    // shows; but then it need not be taken from whoever has it.
    const bool may_wait = !repaired && report.problems.empty() &&
                          repaired.error().code() == ErrorCode::kBusy;
    if (!repaired && !may_wait) return std::unexpected(repaired.error());
    if (repaired) repairs = *std::move(repaired);
    if (!repairs.empty()) {
      // Anew: superblock.json may lie elsewhere now.
      DRIVEROOT_ASSIGN_OR_RETURN(const OpenedStore again,
                                 OpenStore(name, Patience::kCommand));
      DRIVEROOT_ASSIGN_OR_RETURN(report, Check(*again.store));
    }
  }
  if (FLAGS_json) {
    std::cout << Json(report, repairs) << std::endl;
  } else {
    PrintText(name, report, repairs);
  }
  const uint64_t problems = report.problems.size() + report.more_problems;
  if (problems == 0) return {};
  return Fail(
      ErrorCode::kDataLoss,
      std::to_string(problems) +
          (problems == 1 ? " problem in " : " problems in ") + name.ToString() +
          (FLAGS_repair ? " are left" : "; --repair mends what can be mended"));
}

}  // namespace

Command FsckCommand() {
  return {.name = "fsck",
          .arguments = "VOLUME",
          .summary = "check a volume, and mend it if told to",
          .details =
              "Without --repair nothing is changed, and the volume may be "
              "mounted. With it the volume must not be: a tree that is none is "
              "made one, and a volume whose checkpoints or log are damaged "
              "begins anew from what is left of them. It is also for a volume "
              "in which nothing is found, but that cannot be written to.",
          .min_arguments = 1,
          .max_arguments = 1,
          .flags = WithDriveFlags({"data", "json", "repair", "steal"}),
          .run = Fsck};
}

}  // namespace driveroot
