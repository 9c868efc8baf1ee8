// SPDX-License-Identifier: Apache-2.0
//
// fsbench [--json=FILE] [--tree=ARCHIVE] [--rounds=N] DIR...
//
// Measures the file systems that the directories lie on.
#include <gflags/gflags.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <format>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "tools/fsbench/measurement.h"
#include "tools/fsbench/report.h"

DEFINE_string(json, "", "file to write the results to");
DEFINE_string(tree, "", "archive of a root tree to unpack and to walk");
DEFINE_int32(rounds, 5, "how often each is measured; the median counts");
DEFINE_uint64(small_files, 2000, "how many small files");
DEFINE_uint64(file_mb, 64, "size of the large file");
DEFINE_uint64(random_operations, 4000, "random reads and writes");
DEFINE_uint64(syncs, 20, "calls of fsync");

namespace driveroot::fsbench {
namespace {

using Clock = std::chrono::steady_clock;

// A folder of our own below each directory, gone at the end.
class WorkFolder {
 public:
  explicit WorkFolder(const std::string& directory)
      : path_(std::format("{}/fsbench.{}", directory, getpid())) {}
  WorkFolder(WorkFolder&&) = default;
  ~WorkFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  Status Make() const {
    std::error_code error;
    std::filesystem::create_directory(path_, error);
    if (error) return std::unexpected(Error::FromErrno(error.value(), path_));
    return {};
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Units a second.
Result<double> Rate(const Measurement& measurement) {
  if (measurement.prepare != nullptr) {
    DRIVEROOT_RETURN_IF_ERROR(measurement.prepare());
  }
  const Clock::time_point begin = Clock::now();
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t count, measurement.run());
  const std::chrono::duration<double> time = Clock::now() - begin;
  return static_cast<double>(count) / time.count();
}

// One after the other in all directories before the next, and in another order
// each round, so that what slows the machine down for a while slows all of
// them.
Result<Report> Measure(const std::vector<std::string>& directories,
                       const Sizes& sizes) {
  std::vector<WorkFolder> folders;
  std::vector<std::vector<Measurement>> measurements;
  for (const std::string& directory : directories) {
    folders.emplace_back(directory);
    DRIVEROOT_RETURN_IF_ERROR(folders.back().Make());
    measurements.push_back(MakeMeasurements(folders.back().path(), sizes));
  }
  Report report = {.directories = directories, .rows = {}};
  for (const Measurement& measurement : measurements.front()) {
    report.rows.push_back(
        {.name = measurement.name,
         .unit = measurement.unit,
         .rates = std::vector<std::vector<double>>(directories.size())});
  }
  for (int round = 0; round < FLAGS_rounds; ++round) {
    for (size_t i = 0; i < report.rows.size(); ++i) {
      for (size_t turn = 0; turn < directories.size(); ++turn) {
        const size_t at =
            (turn + static_cast<size_t>(round)) % directories.size();
        const Result<double> rate = Rate(measurements[at][i]);
        if (rate) {
          report.rows[i].rates[at].push_back(*rate);
        } else if (round == 0) {
          // One file system may lack what another has.
          std::fprintf(stderr, "%s in %s: %s\n", report.rows[i].name.c_str(),
                       directories[at].c_str(), rate.error().message().c_str());
        }
      }
    }
  }
  return report;
}

Status Main(std::span<char*> arguments) {
  const std::vector<std::string> directories(arguments.begin(),
                                             arguments.end());
  if (directories.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "usage: fsbench [--json=FILE] [--tree=ARCHIVE] DIR...");
  }
  Sizes sizes;
  sizes.tree = FLAGS_tree;
  sizes.small_files = FLAGS_small_files;
  sizes.file_bytes = FLAGS_file_mb << 20;
  sizes.random_operations = FLAGS_random_operations;
  sizes.syncs = FLAGS_syncs;
  DRIVEROOT_ASSIGN_OR_RETURN(const Report report, Measure(directories, sizes));
  std::fputs(Table(report).c_str(), stdout);
  if (FLAGS_json.empty()) return {};
  return ReplaceFile(FLAGS_json, Json(report), 0644);
}

}  // namespace
}  // namespace driveroot::fsbench

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  const driveroot::Status status = driveroot::fsbench::Main(
      std::span(argv, static_cast<size_t>(argc)).subspan(1));
  if (status) return 0;
  std::fprintf(stderr, "fsbench: %s\n", status.error().message().c_str());
  return 1;
}
