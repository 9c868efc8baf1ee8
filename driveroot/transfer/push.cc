// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/push.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace driveroot {
namespace {

// Bytes before compression that are uploaded together: as little as makes a
// segment worth its requests, and all of a root but what goes ahead of it.
constexpr uint64_t kMaxBatchBytes = 128 << 20;
// One batch is on its way, one is compressed, and one is read meanwhile.
constexpr uint64_t kBatches = 3;
// Bytes of all these are in memory, and perhaps once more compressed.
constexpr uint64_t kMemoryShare = 8;

// The link has something to carry soon, while the large upload after it is
// being compressed and begun. What programs are made of compresses to a third:
// that goes in one request, up to 5 MB.
constexpr uint64_t kFirstBytes = 12 << 20;

uint64_t BatchBytes() {
  const auto pages = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES));
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return std::min(kMaxBatchBytes, pages * page / kMemoryShare / kBatches);
}

}  // namespace

Result<ImportSummary> PushTree(std::unique_ptr<ObjectStore> store,
                               const std::string& path, VolumeOptions options,
                               const ImportOptions& import_options,
                               const TransferObserver& observer) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSource> source,
                             OpenTreeSource(path));
  return PushTree(std::move(store), *source, options, import_options, observer);
}

Result<ImportSummary> PushTree(std::unique_ptr<ObjectStore> store,
                               TreeSource& source, VolumeOptions options,
                               const ImportOptions& import_options,
                               const TransferObserver& observer) {
  options.read_only = false;
  options.make_if_missing = true;
  // A push that was broken off is not begun all over again.
  options.adopt_leftovers = true;
  options.single_transaction = true;
  // The open record and the data go out at the same time.
  options.open_in_background = true;
  const uint64_t batch = BatchBytes();
  options.commit_bytes = batch;
  options.max_unstored_bytes = kBatches * batch;
  options.first_upload_bytes = std::min(kFirstBytes, batch);
  options.segment_bytes = kMaxBatchBytes / 2;
  options.compression = Compression::kThorough;
  // A command ends with an error instead of waiting for ever.
  options.wait_for_network = false;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(store), options));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const ImportSummary summary,
      ImportTree(source, *volume, import_options, observer.tree));
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
