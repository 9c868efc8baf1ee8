// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <format>
#include <iostream>
#include <map>

#include "driveroot/base/json_writer.h"
#include "driveroot/cli/commands.h"
#include "driveroot/cli/history_point_text.h"
#include "driveroot/cli/progress_bar.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/volume/history.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

DEFINE_bool(all, false, "show every record that is kept");
DECLARE_bool(json);

namespace driveroot {
namespace {

// Without --all so many records are shown at least, if there are.
constexpr uint64_t kRecords = 32;

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

const char* TypeName(RecordType type) {
  switch (type) {
    case RecordType::kOpen:
      return "open";
    case RecordType::kCommit:
      return "commit";
    case RecordType::kClose:
      return "close";
  }
  return "unknown";
}

std::string Json(const VolumeHistory& history) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  PutMember(writer, "uuid", history.uuid);
  PutMember(writer, "newest_record", history.newest_record);
  PutMember(writer, "records_from", history.records_from);
  PutMember(writer, "live_bytes", history.live_bytes);
  PutMember(writer, "present_bytes", history.present_bytes);
  PutMember(writer, "past_bytes", history.past_bytes);
  writer.Key("checkpoints");
  writer.StartArray();
  for (const KeptCheckpoint& checkpoint : history.checkpoints) {
    writer.StartObject();
    PutMember(writer, "record", checkpoint.sequence);
    PutMember(writer, "time", FormatTime(checkpoint.sealed_at));
    PutMember(writer, "bytes", checkpoint.size);
    PutMember(writer, "id", checkpoint.id);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("records");
  writer.StartArray();
  for (const HistoryRecord& record : history.records) {
    writer.StartObject();
    PutMember(writer, "record", record.header.sequence);
    PutMember(writer, "time", FormatTime(record.header.sealed_at));
    PutMember(writer, "type", TypeName(record.header.type));
    PutMember(writer, "epoch", record.header.epoch);
    PutMember(writer, "host", record.header.writer.host_name);
    PutMember(writer, "boot_id", record.header.writer.boot_id);
    PutMember(writer, "process", record.header.writer.process);
    PutMember(writer, "bytes", record.bytes);
    PutMember(writer, "inodes", record.inodes);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

void PrintText(const VolumeHistory& history) {
  // What happened, by record; a checkpoint comes after the record of its
  // number.
  std::multimap<uint64_t, std::string> lines;
  for (const HistoryRecord& record : history.records) {
    lines.emplace(
        record.header.sequence,
        std::format("{:>10}  {}  {:<10} {:>9}  {} inodes by {}",
                    record.header.sequence, FormatTime(record.header.sealed_at),
                    TypeName(record.header.type), FormatBytes(record.bytes),
                    record.inodes, record.header.writer.host_name));
  }
  for (const KeptCheckpoint& checkpoint : history.checkpoints) {
    lines.emplace(checkpoint.sequence,
                  std::format("{:>10}  {}  {:<10} {:>9}", checkpoint.sequence,
                              FormatTime(checkpoint.sealed_at), "checkpoint",
                              FormatBytes(checkpoint.size)));
  }
  for (const auto& [sequence, line] : lines) std::cout << line << "\n";
  std::cout << "every record from " << history.records_from
            << " on can be mounted with --at; "
            << FormatBytes(history.past_bytes) << " are kept for the past, "
            << FormatBytes(history.present_bytes) << " hold "
            << FormatBytes(history.live_bytes) << " of the present"
            << std::endl;
}

Status Log(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(const OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeHistory history,
                             ReadHistory(*opened.store, FLAGS_all, kRecords));
  if (FLAGS_json) {
    std::cout << Json(history) << std::endl;
  } else {
    PrintText(history);
  }
  return {};
}

}  // namespace

Command LogCommand() {
  return {.name = "log",
          .arguments = "VOLUME",
          .summary = "show a volume's past: its records and kept checkpoints",
          .details =
              "Each line has the number that `mount --at` and `rollback` take, "
              "the time, and the size. Older checkpoints are kept without the "
              "records after them, and are points of the past by themselves.",
          .min_arguments = 1,
          .max_arguments = 1,
          .flags = WithDriveFlags({"all", "json"}),
          .run = Log};
}

}  // namespace driveroot
