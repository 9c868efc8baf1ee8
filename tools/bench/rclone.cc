// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/rclone.h"

#include <filesystem>
#include <functional>
#include <limits>
#include <utility>

#include "driveroot/base/files.h"
#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"
#include "tools/bench/file_reads.h"
#include "vmtest/process/process.h"

namespace driveroot::bench {
namespace {

using vmtest::ProcessOptions;

constexpr uint64_t kMaxCredentialsBytes = 1 << 20;

// Folders on the Drive.
constexpr char kTree[] = "drive:rclone-tree";
constexpr char kSample[] = "drive:rclone-sample";
constexpr char kLarge[] = "drive:rclone-large";

// Counts do not depend on how fast calls follow each other, and with ten a
// second, rclone's default, a tree takes a quarter of an hour.
const std::vector<std::string> kHurry = {"--drive-pacer-min-sleep=1ms",
                                         "--transfers=16", "--checkers=16"};

// As a root tree needs it: symbolic links are kept, in files of their own, and
// so are empty folders.
const std::vector<std::string> kKeep = {"--links", "--create-empty-src-dirs"};

// An rclone configuration with the token of a file of credentials.
Result<std::string> MakeConfig(const std::string& credentials) {
  rapidjson::Document document;
  document.Parse(credentials.data(), credentials.size());
  for (const char* key : {"client_id", "client_secret", "refresh_token"}) {
    if (!document.IsObject() || !document.HasMember(key) ||
        !document[key].IsString()) {
      return Fail(ErrorCode::kDataLoss,
                  std::string("the credentials have no ") + key);
    }
  }
  rapidjson::StringBuffer token;
  rapidjson::Writer<rapidjson::StringBuffer> writer(token);
  writer.StartObject();
  writer.Key("access_token");
  writer.String("expired");
  writer.Key("token_type");
  writer.String("Bearer");
  writer.Key("refresh_token");
  document["refresh_token"].Accept(writer);
  writer.Key("expiry");
  writer.String("2001-01-01T00:00:00Z");
  writer.EndObject();
  return std::string("[drive]\ntype = drive\nscope = drive\nclient_id = ") +
         document["client_id"].GetString() +
         "\nclient_secret = " + document["client_secret"].GetString() +
         "\ntoken = " + token.GetString() + "\n";
}

class Rclone {
 public:
  static Result<Rclone> Create(const vmtest::PrivateDrive& drive,
                               const std::string& ca_file,
                               const std::string& credentials_file,
                               const std::string& programs) {
    Rclone rclone(drive.output_dir() + "/rclone", ca_file, programs);
    std::error_code error;
    std::filesystem::create_directories(rclone.folder_, error);
    DRIVEROOT_ASSIGN_OR_RETURN(
        const std::string credentials,
        ReadFile(credentials_file, kMaxCredentialsBytes));
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string config,
                               MakeConfig(credentials));
    DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(rclone.Config(), config, 0600));
    return rclone;
  }

  Status Copy(const std::string& source, const std::string& target,
              const std::vector<std::string>& flags) const {
    ProcessOptions options = Command("copy", {source, target});
    Append(options, kKeep);
    Append(options, flags);
    DRIVEROOT_RETURN_IF_ERROR(vmtest::RunToEnd(options));
    return {};
  }

  Result<Mounted> Mount(const std::string& source) const {
    // What the mount before this one has kept would make this one warm.
    std::error_code error;
    std::filesystem::remove_all(Cache(), error);
    const std::string folder = folder_ + "/mount";
    return Mounted::By(Command("mount", {source, folder, "--read-only",
                                         "--vfs-cache-mode=full"}),
                       folder);
  }

  // A file that names files, for --files-from-raw.
  Result<std::string> WriteList(const std::vector<std::string>& files) const {
    std::string text;
    for (const std::string& file : files) text += file + "\n";
    const std::string path = folder_ + "/files";
    DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(path, text, 0644));
    return path;
  }

 private:
  Rclone(std::string folder, std::string ca_file, std::string programs)
      : folder_(std::move(folder)),
        ca_file_(std::move(ca_file)),
        programs_(std::move(programs)) {}

  std::string Config() const { return folder_ + "/rclone.conf"; }
  std::string Cache() const { return folder_ + "/cache"; }

  static void Append(ProcessOptions& options,
                     const std::vector<std::string>& arguments) {
    options.arguments.insert(options.arguments.end(), arguments.begin(),
                             arguments.end());
  }

  ProcessOptions Command(const std::string& command,
                         const std::vector<std::string>& arguments) const {
    ProcessOptions options;
    options.arguments = {programs_ + "/rclone", command, "--config=" + Config(),
                         "--ca-cert=" + ca_file_, "--cache-dir=" + Cache()};
    Append(options, arguments);
    options.environment = {{"HOME", folder_}, {"PATH", programs_}};
    return options;
  }

  std::string folder_;
  std::string ca_file_;
  std::string programs_;
};

// Measures `copy`, and how many files and folders are on the Drive for it:
// requests that were refused for their rate are not among these.
Result<Cost> MeasureCopy(const Bench& bench, const std::string& name,
                         const std::function<Status()>& copy,
                         uint64_t& ret_made) {
  const auto count = [&bench]() -> Result<uint64_t> {
    DRIVEROOT_ASSIGN_OR_RETURN(fakedrive::FakeDriveStats stats,
                               bench.drive.drive().Stats());
    return stats.totals["files"];
  };
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t before, count());
  DRIVEROOT_ASSIGN_OR_RETURN(
      Cost cost, MeasureCost(bench, name, [&](Cost&) { return copy(); }));
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t after, count());
  ret_made = after - before;
  return cost;
}

Status MeasureCopies(const Bench& bench, const Rclone& rclone,
                     const ReadPlan& plan, size_t sample_files,
                     RcloneCosts& costs) {
  uint64_t made = 0;
  DRIVEROOT_RETURN_IF_ERROR(OnFastLink(bench, [&]() -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(
        costs.copy,
        MeasureCopy(
            bench, "copy, for its counts",
            [&] { return rclone.Copy(plan.tree, kTree, kHurry); }, made));
    return rclone.Copy(plan.LargeFolder(), kLarge, kHurry);
  }));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<std::string> files,
                             SampleFiles(plan.tree, sample_files,
                                         std::numeric_limits<uint64_t>::max()));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string list, rclone.WriteList(files));
  uint64_t sample_made = 0;
  DRIVEROOT_ASSIGN_OR_RETURN(
      costs.sample, MeasureCopy(
                        bench, "copy of a sample",
                        [&] {
                          return rclone.Copy(plan.tree, kSample,
                                             {"--files-from-raw=" + list});
                        },
                        sample_made));
  costs.sample.unit = "files";
  costs.sample.operations = files.size();
  costs.sample.link_share = LinkShare(bench.link, costs.sample.traffic.bytes_up,
                                      costs.sample.seconds);
  if (sample_made > 0) {
    costs.extrapolated_seconds = costs.sample.seconds *
                                 static_cast<double>(made) /
                                 static_cast<double>(sample_made);
  }
  return {};
}

}  // namespace

Result<RcloneCosts> MeasureRclone(const Bench& bench, const ReadPlan& plan,
                                  const std::string& programs,
                                  size_t sample_files) {
  RcloneCosts costs;
  DRIVEROOT_ASSIGN_OR_RETURN(
      const Rclone rclone,
      Rclone::Create(bench.drive, bench.drive.drive().ca_file(),
                     bench.drive.drive().credentials_file(), programs));
  DRIVEROOT_RETURN_IF_ERROR(
      MeasureCopies(bench, rclone, plan, sample_files, costs));
  DRIVEROOT_ASSIGN_OR_RETURN(
      costs.reads, MeasureReads(bench, plan, [&](Content content) {
        return rclone.Mount(content == Content::kTree ? kTree : kLarge);
      }));
  return costs;
}

}  // namespace driveroot::bench
