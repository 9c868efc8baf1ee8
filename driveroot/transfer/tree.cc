// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/tree.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "driveroot/base/tar/compression.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/transfer/directory_sink.h"
#include "driveroot/transfer/directory_source.h"
#include "driveroot/transfer/image_source.h"
#include "driveroot/transfer/tar_tree.h"

namespace driveroot {

Status TreeSink::WriteHole(uint64_t bytes) {
  static constexpr char kZeros[64 * 1024] = {};
  while (bytes > 0) {
    const uint64_t count = std::min<uint64_t>(bytes, sizeof(kZeros));
    DRIVEROOT_RETURN_IF_ERROR(WriteData(std::string_view(kZeros, count)));
    bytes -= count;
  }
  return {};
}

Result<std::unique_ptr<TreeSource>> OpenTreeSource(
    const std::string& path, const TreeSourceOptions& options) {
  std::error_code error;
  if (path != "-" && std::filesystem::is_directory(path, error)) {
    std::unique_ptr<ImageMembers> members = MembersOfFolder(
        UniqueFd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)));
    if (IsImage(*members)) return OpenImage(std::move(members), path);
    return DirectorySource::Open(path, options);
  }
  return OpenTarSource(path);
}

Result<std::unique_ptr<TreeSink>> OpenTreeSink(const std::string& path) {
  if (path == "-") return CreateTarSink(path, Compressed::kNot);
  std::error_code error;
  if (path.ends_with('/') || std::filesystem::is_directory(path, error)) {
    return DirectorySink::Create(path);
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<Compressed> archive,
                             CompressionOfName(path));
  if (archive) return CreateTarSink(path, *archive);
  return DirectorySink::Create(path);
}

}  // namespace driveroot
