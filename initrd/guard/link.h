// SPDX-License-Identifier: Apache-2.0
//
// The network under the root file system, kept alive to the end: some inits
// take every interface down before they stop the machine (halt -i).
//
// Not thread-safe.
#ifndef INITRD_GUARD_LINK_H_
#define INITRD_GUARD_LINK_H_

#include <string>

#include "driveroot/base/result.h"
#include "initrd/dhcp/lease.h"

namespace driveroot {

class Link {
 public:
  // Of the interface of `lease`, which must be there: udev may give it another
  // name later.
  explicit Link(Lease lease);

  // Switches the interface on, and gives it its address and the route to the
  // router, where one of them is missing. What is in order is left alone.
  Status Restore() const;

 private:
  const Lease lease_;
  const unsigned index_;
};

}  // namespace driveroot

#endif  // INITRD_GUARD_LINK_H_
