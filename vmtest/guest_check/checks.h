// SPDX-License-Identifier: Apache-2.0
//
// What is looked at inside a machine that booted from driveroot. Each check
// returns nothing, or what is wrong. They run as root on the booted system and
// leave nothing behind but below the folder that they are given.
#ifndef DRIVEROOT_VMTEST_GUEST_CHECK_CHECKS_H_
#define DRIVEROOT_VMTEST_GUEST_CHECK_CHECKS_H_

#include <functional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::vmtest {

struct Check {
  std::string name;
  std::function<Status()> run;
};

// The files' semantics, in a fresh folder `scratch` on the root file system.
// `self` is this program, a copy of which is made setuid.
std::vector<Check> FileChecks(const std::string& scratch,
                              const std::string& self);

// The system: the root's type, systemd, namespaces, names.
std::vector<Check> SystemChecks();

// Runs a program of the system and returns what it prints; kIo, with that, when
// it ends with another code than 0.
Result<std::string> Run(const std::vector<std::string>& command);

// A failed Status with `message` unless `condition` holds.
Status Expect(bool condition, const std::string& message);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_GUEST_CHECK_CHECKS_H_
