// SPDX-License-Identifier: Apache-2.0
//
// The demo: a Debian system that boots from a fake Google Drive in a virtual
// machine, in the user's terminal. What is written on it is there at the next
// run, since the Drive is kept in a folder.
//
// Not thread-safe.
#ifndef DRIVEROOT_VMTEST_DEMO_DEMO_H_
#define DRIVEROOT_VMTEST_DEMO_DEMO_H_

#include <memory>
#include <string>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/machine/machine.h"
#include "vmtest/testbed/image.h"

namespace driveroot::vmtest {

class Demo {
 public:
  // `state_dir` is where the Drive is kept; made if need be.
  Demo(Image image, std::string state_dir)
      : image_(std::move(image)), state_dir_(std::move(state_dir)) {}

  // Starts the Drive, and puts the root tree on it unless it is there.
  Status Prepare();

  // Boots in the caller's terminal and returns when the machine is off.
  Status RunInTerminal();

  // Boots without a terminal, waits for the login prompt, logs in, powers off,
  // and prints how long each phase took.
  Status Check();

 private:
  Status PushUnlessThere();
  Result<MachineOptions> MakeOptions() const;

  Image image_;
  std::string state_dir_;
  std::unique_ptr<fakedrive::FakeDriveProcess> drive_;
};

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_DEMO_DEMO_H_
