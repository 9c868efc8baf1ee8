// SPDX-License-Identifier: Apache-2.0
//
// TestBed is the world of a VM test: a private network with a fake Drive
// (private_drive.h), volumes on it, and machines that boot from these with
// nothing but their credentials, over TLS, as they would from the real one.
//
// Everything worth a look after a failure lies below its output folder, which
// Bazel keeps with the test's outputs.
//
// Not thread-safe.
#ifndef DRIVEROOT_VMTEST_TESTBED_TESTBED_H_
#define DRIVEROOT_VMTEST_TESTBED_TESTBED_H_

#include <memory>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/machine/machine.h"
#include "vmtest/testbed/boot_phases.h"
#include "vmtest/testbed/image.h"
#include "vmtest/testbed/private_drive.h"

namespace driveroot::vmtest {

// What a machine gets besides its volume.
struct StartOptions {
  std::vector<std::string> disks;        // raw images, behind its own disk
  std::vector<std::string> mount_flags;  // of `driveroot mount`, for its root
  unsigned give_up_seconds = 0;          // of driveroot.config; 0: not given
  // MachineOptions's.
  std::string clock = {};
  bool dead_end_card = false;
};

class TestBed {
 public:
  // With a PrivateDrive of its own, under the same precondition.
  static Result<std::unique_ptr<TestBed>> Create(const Image& image,
                                                 const std::string& output_dir);

  // Machines beside a Drive that is there, in its output folder.
  static std::unique_ptr<TestBed> On(const Image& image,
                                     std::shared_ptr<PrivateDrive> drive);

  // PrivateDrive's.
  Result<std::string> Driveroot(const std::string& command,
                                const std::vector<std::string>& arguments) {
    return drive_->Driveroot(command, arguments);
  }

  // Has the machines started from now on use memory that is there at power-on,
  // where this user may (see MachineOptions::locked_memory), and says whether.
  bool LockMemory();

  // Starts a machine that boots from `volume`; its files go to the folder
  // `name` of the output folder.
  Result<std::unique_ptr<Machine>> Start(const std::string& name,
                                         const std::string& volume,
                                         const StartOptions& options = {});

  // The same, waits until it has printed "login:", and leaves a report.
  Result<std::unique_ptr<Machine>> Boot(const std::string& name,
                                        const std::string& volume,
                                        const StartOptions& options = {});

  // Starts a machine with the EFI file `uki` and disk images.
  Result<std::unique_ptr<Machine>> StartFromDisk(
      const std::string& name, const std::string& uki,
      const std::vector<std::string>& disks);

  // Leaves boot.html (see boot_report.h) among the files of the machine `name`,
  // whose boot has come to its login prompt.
  Status WriteBootReport(const std::string& name, const Machine& machine,
                         const std::vector<BootPhase>& phases) const;

  fakedrive::FakeDriveProcess& drive() { return drive_->drive(); }
  const PrivateDrive& private_drive() const { return *drive_; }
  Accelerator accelerator() const { return accelerator_; }
  const std::string& output_dir() const { return drive_->output_dir(); }

 private:
  TestBed(Image image, std::shared_ptr<PrivateDrive> drive)
      : image_(std::move(image)), drive_(std::move(drive)) {}

  Result<MachineOptions> MakeOptions(const std::string& name,
                                     const std::string& uki) const;

  Image image_;
  Accelerator accelerator_ = Accelerator::kEmulated;
  bool locked_memory_ = false;
  std::shared_ptr<PrivateDrive> drive_;
};

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_TESTBED_TESTBED_H_
