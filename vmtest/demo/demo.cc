// SPDX-License-Identifier: Apache-2.0
#include "vmtest/demo/demo.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <system_error>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "vmtest/process/process.h"
#include "vmtest/testbed/boot_phases.h"

namespace driveroot::vmtest {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kVolume[] = "drive:demo";
constexpr uint64_t kMaxFileBytes = 1 << 20;

void Say(const std::string& text) { std::cout << text << std::endl; }

void TellPhase(const BootPhase& phase) {
  std::printf("%-28s %6.1f s\n", phase.name.c_str(), phase.seconds);
  std::fflush(stdout);
}

// Runs a step and tells how long it took.
Status TellStep(const std::string& name, const std::function<Status()>& step) {
  const Clock::time_point begin = Clock::now();
  DRIVEROOT_RETURN_IF_ERROR(step());
  TellPhase(
      {name, std::chrono::duration<double>(Clock::now() - begin).count()});
  return {};
}

std::vector<std::string> DriverootCommand(
    const Image& image, const fakedrive::FakeDriveProcess& drive,
    const std::string& command) {
  return {image.driveroot, command, "--drive_endpoint=" + drive.endpoint(),
          "--ca_file=" + drive.ca_file(),
          "--credentials=" + drive.credentials_file()};
}

}  // namespace

Status Demo::Prepare() {
  std::error_code error;
  std::filesystem::create_directories(state_dir_ + "/drive", error);
  if (error) {
    return std::unexpected(
        Error::FromErrno(error.value(), "cannot create " + state_dir_));
  }
  fakedrive::FakeDriveOptions options;
  options.program = image_.fakedrive;
  options.data_folder = state_dir_ + "/drive";
  DRIVEROOT_ASSIGN_OR_RETURN(drive_,
                             fakedrive::FakeDriveProcess::Start(options));
  Say("A fake Google Drive listens on " + drive_->endpoint() +
      "; it is kept in " + state_dir_ + ".");
  return PushUnlessThere();
}

Status Demo::PushUnlessThere() {
  ProcessOptions status;
  status.arguments = DriverootCommand(image_, *drive_, "status");
  status.arguments.emplace_back(kVolume);
  if (RunToEnd(status)) return {};
  Say("Putting a Debian 13 root on it:");
  ProcessOptions push;
  push.arguments = DriverootCommand(image_, *drive_, "push");
  push.arguments.push_back(image_.File("rootfs/debian.tar"));
  push.arguments.emplace_back(kVolume);
  // The caller's terminal, for the progress bar.
  DRIVEROOT_ASSIGN_OR_RETURN(Process process, Process::Start(push));
  if (process.Wait(std::chrono::hours(1)) == 0) return {};
  return Fail(ErrorCode::kIo, "the root tree could not be put on the Drive");
}

Result<MachineOptions> Demo::MakeOptions() const {
  MachineOptions options;
  options.qemu = image_.qemu;
  options.uki = image_.uki;
  options.output_dir = state_dir_ + "/machine";
  // Nothing of the machine itself is kept between runs.
  std::error_code error;
  std::filesystem::remove_all(options.output_dir, error);
  std::filesystem::create_directories(options.output_dir, error);
  options.accelerator =
      ProbeAccelerator(image_.qemu, image_.kernel, options.output_dir);
  DRIVEROOT_ASSIGN_OR_RETURN(
      options.credentials["driveroot.credentials"],
      ReadFile(drive_->credentials_file(), kMaxFileBytes));
  DRIVEROOT_ASSIGN_OR_RETURN(options.credentials["driveroot.ca"],
                             ReadFile(drive_->ca_file(), kMaxFileBytes));
  options.credentials["driveroot.config"] =
      std::string(R"({"volume":")") + kVolume +
      R"(","drive_endpoint":"https://10.0.2.2:)" +
      std::to_string(drive_->port()) + "\"}";
  Say(options.accelerator == Accelerator::kKvm
          ? "The machine runs with KVM."
          : "The machine runs in software emulation, since KVM boots nothing "
            "here: expect a minute to the login prompt.");
  return options;
}

Status Demo::RunInTerminal() {
  DRIVEROOT_ASSIGN_OR_RETURN(MachineOptions options, MakeOptions());
  options.interactive = true;
  Say("Log in as root, without a password. `poweroff` ends the machine; Ctrl-A "
      "X pulls its plug.\nWhat you write is there at the next run. To start "
      "afresh, remove " +
      state_dir_ + ".\n");
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Machine> machine,
                             Machine::Start(options));
  DRIVEROOT_RETURN_IF_ERROR(machine->WaitForEnd(std::chrono::hours(24 * 20)));
  Say("\nThe machine is off.");
  return {};
}

Status Demo::Check() {
  DRIVEROOT_ASSIGN_OR_RETURN(const MachineOptions options, MakeOptions());
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Machine> machine,
                             Machine::Start(options));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::vector<BootPhase> phases,
      WatchBoot(*machine, /*from_disk=*/false, TellPhase));
  TellPhase({"power-on to login prompt", TotalSeconds(phases)});
  DRIVEROOT_RETURN_IF_ERROR(
      TellStep("logging in", [&] { return LogIn(*machine); }));
  DRIVEROOT_RETURN_IF_ERROR(machine->console().Type("poweroff\n"));
  return TellStep("power-off",
                  [&] { return ExpectEnd(*machine, "guest-shutdown"); });
}

}  // namespace driveroot::vmtest
