// SPDX-License-Identifier: Apache-2.0
//
// driveroot COMMAND [FLAGS] ARGUMENTS: finds the command, checks flags and the
// number of arguments, and runs it. Exit code 0: done; 1: failed, with one
// message; 2: called wrongly.
#include <gflags/gflags.h>
#include <glog/logging.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/cli/command.h"
#include "driveroot/cli/commands.h"

DEFINE_bool(steal, false,
            "take a volume over although it looks live on another host, which "
            "then becomes read-only");

namespace driveroot {

std::vector<std::string_view> WithDriveFlags(
    std::vector<std::string_view> own) {
  own.insert(own.end(), std::begin(kDriveFlags), std::end(kDriveFlags));
  return own;
}

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

// Above the size of a frame, below that of a segment.
constexpr int kMmapThresholdBytes = 1 << 20;

std::vector<Command> AllCommands() {
  return {MkfsCommand(),  PushCommand(),     PullCommand(),
          MountCommand(), UnmountCommand(),  StatusCommand(),
          TopCommand(),   SaveCommand(),     UnsentCommand(),
          FsckCommand(),  LogCommand(),      RollbackCommand(),
          GcCommand(),    OptimizeCommand(), TraceCommand(),
          LoginCommand(), VersionCommand()};
}

const Command* FindCommand(const std::vector<Command>& commands,
                           std::string_view name) {
  const auto found = std::ranges::find(commands, name, &Command::name);
  return found == commands.end() ? nullptr : &*found;
}

void PrintOverview(std::ostream& out, const std::vector<Command>& commands) {
  out << "usage: driveroot COMMAND [FLAGS] ARGUMENTS\n\n";
  for (const Command& command : commands) {
    out << "  " << command.name
        << std::string(10 - std::min<size_t>(9, command.name.size()), ' ')
        << command.summary << "\n";
  }
  out << "\nVOLUME is drive:NAME, drive:id=FOLDERID or dir:/path.\n"
         "`driveroot help COMMAND` tells more.\n";
}

void PrintHelp(const Command& command) {
  std::cout << "usage: driveroot " << command.name << " [FLAGS] "
            << command.arguments << "\n\n"
            << command.summary << "\n";
  if (!command.details.empty()) std::cout << "\n" << command.details << "\n";
  std::cout << "\n";
  for (const std::string_view name : command.flags) {
    const gflags::CommandLineFlagInfo flag =
        gflags::GetCommandLineFlagInfoOrDie(std::string(name).c_str());
    std::cout << "  --" << flag.name
              << (flag.type == "bool" ? "" : "=" + flag.type) << "\n      "
              << flag.description << "\n";
  }
}

// The name in "--name=value", "-name" or, for a switch, "--noname"; nothing for
// an argument that is no flag.
std::optional<std::string> FlagName(std::string_view argument) {
  if (argument.size() < 2 || argument[0] != '-') return std::nullopt;
  argument.remove_prefix(argument[1] == '-' ? 2 : 1);
  std::string name(argument.substr(0, argument.find('=')));
  std::ranges::replace(name, '-', '_');
  gflags::CommandLineFlagInfo flag;
  if (!gflags::GetCommandLineFlagInfo(name.c_str(), &flag) &&
      name.starts_with("no")) {
    const std::string without = name.substr(2);
    if (gflags::GetCommandLineFlagInfo(without.c_str(), &flag) &&
        flag.type == "bool") {
      return without;
    }
  }
  return name;
}

// gflags would take any command's flags, and say of an unknown one only that.
bool CheckFlags(const Command& command,
                const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    const std::optional<std::string> name = FlagName(argument);
    if (!name) continue;
    const bool is_own =
        std::ranges::find(command.flags, *name) != command.flags.end();
    // glog's own flags, such as --v and --minloglevel, are for everybody.
    gflags::CommandLineFlagInfo flag;
    const bool is_logging =
        gflags::GetCommandLineFlagInfo(name->c_str(), &flag) &&
        flag.filename.find("logging") != std::string::npos;
    if (is_own || is_logging) continue;
    std::cerr << "driveroot " << command.name << ": there is no flag --"
              << *name << " here; `driveroot help " << command.name
              << "` lists them" << std::endl;
    return false;
  }
  return true;
}

bool CheckArgumentCount(const Command& command, size_t count) {
  if (count >= command.min_arguments && count <= command.max_arguments) {
    return true;
  }
  std::cerr << "usage: driveroot " << command.name << " [FLAGS] "
            << command.arguments << std::endl;
  return false;
}

int Help(const std::vector<Command>& commands,
         const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    PrintOverview(std::cout, commands);
    return 0;
  }
  const Command* command = FindCommand(commands, arguments[0]);
  if (command == nullptr) {
    std::cerr << "driveroot: there is no command " << arguments[0]
              << "; `driveroot help` lists them" << std::endl;
    return kUsage;
  }
  PrintHelp(*command);
  return 0;
}

int Run(const Command& command, std::vector<std::string> arguments) {
  if (std::ranges::find(arguments, "--help") != arguments.end()) {
    PrintHelp(command);
    return 0;
  }
  if (!CheckFlags(command, arguments)) return kUsage;
  std::string program = "driveroot";
  std::vector<char*> pointers = {program.data()};
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(pointers.size()) - 1;
  char** values = pointers.data();
  gflags::ParseCommandLineFlags(&count, &values, true);
  const std::vector<std::string> rest(values + 1, values + count);
  if (!CheckArgumentCount(command, rest.size())) return kUsage;
  const Status status = command.run(rest);
  if (status) return 0;
  std::cerr << "driveroot " << command.name << ": " << status.error().message()
            << std::endl;
  return kFailed;
}

int Main(int argc, char** argv) {
  if (getauxval(AT_SECURE) != 0) {
    std::cerr << "driveroot: refused: the program is set-id or has "
                 "capabilities of its own, and whoever runs it chooses the "
                 "files and the network that it uses; take them away (chmod "
                 "ug-s, setcap -r)"
              << std::endl;
    return kFailed;
  }
  // No core dump, and no debugger of the same user: there are tokens inside.
  prctl(PR_SET_DUMPABLE, 0);
  // Buffers of segments come and go; unless told, malloc keeps ever larger ones
  // for itself, in each thread's arena (mallopt(3)).
  mallopt(M_MMAP_THRESHOLD, kMmapThresholdBytes);
  // Only what matters, and to standard error: the user's home is not ours.
  FLAGS_logtostderr = true;
  // Where somebody asks for files after all (--nologtostderr).
  FLAGS_logfile_mode = 0600;
  FLAGS_minloglevel = google::GLOG_WARNING;
  google::InitGoogleLogging(argv[0]);
  const std::vector<Command> commands = AllCommands();
  if (argc < 2) {
    PrintOverview(std::cerr, commands);
    return kUsage;
  }
  const std::string name = argv[1];
  std::vector<std::string> arguments(argv + 2, argv + argc);
  if (name == "help" || name == "--help" || name == "-h") {
    return Help(commands, arguments);
  }
  const Command* command =
      FindCommand(commands, name == "--version" ? "version" : name);
  if (command == nullptr) {
    std::cerr << "driveroot: there is no command " << name
              << "; `driveroot help` lists them" << std::endl;
    return kUsage;
  }
  return Run(*command, std::move(arguments));
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) { return driveroot::Main(argc, argv); }
