// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/daemon_status.h"

#include <format>

#include "rapidjson/document.h"

namespace driveroot {
namespace {

uint64_t NumberOrZero(const rapidjson::Document& document, const char* key) {
  const auto member = document.FindMember(key);
  if (member == document.MemberEnd() || !member->value.IsUint64()) return 0;
  return member->value.GetUint64();
}

double Mebibytes(uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

}  // namespace

Result<DaemonStatus> ParseDaemonStatus(std::string_view line) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
  if (document.HasParseError() || !document.IsObject()) {
    return Fail(ErrorCode::kDataLoss, "the daemon's status is not JSON");
  }
  const auto end = document.MemberEnd();
  const auto error = document.FindMember("error");
  if (error != end && error->value.IsString()) {
    const auto busy = document.FindMember("busy");
    return MountFailed{
        .message = {error->value.GetString(), error->value.GetStringLength()},
        .is_busy = busy != end && busy->value.IsTrue()};
  }
  const auto progress = document.FindMember("progress");
  if (progress != end && progress->value.IsString()) {
    return MountProgress{
        .text = {progress->value.GetString(),
                 progress->value.GetStringLength()},
        .done = NumberOrZero(document, "done"),
        .total = NumberOrZero(document, "total"),
    };
  }
  const auto mounted = document.FindMember("mounted");
  if (mounted != end && mounted->value.IsTrue()) return Mounted{};
  return Fail(ErrorCode::kDataLoss,
              "the daemon's status has none of the known members");
}

std::string DescribeProgress(const MountProgress& progress) {
  if (progress.total == 0) return progress.text;
  return std::format("{}: {:.1f} of {:.1f} MiB", progress.text,
                     Mebibytes(progress.done), Mebibytes(progress.total));
}

}  // namespace driveroot
