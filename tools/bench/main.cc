// SPDX-License-Identifier: Apache-2.0
//
// bench --json=FILE
//
// Measures a root tree on a fake Drive: there and back, read from mounts, and
// booted from, beside other ways to do the same.
#include <gflags/gflags.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>

#include "driveroot/base/files.h"
#include "tools/bench/benchmark.h"
#include "tools/bench/link.h"
#include "tools/bench/report.h"

DEFINE_string(json, "", "a file that gets the results as JSON");
DEFINE_string(link, "loopback",
              "how fast the Drive is: \"loopback\", as fast as it can, or "
              "\"reference\", as the real one was measured");
DEFINE_string(parts, "transfers,large,reads,rclone,boots",
              "what is measured: transfers (push and pull, which all others "
              "begin with), large (the same with 512 MiB), reads (from mounted "
              "volumes), rclone (the same "
              "with it), boots (of machines)");
DEFINE_bool(packages, false,
            "measure apt-get install on the booted root, too; on a slow link "
            "that takes an hour");
DEFINE_string(
    output_dir, "",
    "a folder that keeps logs and disks; default: one that is removed "
    "at the end");

namespace driveroot::bench {
namespace {

Status ReadParts(const std::string& parts, BenchmarkOptions& options) {
  std::istringstream names(parts);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == "large") {
      options.large = true;
    } else if (name == "reads") {
      options.reads = true;
    } else if (name == "rclone") {
      options.rclone = true;
    } else if (name == "boots") {
      options.boots = true;
    } else if (name != "transfers") {
      return Fail(
          ErrorCode::kInvalidArgument,
          "--parts knows transfers, large, reads, rclone and boots, not " +
              name);
    }
  }
  return {};
}

Status Run(const std::string& program) {
  BenchmarkOptions options;
  options.packages = FLAGS_packages;
  DRIVEROOT_ASSIGN_OR_RETURN(options.link, FindLink(FLAGS_link));
  DRIVEROOT_RETURN_IF_ERROR(ReadParts(FLAGS_parts, options));
  std::string folder = FLAGS_output_dir;
  if (folder.empty()) {
    std::string name = std::filesystem::temp_directory_path() / "bench.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      return std::unexpected(Error::FromErrno(errno, "cannot create " + name));
    }
    folder = name;
  }
  options.output_dir = std::filesystem::absolute(folder);
  const Result<Measurements> results = RunBenchmark(program, options);
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
  gflags::SetUsageMessage("measures a root tree on a fake Drive");
  const std::string program = argv[0];
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  const driveroot::Status status = driveroot::bench::Run(program);
  if (status) return 0;
  std::cerr << "bench: " << status.error().message() << std::endl;
  return 1;
}
