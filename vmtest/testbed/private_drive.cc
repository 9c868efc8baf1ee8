// SPDX-License-Identifier: Apache-2.0
#include "vmtest/testbed/private_drive.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "vmtest/network/private_network.h"
#include "vmtest/process/process.h"

namespace driveroot::vmtest {
namespace {

// Where Google's clients go; the fake Drive's certificate has these names, too.
constexpr char kApiName[] = "www.googleapis.com";
constexpr char kTokenName[] = "oauth2.googleapis.com";

// The host's loopback device as QEMU's user network shows it to the guest.
constexpr char kHostInGuest[] = "10.0.2.2";

}  // namespace

Result<std::unique_ptr<PrivateDrive>> PrivateDrive::Start(
    const Programs& programs, const std::string& output_dir,
    const std::vector<std::string>& flags) {
  std::error_code error;
  std::filesystem::create_directories(output_dir, error);
  DRIVEROOT_RETURN_IF_ERROR(
      EnterPrivateNetwork(output_dir, {kApiName, kTokenName}));
  std::unique_ptr<PrivateDrive> bed(new PrivateDrive(programs, output_dir));
  DRIVEROOT_ASSIGN_OR_RETURN(
      bed->names_, NameServer::Start(53, {{kApiName, kHostInGuest},
                                          {kTokenName, kHostInGuest}}));
  fakedrive::FakeDriveOptions options;
  options.program = programs.fakedrive;
  options.data_folder = output_dir + "/drive";
  options.flags = {"--listen=127.0.0.1:443",
                   "--request_log=" + bed->RequestLog()};
  options.flags.insert(options.flags.end(), flags.begin(), flags.end());
  std::filesystem::create_directories(options.data_folder, error);
  DRIVEROOT_ASSIGN_OR_RETURN(bed->drive_,
                             fakedrive::FakeDriveProcess::Start(options));
  return bed;
}

std::vector<std::string> PrivateDrive::Arguments(
    const std::string& command,
    const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {
      programs_.driveroot, command, "--drive_endpoint=" + drive_->endpoint(),
      "--ca_file=" + drive_->ca_file(),
      "--credentials=" + drive_->credentials_file()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

Result<std::string> PrivateDrive::Driveroot(
    const std::string& command,
    const std::vector<std::string>& arguments) const {
  ProcessOptions options;
  options.arguments = Arguments(command, arguments);
  return RunToEnd(options);
}

}  // namespace driveroot::vmtest
