// SPDX-License-Identifier: Apache-2.0
//
// mkcpio --spec=FILE --output=FILE [--zstd_level=N] [SOURCE=PATH]...
//
// Writes the cpio archive that the spec (see spec.h) describes.
#include <gflags/gflags.h>
#include <zstd.h>

#include <cstdint>
#include <cstdio>
#include <format>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "tools/mkcpio/cpio_writer.h"
#include "tools/mkcpio/spec.h"

DEFINE_string(spec, "", "the text that says what goes into the archive");
DEFINE_string(output, "", "the archive to write");
DEFINE_int32(zstd_level, 0, "compress with zstd at this level; 0: do not");

namespace driveroot {
namespace {

constexpr uint64_t kMaxSpecBytes = 1 << 20;

using SourcePaths = std::map<std::string, std::string, std::less<>>;

Result<SourcePaths> ParseSources(std::span<char*> arguments) {
  SourcePaths sources;
  for (const std::string_view argument : arguments) {
    const size_t equals = argument.find('=');
    if (equals == argument.npos) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::format("{}: expected SOURCE=PATH", argument));
    }
    sources.emplace(argument.substr(0, equals), argument.substr(equals + 1));
  }
  return sources;
}

Result<std::string> BuildArchive(std::string_view spec,
                                 const SourcePaths& sources) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<CpioEntry> entries,
                             ParseCpioSpec(spec));
  CpioWriter writer;
  for (const CpioEntry& entry : entries) {
    std::string content;
    if (entry.type == CpioEntry::Type::kFile) {
      const auto source = sources.find(entry.source);
      if (source == sources.end()) {
        return Fail(ErrorCode::kInvalidArgument,
                    std::format("{}: nothing is given for the source {}",
                                entry.path, entry.source));
      }
      DRIVEROOT_ASSIGN_OR_RETURN(content, ReadFile(source->second, UINT32_MAX));
    }
    DRIVEROOT_RETURN_IF_ERROR(writer.Add(entry, content));
  }
  return writer.Finish();
}

Result<std::string> Compress(std::string_view bytes, int level) {
  std::string compressed(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(compressed.data(), compressed.size(),
                                    bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size) != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                std::format("cannot compress with zstd at level {}: {}", level,
                            ZSTD_getErrorName(size)));
  }
  compressed.resize(size);
  return compressed;
}

Status Run(std::span<char*> arguments) {
  if (FLAGS_spec.empty() || FLAGS_output.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--spec and --output are needed");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const SourcePaths sources,
                             ParseSources(arguments));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string spec,
                             ReadFile(FLAGS_spec, kMaxSpecBytes));
  Result<std::string> archive = BuildArchive(spec, sources);
  if (!archive) {
    return std::unexpected(archive.error().WithContext(FLAGS_spec));
  }
  if (FLAGS_zstd_level != 0) {
    DRIVEROOT_ASSIGN_OR_RETURN(archive, Compress(*archive, FLAGS_zstd_level));
  }
  return ReplaceFile(FLAGS_output, *archive, 0644);
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  gflags::SetUsageMessage(
      "--spec=FILE --output=FILE [--zstd_level=N] [SOURCE=PATH]...");
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  const driveroot::Status status =
      driveroot::Run(std::span(argv, argc).subspan(1));
  if (status) return 0;
  std::fprintf(stderr, "mkcpio: %s\n", status.error().message().c_str());
  return 1;
}
