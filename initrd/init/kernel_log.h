// SPDX-License-Identifier: Apache-2.0
//
// The last words of a process: what processes wrote to the kernel's log, where
// the output of the daemon goes.
//
// KernelLogReader is not thread-safe.
#ifndef INITRD_INIT_KERNEL_LOG_H_
#define INITRD_INIT_KERNEL_LOG_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/unique_fd.h"

namespace driveroot {

// The text of one record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg in
// the kernel's source) that a process wrote as its output, or nothing if it is
// of the kernel itself or of init's console.
std::optional<std::string> ParseProcessRecord(std::string_view record);

class KernelLogReader {
 public:
  // Sees what is written from now on.
  KernelLogReader();

  // The last `count` lines of processes since the last call.
  std::vector<std::string> TakeLastLines(size_t count);

 private:
  UniqueFd fd_;
};

}  // namespace driveroot

#endif  // INITRD_INIT_KERNEL_LOG_H_
