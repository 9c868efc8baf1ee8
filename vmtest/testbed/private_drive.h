// SPDX-License-Identifier: Apache-2.0
//
// PrivateDrive is a private network in which Google's names lead to a fake
// Drive, for programs of this machine and for guests, and nowhere else.
//
// Not thread-safe.
#ifndef DRIVEROOT_VMTEST_TESTBED_PRIVATE_DRIVE_H_
#define DRIVEROOT_VMTEST_TESTBED_PRIVATE_DRIVE_H_

#include <memory>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/network/name_server.h"
#include "vmtest/testbed/programs.h"

namespace driveroot::vmtest {

class PrivateDrive {
 public:
  // The Drive is kept in `output_dir`, which is made. `flags` are more flags of
  // fakedrive, e.g. a slow link. Precondition: the process has one thread; it
  // and all that it starts are in the private network from then on.
  static Result<std::unique_ptr<PrivateDrive>> Start(
      const Programs& programs, const std::string& output_dir,
      const std::vector<std::string>& flags = {});

  // The arguments that run a sub-command of driveroot against the fake Drive,
  // the program first, with `arguments` behind the sub-command.
  std::vector<std::string> Arguments(
      const std::string& command,
      const std::vector<std::string>& arguments) const;

  // Runs it to its end; returns what it printed.
  Result<std::string> Driveroot(
      const std::string& command,
      const std::vector<std::string>& arguments) const;

  // A JSON line for each request, as it ended.
  std::string RequestLog() const { return output_dir_ + "/requests.log"; }

  fakedrive::FakeDriveProcess& drive() { return *drive_; }
  const Programs& programs() const { return programs_; }
  const std::string& output_dir() const { return output_dir_; }

 private:
  PrivateDrive(Programs programs, std::string output_dir)
      : programs_(std::move(programs)), output_dir_(std::move(output_dir)) {}

  const Programs programs_;
  const std::string output_dir_;
  std::unique_ptr<NameServer> names_;
  std::unique_ptr<fakedrive::FakeDriveProcess> drive_;
};

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_TESTBED_PRIVATE_DRIVE_H_
