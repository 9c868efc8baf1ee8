// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/push.h"

#include <utility>

namespace driveroot {
namespace {

// Bytes before compression that are uploaded together: as little as makes a
// segment worth its requests, and a root in one.
constexpr uint64_t kBatchBytes = 128 << 20;

}  // namespace

Result<ImportSummary> PushTree(std::unique_ptr<ObjectStore> store,
                               const std::string& path, VolumeOptions options,
                               const ImportOptions& import_options,
                               const TransferObserver& observer) {
  // The source first: a wrong path must not make a volume.
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSource> source,
                             OpenTreeSource(path));
  options.read_only = false;
  options.make_if_missing = true;
  // A push that was broken off is not begun all over again.
  options.adopt_leftovers = true;
  options.single_transaction = true;
  // The open record and the data go out at the same time.
  options.open_in_background = true;
  // While one batch is on its way, the next is read and waits for the link.
  options.commit_bytes = kBatchBytes;
  options.max_unstored_bytes = 2 * kBatchBytes;
  options.segment_bytes = kBatchBytes / 2;
  options.compression = Compression::kThorough;
  // A command ends with an error instead of waiting for ever.
  options.wait_for_network = false;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(store), options));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const ImportSummary summary,
      ImportTree(*source, *volume, import_options, observer.tree));
  // Everything is in the closing record.
  DRIVEROOT_RETURN_IF_ERROR(volume->Close(observer.volume));
  return summary;
}

Result<ExportSummary> PullTree(std::unique_ptr<ObjectStore> store,
                               const std::string& path, VolumeOptions options,
                               const TransferObserver& observer) {
  options.read_only = true;
  // ExportTree knows better what comes next.
  options.read_ahead = false;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(store), options));
  // After the volume: one that cannot be read must not make a folder.
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSink> sink,
                             OpenTreeSink(path));
  return ExportTree(*volume, *sink, observer.tree);
}

}  // namespace driveroot
