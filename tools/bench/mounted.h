// SPDX-License-Identifier: Apache-2.0
//
// A mounted file system for as long as the object lives. Not thread-safe.
#ifndef DRIVEROOT_TOOLS_BENCH_MOUNTED_H_
#define DRIVEROOT_TOOLS_BENCH_MOUNTED_H_

#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/process/process.h"
#include "vmtest/testbed/private_drive.h"

namespace driveroot::bench {

class Mounted {
 public:
  // `driveroot mount`, with `flags`, of a volume on the folder `folder`, which
  // is made; returns when it is mounted.
  static Result<Mounted> Volume(const vmtest::PrivateDrive& drive,
                                const std::string& volume,
                                const std::string& folder,
                                const std::vector<std::string>& flags = {});

  // A program that mounts something on `folder`, which is made, and serves it
  // until SIGTERM; returns when something is mounted there.
  static Result<Mounted> By(const vmtest::ProcessOptions& program,
                            const std::string& folder);

  Mounted(Mounted&&) = default;
  Mounted& operator=(Mounted&&) = delete;
  ~Mounted();  // As Unmount(), without a word when that fails.

  const std::string& folder() const { return folder_; }
  // From the start of the program.
  double seconds_to_mount() const { return seconds_; }

  // Unmounts, and waits until the program has ended.
  Status Unmount();

 private:
  Mounted(vmtest::Process process, std::string folder, double seconds)
      : process_(std::move(process)),
        folder_(std::move(folder)),
        seconds_(seconds) {}

  vmtest::Process process_;
  std::string folder_;  // empty: not mounted any more
  double seconds_ = 0;
};

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_MOUNTED_H_
