// SPDX-License-Identifier: Apache-2.0
//
// The program that becomes the first process of the new root, and of which kind
// it is: each init is prepared for as it expects, and for no other. Scripts of
// other inits take the folder /run/systemd/system for a sign of systemd.
#ifndef INITRD_INIT_ROOT_INIT_H_
#define INITRD_INIT_ROOT_INIT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

enum class InitKind : uint8_t {
  // Reads units below /run/systemd, and runs /run/initramfs/shutdown last.
  kSystemd,
  // sysvinit, OpenRC, runit, busybox, s6, dinit, …: ends the machine itself.
  kOther,
};

struct RootInit {
  std::string path = {};  // inside the new root, as it is executed
  InitKind kind = InitKind::kOther;
  std::string program = {};  // what `path` leads to, for messages
};

// `program` is the file that all symlinks lead to, `begin` its first bytes: a
// script is systemd's if it speaks of it, such as NixOS's.
InitKind ClassifyInit(std::string_view program, std::string_view begin);

// Looks inside kNewRoot, where absolute symlinks mean what they mean there.
// kNotFound: there is no init.
Result<RootInit> FindInit();

}  // namespace driveroot

#endif  // INITRD_INIT_ROOT_INIT_H_
