// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/block_device_info.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <sys/sysmacros.h>

#include <format>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot {
namespace {

// One request of the largest size (256 pages).
constexpr char kReadAheadKilobytes[] = "1024";
// Percent of the memory for dirty pages; FUSE begins with 1, which makes
// writers through mappings wait for each other.
constexpr char kMaxRatio[] = "20";

void Set(const std::string& folder, std::string_view name,
         std::string_view value) {
  const std::string path = std::format("{}/{}", folder, name);
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  Status status;
  if (file.valid()) {
    status = WriteFully(file.get(), value, path);
  } else {
    status = std::unexpected(Error::FromErrno(errno, "cannot open " + path));
  }
  if (!status) LOG(INFO) << status.error();
}

}  // namespace

void TuneBlockDeviceInfo(dev_t device) {
  const std::string folder =
      std::format("/sys/class/bdi/{}:{}", major(device), minor(device));
  Set(folder, "read_ahead_kb", kReadAheadKilobytes);
  Set(folder, "max_ratio", kMaxRatio);
}

}  // namespace driveroot
