// SPDX-License-Identifier: Apache-2.0
//
// bench --json=FILE
//
// Boots machines from a fake Drive and from a disk, and tells what it cost.
#include <gflags/gflags.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "driveroot/base/files.h"
#include "tools/bench/benchmark.h"
#include "tools/bench/report.h"
#include "vmtest/testbed/image.h"

DEFINE_string(json, "", "a file that gets the results as JSON");
DEFINE_string(link, "loopback",
              "how fast the Drive is: \"loopback\", as fast as it can, or "
              "\"reference\", as the real one was measured");
DEFINE_bool(packages, false,
            "measure apt-get install on the booted root, too; on a slow link "
            "that takes an hour");
DEFINE_string(
    output_dir, "",
    "a folder that keeps logs and disks; default: one that is removed "
    "at the end");

namespace driveroot::bench {
namespace {

Result<std::vector<std::string>> DriveFlags(const std::string& link) {
  if (link == "loopback") return std::vector<std::string>();
  if (link == "reference") {
    // What others measured: rclone's and duplicity's forums give 230 ms for a
    // read and 690 ms for a create; rclone's documentation, three creates each
    // second.
    return std::vector<std::string>{
        "--read_latency_ms=230", "--write_latency_ms=690",
        "--bandwidth_mbit=100", "--creates_per_second=3"};
  }
  return Fail(ErrorCode::kInvalidArgument,
              "--link is loopback or reference, not " + link);
}

Status Run(const std::string& program) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<std::string> flags,
                             DriveFlags(FLAGS_link));
  DRIVEROOT_ASSIGN_OR_RETURN(const vmtest::Image image,
                             vmtest::FindImage(program));
  std::string folder = FLAGS_output_dir;
  if (folder.empty()) {
    std::string name = std::filesystem::temp_directory_path() / "bench.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      return std::unexpected(Error::FromErrno(errno, "cannot create " + name));
    }
    folder = name;
  }
  const Result<Measurements> results =
      RunBenchmark(image, {.output_dir = std::filesystem::absolute(folder),
                           .drive_flags = flags,
                           .packages = FLAGS_packages});
  std::error_code error;
  if (FLAGS_output_dir.empty()) std::filesystem::remove_all(folder, error);
  if (!results) return std::unexpected(results.error());
  std::cout << "\n" << FormatTable(*results);
  if (FLAGS_json.empty()) return {};
  return ReplaceFile(FLAGS_json, FormatJson(*results), 0644);
}

}  // namespace
}  // namespace driveroot::bench

int main(int argc, char** argv) {
  gflags::SetUsageMessage("measures boots from a fake Drive and from a disk");
  const std::string program = argv[0];
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  const driveroot::Status status = driveroot::bench::Run(program);
  if (status) return 0;
  std::cerr << "bench: " << status.error().message() << std::endl;
  return 1;
}
