// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/repair.h"

#include <utility>

#include "driveroot/volume/recovery.h"
#include "driveroot/volume/salvage.h"
#include "driveroot/volume/tree_check.h"
#include "driveroot/volume/writer_identity.h"

namespace driveroot {
namespace {

// Whoever has more than this many problems needs no list of all of them.
constexpr size_t kMaxSentences = 1000;

void Append(std::vector<std::string>& list, std::vector<std::string> more) {
  for (std::string& text : more) list.push_back(std::move(text));
}

// Makes a volume that cannot be opened one that can.
Result<std::vector<std::string>> SalvageIfLost(ObjectStore& store, bool steal) {
  std::vector<std::string> done;
  Metadata metadata;
  const Result<RecoveredLog> recovered = Recover(store, metadata);
  if (recovered) return done;
  if (recovered.error().code() != ErrorCode::kDataLoss) {
    return std::unexpected(recovered.error());
  }
  DRIVEROOT_ASSIGN_OR_RETURN(SalvageReport report,
                             Salvage(store, steal, NowNs()));
  done.push_back("began anew from checkpoint " +
                 std::to_string(report.checkpoint_record) + " and " +
                 std::to_string(report.records) + " records after it");
  for (const uint64_t sequence : report.lost_records) {
    done.push_back("log record " + std::to_string(sequence) +
                   " could not be used");
  }
  Append(done, std::move(report.done));
  return done;
}

}  // namespace

Result<std::vector<std::string>> RepairVolume(
    std::unique_ptr<ObjectStore> store, const VolumeOptions& options) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::vector<std::string> done,
                             SalvageIfLost(*store, options.steal));
  VolumeOptions for_repair = options;
  for_repair.for_repair = true;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(store), for_repair));
  {
    DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume->Write());
    Append(done, RepairTree(*lock, NowNs(), kMaxSentences));
  }
  DRIVEROOT_RETURN_IF_ERROR(volume->Close());
  return done;
}

}  // namespace driveroot
