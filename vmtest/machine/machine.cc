// SPDX-License-Identifier: Apache-2.0
#include "vmtest/machine/machine.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "driveroot/base/files.h"
#include "openssl/base64.h"

namespace driveroot::vmtest {
namespace {

constexpr uint64_t kMaxLogBytes = 64 << 20;

// A kernel without a root file system panics within seconds when it runs at
// all.
constexpr std::chrono::seconds kProbeLimit(20);

// QEMU answers within a second when its host is not very busy.
constexpr std::chrono::seconds kMonitorLimit(60);

std::string Path(const MachineOptions& options, const std::string& name) {
  return options.output_dir + "/" + name;
}

// What every start of QEMU has in common. Its data folders and modules are
// where the packages were unpacked, not where it was built to look.
std::vector<std::string> BaseCommand(const QemuFiles& qemu,
                                     Accelerator accelerator) {
  const bool kvm = accelerator == Accelerator::kKvm;
  return {qemu.launcher, "-L", qemu.tree + "/usr/share/qemu", "-L",
          qemu.tree + "/usr/share/seabios", "-nodefaults", "-no-user-config",
          "-display", "none", "-audio", "none", "-machine",
          kvm ? "q35,accel=kvm" : "q35,accel=tcg",
          // What the emulator can do in few host instructions. The newer vector
          // extensions are left out: the C library would use them, and they are
          // slow when emulated.
          "-cpu",
          kvm ? "host"
              : "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+pclmulqdq,+rdrand,"
                "+sha-ni",
          "-no-reboot"};
}

std::map<std::string, std::string> QemuEnvironment(const QemuFiles& qemu) {
  return {{"PATH", "/usr/bin:/bin"},
          {"QEMU_MODULE_DIR", qemu.tree + "/usr/lib/x86_64-linux-gnu/qemu"}};
}

// A comma in an option's value is written twice.
std::string Escaped(const std::string& value) {
  std::string escaped;
  for (const char c : value) {
    escaped += c;
    if (c == ',') escaped += ',';
  }
  return escaped;
}

std::string Base64(const std::string& bytes) {
  size_t length = 0;
  EVP_EncodedLength(&length, bytes.size());
  std::string encoded(length, '\0');
  const size_t written = EVP_EncodeBlock(
      reinterpret_cast<uint8_t*>(encoded.data()),
      reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  encoded.resize(written);
  return encoded;
}

Status CopyFile(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::copy_file(
      from, to, std::filesystem::copy_options::overwrite_existing, error);
  if (error) {
    return std::unexpected(
        Error::FromErrno(error.value(), "cannot copy " + from + " to " + to));
  }
  // What comes from Bazel is read-only; the firmware writes its variables.
  std::filesystem::permissions(to, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add, error);
  return {};
}

// The EFI system partition is a folder that QEMU shows as a FAT disk.
Status MakeSystemPartition(const MachineOptions& options) {
  const std::string folder = Path(options, "esp/EFI/BOOT");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return std::unexpected(
        Error::FromErrno(error.value(), "cannot create " + folder));
  }
  return CopyFile(options.uki, folder + "/BOOTX64.EFI");
}

void Append(std::vector<std::string>& command,
            std::initializer_list<std::string> arguments) {
  command.insert(command.end(), arguments);
}

Status AppendCredentials(const MachineOptions& options,
                         std::vector<std::string>& command) {
  int number = 0;
  for (const auto& [name, value] : options.credentials) {
    const std::string path =
        Path(options, "credential" + std::to_string(++number));
    DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(
        path, "io.systemd.credential.binary:" + name + "=" + Base64(value),
        0600));
    Append(command, {"-smbios", "type=11,path=" + Escaped(path)});
  }
  return {};
}

void AppendDevices(const MachineOptions& options,
                   std::vector<std::string>& command) {
  Append(command, {"-device", "VGA", "-device", "virtio-rng-pci"});
  // romfile=: nobody boots this machine from the network.
  if (options.dead_end_card) {
    Append(command, {"-netdev", "user,id=dead,restrict=on,net=10.9.0.0/24",
                     "-device", "virtio-net-pci,netdev=dead,romfile="});
  }
  Append(command, {"-netdev", "user,id=net0", "-device",
                   "virtio-net-pci,netdev=net0,romfile="});
  Append(command,
         {"-device", "virtio-serial-pci", "-chardev",
          "file,id=verdict,path=" + Escaped(Path(options, "verdict.log")),
          "-device", "virtserialport,chardev=verdict,name=driveroot.verdict"});
  Append(command, {"-drive",
                   "if=none,id=esp,format=raw,readonly=on,file=fat:" +
                       Escaped(Path(options, "esp")),
                   "-device", "virtio-blk-pci,drive=esp,bootindex=0"});
  int number = 0;
  for (const std::string& disk : options.disks) {
    const std::string id = "disk" + std::to_string(++number);
    Append(command,
           {"-drive", "if=none,format=raw,id=" + id + ",file=" + Escaped(disk),
            "-device", "virtio-blk-pci,drive=" + id});
  }
}

Result<std::vector<std::string>> MakeCommand(const MachineOptions& options) {
  const std::string firmware = options.qemu.tree + "/usr/share/OVMF/";
  DRIVEROOT_RETURN_IF_ERROR(CopyFile(firmware + "OVMF_VARS_4M.fd",
                                     Path(options, "firmware-variables")));
  std::vector<std::string> command =
      BaseCommand(options.qemu, options.accelerator);
  Append(command, {"-smp", std::to_string(options.processors), "-m",
                   std::to_string(options.memory_mib)});
  if (!options.clock.empty())
    Append(command, {"-rtc", "base=" + options.clock});
  if (options.locked_memory) Append(command, {"-overcommit", "mem-lock=on"});
  // Until the monitor is asked to begin.
  Append(command, {"-S"});
  Append(command, {"-drive",
                   "if=pflash,format=raw,unit=0,readonly=on,file=" +
                       Escaped(firmware + "OVMF_CODE_4M.fd"),
                   "-drive",
                   "if=pflash,format=raw,unit=1,file=" +
                       Escaped(Path(options, "firmware-variables"))});
  AppendDevices(options, command);
  DRIVEROOT_RETURN_IF_ERROR(AppendCredentials(options, command));
  Append(command, {"-chardev",
                   std::string("stdio,id=serial,signal=off,mux=") +
                       (options.interactive ? "on" : "off") +
                       ",logfile=" + Escaped(Path(options, "serial.log")),
                   "-serial", "chardev:serial"});
  if (options.interactive) Append(command, {"-mon", "chardev=serial"});
  Append(command,
         {"-chardev", "pipe,id=qmp,path=" + Escaped(Path(options, "monitor")),
          "-mon", "chardev=qmp,mode=control"});
  return command;
}

Status WriteCommand(const MachineOptions& options,
                    const std::vector<std::string>& command) {
  std::string text;
  for (const auto& [name, value] : QemuEnvironment(options.qemu)) {
    text += name + "='" + value + "' ";
  }
  for (const std::string& argument : command) text += "'" + argument + "' ";
  return ReplaceFile(Path(options, "qemu.command"), text + "\n", 0644);
}

Result<std::pair<UniqueFd, UniqueFd>> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot make a pipe"));
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

}  // namespace

Accelerator ProbeAccelerator(const QemuFiles& qemu, const std::string& kernel,
                             const std::string& scratch_dir) {
  if (access("/dev/kvm", R_OK | W_OK) != 0) return Accelerator::kEmulated;
  const std::string log = scratch_dir + "/kvm-probe.log";
  ProcessOptions options;
  options.arguments = BaseCommand(qemu, Accelerator::kKvm);
  Append(options.arguments,
         {"-m", "256", "-kernel", kernel, "-append", "console=ttyS0 panic=-1",
          "-serial", "file:" + Escaped(log)});
  options.environment = QemuEnvironment(qemu);
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  options.standard_error = null.get();
  Result<Process> process = Process::Start(options);
  if (!process) return Accelerator::kEmulated;
  const std::optional<int> code = process->Wait(kProbeLimit);
  const Result<std::string> printed = ReadFile(log, kMaxLogBytes);
  const bool works = code == 0 && printed &&
                     printed->find("Kernel panic") != std::string::npos;
  return works ? Accelerator::kKvm : Accelerator::kEmulated;
}

Machine::Machine(MachineOptions options, Process process, Monitor monitor,
                 std::unique_ptr<Console> console)
    : options_(std::move(options)),
      process_(std::move(process)),
      monitor_(std::move(monitor)),
      console_(std::move(console)) {}

Machine::~Machine() {
  if (!process_.Wait(std::chrono::milliseconds(0))) {
    // It was expected to be off by now. Best effort: what failed is known
    // already.
    (void)TakeScreenshot(Path(options_, "screen.png"));
  }
  PullPlug();
}

Result<std::unique_ptr<Machine>> Machine::Start(const MachineOptions& options) {
  DRIVEROOT_RETURN_IF_ERROR(MakeSystemPartition(options));
  DRIVEROOT_ASSIGN_OR_RETURN(Monitor monitor,
                             Monitor::Create(Path(options, "monitor")));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<std::string> command,
                             MakeCommand(options));
  DRIVEROOT_RETURN_IF_ERROR(WriteCommand(options, command));
  const UniqueFd errors(open(Path(options, "qemu.log").c_str(),
                             O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  ProcessOptions process_options;
  process_options.arguments = command;
  process_options.environment = QemuEnvironment(options.qemu);
  process_options.standard_error = errors.get();
  DRIVEROOT_ASSIGN_OR_RETURN(auto keyboard, MakePipe());
  DRIVEROOT_ASSIGN_OR_RETURN(auto screen, MakePipe());
  if (!options.interactive) {
    process_options.standard_input = keyboard.first.get();
    process_options.standard_output = screen.second.get();
    process_options.own_group = true;
  }
  DRIVEROOT_ASSIGN_OR_RETURN(Process process, Process::Start(process_options));
  screen.second.Reset();
  std::unique_ptr<Console> console;
  if (!options.interactive) {
    console = std::make_unique<Console>(std::move(screen.first),
                                        std::move(keyboard.second));
  }
  std::unique_ptr<Machine> machine(new Machine(
      options, std::move(process), std::move(monitor), std::move(console)));
  // At once: QEMU tells its events, such as why the machine ended, only to who
  // has begun a session.
  const Status connected = machine->monitor_.Connect(kMonitorLimit);
  if (!connected) {
    return std::unexpected(connected.error().WithContext(
        "QEMU does not answer; it said: " + machine->Complaints()));
  }
  machine->power_on_ = std::chrono::system_clock::now();
  DRIVEROOT_RETURN_IF_ERROR(
      machine->monitor_.Execute("cont", "", kMonitorLimit));
  return machine;
}

Result<std::string> Machine::WaitForEnd(std::chrono::seconds limit) {
  const std::optional<int> code = process_.Wait(limit);
  if (!code) {
    return Fail(
        ErrorCode::kUnavailable,
        "the machine is not off after " + std::to_string(limit.count()) + " s");
  }
  if (*code != 0) {
    return Fail(
        ErrorCode::kInternal,
        "QEMU ended with code " + std::to_string(*code) + ": " + Complaints());
  }
  return monitor_.ShutdownReason();
}

Status Machine::TakeScreenshot(const std::string& path) {
  return monitor_.Execute("screendump",
                          R"({"format":"png","filename":")" + path + "\"}",
                          kMonitorLimit);
}

std::string Machine::Complaints() const {
  return ReadFile(Path(options_, "qemu.log"), kMaxLogBytes).value_or("");
}

std::string Machine::Verdict() const {
  return ReadFile(Path(options_, "verdict.log"), kMaxLogBytes).value_or("");
}

void Machine::PullPlug() { process_.Kill(); }

}  // namespace driveroot::vmtest
