// SPDX-License-Identifier: Apache-2.0
#include "vmtest/testbed/testbed.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <filesystem>
#include <iostream>
#include <system_error>
#include <utility>

#include "driveroot/base/files.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"
#include "vmtest/boot_report/boot_report.h"
#include "vmtest/boot_report/timeline.h"

namespace driveroot::vmtest {
namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;
constexpr uint64_t kMaxLogBytes = 256 << 20;

// Whether mlock(2) knows no limit for this process, because none is set or
// because of CAP_IPC_LOCK, for which more than the limit is tried.
bool MayLockMemory() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
  if (limit.rlim_cur == RLIM_INFINITY) return true;
  const size_t more = limit.rlim_cur + 1;
  void* const memory = mmap(nullptr, more, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  // Counts at once, but takes no memory before it is touched.
  const bool locked = mlock2(memory, more, MLOCK_ONFAULT) == 0;
  munmap(memory, more);
  return locked;
}

std::string MakeConfig(const std::string& volume, const StartOptions& start) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  writer.Key("volume");
  writer.String(volume.c_str());
  writer.Key("options");
  writer.StartArray();
  for (const std::string& flag : start.mount_flags) writer.String(flag.c_str());
  writer.EndArray();
  if (start.give_up_seconds > 0) {
    writer.Key("give_up_seconds");
    writer.Uint(start.give_up_seconds);
  }
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace

Result<std::unique_ptr<TestBed>> TestBed::Create(
    const Image& image, const std::string& output_dir) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::shared_ptr<PrivateDrive> drive,
                             PrivateDrive::Start(image, output_dir));
  return On(image, std::move(drive));
}

std::unique_ptr<TestBed> TestBed::On(const Image& image,
                                     std::shared_ptr<PrivateDrive> drive) {
  std::unique_ptr<TestBed> bed(new TestBed(image, std::move(drive)));
  bed->accelerator_ =
      ProbeAccelerator(image.qemu, image.kernel, bed->output_dir());
  std::cout << "machines run "
            << (bed->accelerator_ == Accelerator::kKvm
                    ? "with KVM"
                    : "in software emulation: KVM boots nothing here")
            << std::endl;
  return bed;
}

Result<MachineOptions> TestBed::MakeOptions(const std::string& name,
                                            const std::string& uki) const {
  MachineOptions options;
  options.qemu = image_.qemu;
  options.uki = uki;
  options.output_dir = output_dir() + "/" + name;
  options.accelerator = accelerator_;
  options.locked_memory = locked_memory_;
  std::error_code error;
  std::filesystem::create_directories(options.output_dir, error);
  if (error) {
    return std::unexpected(
        Error::FromErrno(error.value(), "cannot create " + options.output_dir));
  }
  return options;
}

bool TestBed::LockMemory() {
  locked_memory_ = MayLockMemory();
  return locked_memory_;
}

Result<std::unique_ptr<Machine>> TestBed::Start(const std::string& name,
                                                const std::string& volume,
                                                const StartOptions& start) {
  DRIVEROOT_ASSIGN_OR_RETURN(MachineOptions options,
                             MakeOptions(name, image_.uki));
  DRIVEROOT_ASSIGN_OR_RETURN(
      options.credentials["driveroot.credentials"],
      ReadFile(drive().credentials_file(), kMaxFileBytes));
  DRIVEROOT_ASSIGN_OR_RETURN(options.credentials["driveroot.ca"],
                             ReadFile(drive().ca_file(), kMaxFileBytes));
  options.credentials["driveroot.config"] = MakeConfig(volume, start);
  options.disks = start.disks;
  options.clock = start.clock;
  options.dead_end_card = start.dead_end_card;
  return Machine::Start(options);
}

Result<std::unique_ptr<Machine>> TestBed::Boot(const std::string& name,
                                               const std::string& volume,
                                               const StartOptions& start) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::unique_ptr<Machine> machine,
                             Start(name, volume, start));
  const Result<std::vector<BootPhase>> phases =
      WatchBoot(*machine, /*from_disk=*/false);
  if (!phases) {
    return std::unexpected(phases.error().WithContext("guest: " + name));
  }
  DRIVEROOT_RETURN_IF_ERROR(WriteBootReport(name, *machine, *phases));
  return machine;
}

Status TestBed::WriteBootReport(const std::string& name, const Machine& machine,
                                const std::vector<BootPhase>& phases) const {
  Timeline timeline;
  timeline.title = "Boot \"" + name + "\"";
  double end = 0;
  for (const BootPhase& phase : phases) {
    timeline.phases.push_back({phase.name, end, end + phase.seconds});
    end += phase.seconds;
  }
  for (const Console::Line& line : machine.console().Lines()) {
    timeline.console.push_back(
        {std::chrono::duration<double>(line.at - machine.power_on()).count(),
         WithoutEscapes(line.text)});
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string log,
                             ReadFile(drive_->RequestLog(), kMaxLogBytes));
  DRIVEROOT_ASSIGN_OR_RETURN(timeline.requests,
                             ParseRequestLog(log, machine.power_on(), end));
  return ReplaceFile(output_dir() + "/" + name + "/boot.html",
                     RenderBootReport(timeline), 0644);
}

Result<std::unique_ptr<Machine>> TestBed::StartFromDisk(
    const std::string& name, const std::string& uki,
    const std::vector<std::string>& disks) {
  DRIVEROOT_ASSIGN_OR_RETURN(MachineOptions options, MakeOptions(name, uki));
  options.disks = disks;
  return Machine::Start(options);
}

}  // namespace driveroot::vmtest
