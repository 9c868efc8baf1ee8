// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/tree.h"

#include <filesystem>
#include <system_error>

#include "driveroot/transfer/directory_sink.h"
#include "driveroot/transfer/directory_source.h"
#include "driveroot/transfer/tar_tree.h"

namespace driveroot {

Result<std::unique_ptr<TreeSource>> OpenTreeSource(const std::string& path) {
  std::error_code error;
  if (path != "-" && std::filesystem::is_directory(path, error)) {
    return DirectorySource::Open(path);
  }
  return OpenTarSource(path);
}

Result<std::unique_ptr<TreeSink>> OpenTreeSink(const std::string& path) {
  if (path == "-" || path.ends_with(".tar")) return CreateTarSink(path);
  return DirectorySink::Create(path);
}

}  // namespace driveroot
