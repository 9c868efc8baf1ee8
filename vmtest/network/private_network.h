// SPDX-License-Identifier: Apache-2.0
//
// A network of a test's own, with nothing on it but a loopback device: the test
// may use any port, reaches nobody, and is reached by nobody.
#ifndef DRIVEROOT_VMTEST_NETWORK_PRIVATE_NETWORK_H_
#define DRIVEROOT_VMTEST_NETWORK_PRIVATE_NETWORK_H_

#include <string>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::vmtest {

// Moves this process, and all that it starts from now on, into network and
// mount namespaces of their own, with the loopback device up and
// /etc/resolv.conf naming 127.0.0.1 (QEMU's user network passes the guest's
// questions on to the server that this file names). For programs here, `names`
// lead to 127.0.0.1 by /etc/hosts. `scratch_dir` holds these files.
//
// Precondition: the process has one thread, since namespaces of users cannot be
// changed with more (unshare(2)).
//
// kNotPermitted: the system allows no namespaces; the message says how to allow
// them.
Status EnterPrivateNetwork(const std::string& scratch_dir,
                           const std::vector<std::string>& names);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_NETWORK_PRIVATE_NETWORK_H_
