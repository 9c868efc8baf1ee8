// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/push.h"

#include <utility>

namespace driveroot {
namespace {

Status FormatUnlessThere(ObjectStore& store) {
  const Status formatted = Volume::Format(store, FormatOptions{});
  if (!formatted && formatted.error().code() != ErrorCode::kAlreadyExists) {
    return formatted;
  }
  return {};
}

}  // namespace

Result<ImportSummary> PushTree(std::unique_ptr<ObjectStore> store,
                               const std::string& path, VolumeOptions options,
                               const TransferObserver& observer) {
  // The source first: a wrong path must not make a volume.
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSource> source,
                             OpenTreeSource(path));
  DRIVEROOT_RETURN_IF_ERROR(FormatUnlessThere(*store));
  options.read_only = false;
  options.single_transaction = true;
  // A command ends with an error instead of waiting for ever.
  options.wait_for_network = false;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(store), options));
  DRIVEROOT_ASSIGN_OR_RETURN(const ImportSummary summary,
                             ImportTree(*source, *volume, observer.tree));
  DRIVEROOT_RETURN_IF_ERROR(volume->Sync(observer.volume));
  DRIVEROOT_RETURN_IF_ERROR(volume->Close(observer.volume));
  return summary;
}

Result<ExportSummary> PullTree(std::unique_ptr<ObjectStore> store,
                               const std::string& path, VolumeOptions options,
                               const TransferObserver& observer) {
  options.read_only = true;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(store), options));
  // After the volume: one that cannot be read must not make a folder.
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSink> sink,
                             OpenTreeSink(path));
  return ExportTree(*volume, *sink, observer.tree);
}

}  // namespace driveroot
