// SPDX-License-Identifier: Apache-2.0
//
// ca_bundle --certificates=FOLDER --output=FILE
//
// Joins the *.crt files of FOLDER, in the order of their names, into one PEM
// file, as update-ca-certificates does.
#include <gflags/gflags.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <format>
#include <string>
#include <system_error>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"

DEFINE_string(certificates, "", "the folder of *.crt files");
DEFINE_string(output, "", "the PEM file to write");

namespace driveroot {
namespace {

constexpr uint64_t kMaxCertificateBytes = 1 << 20;

Result<std::vector<std::string>> ListCertificates(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error);
       !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    if (entry->path().extension() == ".crt") paths.push_back(entry->path());
  }
  if (error) {
    return std::unexpected(
        Error::FromErrno(error.value(), std::format("cannot list {}", folder)));
  }
  if (paths.empty()) {
    return Fail(ErrorCode::kNotFound,
                std::format("no *.crt file in {}", folder));
  }
  std::ranges::sort(paths);
  return paths;
}

Status Run() {
  if (FLAGS_certificates.empty() || FLAGS_output.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "--certificates and --output are needed");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                             ListCertificates(FLAGS_certificates));
  std::string bundle;
  for (const std::string& path : paths) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string certificate,
                               ReadFile(path, kMaxCertificateBytes));
    bundle += certificate;
    if (!bundle.ends_with('\n')) bundle += '\n';
  }
  return ReplaceFile(FLAGS_output, bundle, 0644);
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  gflags::SetUsageMessage("--certificates=FOLDER --output=FILE");
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  const driveroot::Status status = driveroot::Run();
  if (status) return 0;
  std::fprintf(stderr, "ca_bundle: %s\n", status.error().message().c_str());
  return 1;
}
