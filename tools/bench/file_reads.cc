// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/file_reads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>
#include <system_error>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "tools/bench/stopwatch.h"

namespace driveroot::bench {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMebibyte = 1 << 20;
constexpr size_t kRandomReadBytes = 4096;

std::unexpected<Error> Failed(const std::string& what) {
  return std::unexpected(Error::FromErrno(errno, "cannot " + what));
}

Result<UniqueFd> OpenToRead(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Failed("open " + path);
  return fd;
}

// Reads on from where the file stands; 0 at its end.
Result<size_t> ReadSome(const UniqueFd& fd, std::string& buffer,
                        const std::string& path) {
  const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
  if (count < 0) return Failed("read " + path);
  return static_cast<size_t>(count);
}

// Calls `visit` with everything below `tree`.
template <typename Visit>
Status ForEachEntry(const std::string& tree, const Visit& visit) {
  std::error_code error;
  fs::recursive_directory_iterator entry(tree, error);
  while (!error && entry != fs::recursive_directory_iterator()) {
    DRIVEROOT_RETURN_IF_ERROR(visit(*entry));
    entry.increment(error);
  }
  if (!error) return {};
  return std::unexpected(
      Error::FromErrno(error.value(), "cannot list " + tree));
}

}  // namespace

Status MakeLargeFile(const std::string& path, uint64_t bytes) {
  const UniqueFd fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return Failed("create " + path);
  std::mt19937_64 random;
  std::string piece(kMebibyte, '\0');
  for (uint64_t done = 0; done < bytes; done += piece.size()) {
    piece.resize(std::min<uint64_t>(kMebibyte, bytes - done));
    for (char& byte : piece) byte = static_cast<char>(random());
    DRIVEROOT_RETURN_IF_ERROR(WriteFully(fd.get(), piece, path));
  }
  return {};
}

Result<std::vector<std::string>> SampleFiles(const std::string& tree,
                                             size_t count, uint64_t max_bytes) {
  std::vector<std::string> all;
  DRIVEROOT_RETURN_IF_ERROR(
      ForEachEntry(tree, [&](const fs::directory_entry& entry) -> Status {
        if (!entry.is_symlink() && entry.is_regular_file() &&
            entry.file_size() <= max_bytes) {
          all.push_back(entry.path().lexically_relative(tree));
        }
        return {};
      }));
  std::ranges::sort(all);
  count = std::min(count, all.size());
  std::vector<std::string> sample;
  for (size_t i = 0; i < count; ++i) {
    sample.push_back(all[i * all.size() / count]);
  }
  return sample;
}

Result<Cost> ReadSequentially(const Bench& bench, const std::string& path) {
  uint64_t bytes = 0;
  uint64_t bytes_at_first = 0;
  double seconds_at_first = 0;
  DRIVEROOT_ASSIGN_OR_RETURN(
      Cost cost, MeasureCost(bench, kSequentialName, [&](Cost& cost) -> Status {
        const Stopwatch watch;
        DRIVEROOT_ASSIGN_OR_RETURN(const UniqueFd fd, OpenToRead(path));
        // What cp takes at a time.
        std::string buffer(128 << 10, '\0');
        while (true) {
          DRIVEROOT_ASSIGN_OR_RETURN(const size_t count,
                                     ReadSome(fd, buffer, path));
          if (count == 0) break;
          bytes += count;
          if (bytes_at_first == 0 && bytes >= kMebibyte) {
            bytes_at_first = bytes;
            seconds_at_first = watch.Seconds();
          }
        }
        cost.unit = "files";
        cost.operations = 1;
        cost.bytes = bytes;
        return {};
      }));
  cost.link_share = LinkShare(bench.link, bytes - bytes_at_first,
                              cost.seconds - seconds_at_first);
  return cost;
}

Result<Cost> ReadRandomly(const Bench& bench, const std::string& path,
                          size_t count) {
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  const uint64_t part = error ? 0 : size / count;
  if (part < kRandomReadBytes) {
    return Fail(ErrorCode::kInvalidArgument, path + " is too small");
  }
  std::mt19937_64 random;
  std::vector<uint64_t> offsets;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t offset = i * part + random() % (part - kRandomReadBytes + 1);
    offsets.push_back(offset - offset % kRandomReadBytes);
  }
  std::ranges::shuffle(offsets, random);
  return MeasureCost(bench, kRandomName, [&](Cost& cost) -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(const UniqueFd fd, OpenToRead(path));
    char buffer[kRandomReadBytes];
    for (const uint64_t offset : offsets) {
      if (pread(fd.get(), buffer, sizeof(buffer), static_cast<off_t>(offset)) !=
          static_cast<ssize_t>(sizeof(buffer))) {
        return Failed("read " + path);
      }
    }
    cost.unit = "reads";
    cost.operations = count;
    cost.bytes = count * kRandomReadBytes;
    return {};
  });
}

Result<Cost> WalkTree(const Bench& bench, const std::string& tree) {
  return MeasureCost(bench, kWalkName, [&](Cost& cost) -> Status {
    cost.unit = "entries";
    return ForEachEntry(tree, [&](const fs::directory_entry& entry) -> Status {
      struct stat status;
      if (lstat(entry.path().c_str(), &status) != 0) {
        return Failed("look at " + entry.path().string());
      }
      ++cost.operations;
      return {};
    });
  });
}

Result<Cost> LookForMissing(const Bench& bench, const std::string& tree) {
  return MeasureCost(bench, kMissingName, [&](Cost& cost) -> Status {
    cost.unit = "names";
    return ForEachEntry(tree, [&](const fs::directory_entry& entry) -> Status {
      if (entry.is_symlink() || !entry.is_directory()) return {};
      struct stat status;
      if (lstat((entry.path() / "no such name").c_str(), &status) == 0 ||
          errno != ENOENT) {
        return Failed("miss a name in " + entry.path().string());
      }
      ++cost.operations;
      return {};
    });
  });
}

Result<Cost> ReadFiles(const Bench& bench, const std::string& tree,
                       const std::vector<std::string>& files) {
  return MeasureCost(bench, kSmallName, [&](Cost& cost) -> Status {
    cost.unit = "files";
    std::string buffer(128 << 10, '\0');
    for (const std::string& file : files) {
      const std::string path = tree + "/" + file;
      DRIVEROOT_ASSIGN_OR_RETURN(const UniqueFd fd, OpenToRead(path));
      size_t count = 0;
      do {
        DRIVEROOT_ASSIGN_OR_RETURN(count, ReadSome(fd, buffer, path));
        cost.bytes += count;
      } while (count > 0);
      ++cost.operations;
    }
    return {};
  });
}

}  // namespace driveroot::bench
