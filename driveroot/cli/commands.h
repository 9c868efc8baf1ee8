// SPDX-License-Identifier: Apache-2.0
//
// All sub-commands, each in the file of its name.
#ifndef DRIVEROOT_CLI_COMMANDS_H_
#define DRIVEROOT_CLI_COMMANDS_H_

#include "driveroot/cli/command.h"

namespace driveroot {

Command MkfsCommand();
Command PushCommand();
Command PullCommand();
Command MountCommand();
Command UnmountCommand();
Command StatusCommand();
Command SaveCommand();
Command UnsentCommand();
Command OptimizeCommand();
Command TopCommand();
Command TraceCommand();
Command FsckCommand();
Command LogCommand();
Command RollbackCommand();
Command GcCommand();
Command LoginCommand();
Command VersionCommand();

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_COMMANDS_H_
