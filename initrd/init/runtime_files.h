// SPDX-License-Identifier: Apache-2.0
//
// What the new root finds: its host's name for a start, and in /run the texts
// that tell its programs to leave the network of the root file system alone,
// which name servers there are, and how its units deal with the volume: what
// commits it at shutdown, and what the boot does not wait for.
//
// Pure functions: safe from any thread.
#ifndef INITRD_INIT_RUNTIME_FILES_H_
#define INITRD_INIT_RUNTIME_FILES_H_

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "initrd/init/network.h"

namespace driveroot {

struct RuntimeFile {
  std::string path = {};  // Absolute, below /run.
  std::string content = {};
};

// What a machine without a configured name is called, after the UUID of its
// mainboard, or else the address of its network interface, which may be
// changed: a volume's writer is known by it, so two machines must not have the
// same, and one machine must keep its own.
std::string DefaultHostname(std::string_view uuid,
                            std::string_view mac_address);

// The name servers in the format of resolv.conf(5).
std::string ResolverSettings(const Lease& lease);

// For every init.
std::vector<RuntimeFile> RuntimeFiles(const Connection& connection);

// For systemd: their folder is how scripts of other inits recognise it.
std::vector<RuntimeFile> SystemdRuntimeFiles(const Connection& connection);

// For the others: which processes killall5(8) leaves out in Debian's scripts.
std::vector<RuntimeFile> OtherInitRuntimeFiles(std::span<const pid_t> ours);

// Lets the boot go on while journald takes what it has logged so far to
// /var/log/journal. It syncs three times on the way, one after the other, and
// each is a round trip to the Drive that would delay all of sysinit.target. The
// unit is ordered so that systemd-tmpfiles(8) finds the files of the journal to
// set their owner and ACL: for roots that have such files already.
RuntimeFile JournalFlushSettings();

// Where below /run the target of the symlink /etc/resolv.conf of the new root
// lies, as an absolute path; nothing if it points elsewhere.
std::optional<std::string> ResolverTargetInRun(std::string_view target);

}  // namespace driveroot

#endif  // INITRD_INIT_RUNTIME_FILES_H_
