// SPDX-License-Identifier: Apache-2.0
//
// Machine is a virtual x86-64 PC with UEFI firmware (QEMU and OVMF from the
// lock) that boots one EFI file from its EFI system partition. The only VM
// runner of the project: tests and the demo use it.
//
// In MachineOptions::output_dir it leaves serial.log (all that the guest
// printed), qemu.command (how to run the same by hand), qemu.log (QEMU's own
// complaints), verdict.log (what the guest wrote to the virtio-serial port
// "driveroot.verdict") and, when it still ran at its destruction, screen.png.
//
// The guest's network is QEMU's user network: 10.0.2.15 for the guest, and
// 10.0.2.2 is the host's loopback device. Nothing else is reached.
//
// Not thread-safe, but for console().
#ifndef DRIVEROOT_VMTEST_MACHINE_MACHINE_H_
#define DRIVEROOT_VMTEST_MACHINE_MACHINE_H_

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/machine/console.h"
#include "vmtest/machine/monitor.h"
#include "vmtest/process/process.h"

namespace driveroot::vmtest {

// Where the parts of QEMU are: the launcher and the tree of its packages.
struct QemuFiles {
  std::string launcher;
  std::string tree;
};

enum class Accelerator {
  kKvm,       // the processor's virtualisation
  kEmulated,  // QEMU's own translation, which works everywhere
};

// kKvm if a short real boot of `kernel` with it works on this machine: that
// /dev/kvm is there says little.
Accelerator ProbeAccelerator(const QemuFiles& qemu, const std::string& kernel,
                             const std::string& scratch_dir);

struct MachineOptions {
  QemuFiles qemu;
  std::string uki;         // the EFI file to boot
  std::string output_dir;  // exists
  Accelerator accelerator = Accelerator::kEmulated;
  int processors = 2;
  int memory_mib = 1024;

  // Handed over as systemd credentials in SMBIOS type 11 strings, by way of
  // files, so that no secret shows in a command line.
  std::map<std::string, std::string> credentials;

  // Raw disk images, as virtio-blk devices in this order behind the boot disk.
  std::vector<std::string> disks;

  // What its clock shows when it is switched on, as QEMU has it
  // ("2001-01-01T00:00:00"); empty: the time.
  std::string clock;

  // A first network card besides the one that leads to the host: its network
  // gives addresses (10.9.0.0/24) and leads nowhere.
  bool dead_end_card = false;

  // Takes all memory that the machine and its emulation will use before it is
  // switched on. Otherwise the host finds a page when it is first touched, and
  // where that host is itself a guest which gives free memory back, this takes
  // more than two seconds for a gigabyte, or nothing if another machine has
  // just ended: what compares boots wants it. Needs the right to lock memory
  // (mlock(2)).
  bool locked_memory = false;

  // Connects the serial line to the caller's terminal instead of console();
  // Ctrl-A X ends the machine then.
  bool interactive = false;
};

class Machine {
 public:
  // Returns when it is switched on.
  static Result<std::unique_ptr<Machine>> Start(const MachineOptions& options);
  ~Machine();

  // Precondition: not interactive.
  Console& console() { return *console_; }
  const Console& console() const { return *console_; }

  // Waits until the machine is off. A reboot ends it, too. Returns the reason
  // as Monitor::ShutdownReason has it. kUnavailable: it still runs.
  Result<std::string> WaitForEnd(std::chrono::seconds limit);

  // Writes what the machine's screen shows as a PNG.
  Status TakeScreenshot(const std::string& path);

  // What the guest wrote to its verdict port so far.
  std::string Verdict() const;

  // When it was switched on.
  std::chrono::system_clock::time_point power_on() const { return power_on_; }

  // Ends it as by pulling the plug.
  void PullPlug();

 private:
  // What QEMU wrote to its standard error.
  std::string Complaints() const;

  Machine(MachineOptions options, Process process, Monitor monitor,
          std::unique_ptr<Console> console);

  MachineOptions options_;
  Process process_;
  Monitor monitor_;
  std::unique_ptr<Console> console_;  // null when interactive
  std::chrono::system_clock::time_point power_on_;
};

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_MACHINE_MACHINE_H_
