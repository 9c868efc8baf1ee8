// SPDX-License-Identifier: Apache-2.0
//
// The links and records of update-alternatives(1) in a root tree.
// Not thread-safe.
#ifndef TOOLS_MKROOT_ALTERNATIVES_H_
#define TOOLS_MKROOT_ALTERNATIVES_H_

#include <map>
#include <string>

#include "driveroot/base/result.h"
#include "tools/mkroot/tree.h"

namespace driveroot {

// One generic name with the one program that provides it.
struct Alternative {
  struct Slave {
    std::string link;
    std::string target;
  };
  std::string name;                     // "awk"
  std::string link;                     // "/usr/bin/awk"
  std::string target;                   // "/usr/bin/mawk"
  std::string priority;                 // "5"
  std::map<std::string, Slave> slaves;  // By name.
};

// Links `alternative` in automatic mode. Fails when its target is not there;
// slaves whose target is not there are recorded and not linked, as
// update-alternatives does it.
Status InstallAlternative(const Alternative& alternative, Tree* tree);

}  // namespace driveroot

#endif  // TOOLS_MKROOT_ALTERNATIVES_H_
