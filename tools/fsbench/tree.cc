// SPDX-License-Identifier: Apache-2.0
//
// Measurements of a whole root tree.
#include "driveroot/transfer/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "tools/fsbench/measurement.h"

namespace driveroot::fsbench {
namespace {

// Goes through everything below a folder as find(1) does; with `stats` as
// `find -newer` or `ls -lR`, which look at each entry.
Status Walk(int parent, const char* name, bool stats, uint64_t& ret_entries) {
  const int fd =
      openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return Failed(name);
  DIR* directory = fdopendir(fd);  // takes fd over
  if (directory == nullptr) return Failed(name);
  Status status;
  while (const dirent* entry = readdir(directory)) {
    const std::string_view entry_name = entry->d_name;
    if (entry_name == "." || entry_name == "..") continue;
    ++ret_entries;
    struct stat info = {};
    if (stats && fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      status = Failed(entry->d_name);
    } else if (entry->d_type == DT_DIR) {
      status = Walk(fd, entry->d_name, stats, ret_entries);
    }
    if (!status) break;
  }
  closedir(directory);
  return status;
}

Result<uint64_t> CountBelow(const std::string& path, bool stats) {
  uint64_t entries = 0;
  DRIVEROOT_RETURN_IF_ERROR(Walk(AT_FDCWD, path.c_str(), stats, entries));
  return entries;
}

// A warm walk takes so little time that it is done more than once.
Result<uint64_t> WalkWarm(const std::string& path, bool stats) {
  constexpr int kRounds = 5;
  uint64_t entries = 0;
  for (int round = 0; round < kRounds; ++round) {
    DRIVEROOT_RETURN_IF_ERROR(Walk(AT_FDCWD, path.c_str(), stats, entries));
  }
  return entries;
}

// The kernel's caches of names and inodes, and not of data (proc_sys_vm(5)).
Status DropNameCaches() {
  const std::string path = "/proc/sys/vm/drop_caches";
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return Failed(path);
  return WriteFully(fd.get(), "2", path);
}

Result<uint64_t> Unpack(const std::string& archive, const std::string& path) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSource> source,
                             OpenTreeSource(archive));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSink> sink,
                             OpenTreeSink(path));
  std::string buffer(128 << 10, '\0');
  uint64_t entries = 0;
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry,
                               source->Next());
    if (!entry) break;
    ++entries;
    DRIVEROOT_RETURN_IF_ERROR(sink->WriteEntry(*entry));
    while (true) {
      DRIVEROOT_ASSIGN_OR_RETURN(const size_t count, source->ReadData(buffer));
      if (count == 0) break;
      DRIVEROOT_RETURN_IF_ERROR(
          sink->WriteData(std::string_view(buffer).substr(0, count)));
    }
  }
  DRIVEROOT_RETURN_IF_ERROR(sink->Finish());
  return entries;
}

Result<uint64_t> RemoveAll(const std::string& path) {
  std::error_code error;
  const auto count = std::filesystem::remove_all(path, error);
  if (error) {
    return std::unexpected(Error::FromErrno(error.value(), "remove " + path));
  }
  return static_cast<uint64_t>(count);
}

}  // namespace

void AddTreeMeasurements(const std::string& folder, const Sizes& sizes,
                         std::vector<Measurement>& list) {
  if (sizes.tree.empty()) return;
  const std::string path = folder + "/tree";
  const std::string archive = sizes.tree;
  // What was unpacked in part only is no tree to compare.
  const auto is_whole = std::make_shared<bool>(false);
  const auto check = [is_whole]() -> Status {
    if (*is_whole) return {};
    return Fail(ErrorCode::kNotFound, "there is no tree");
  };
  const auto warm = [check, path]() -> Status {
    DRIVEROOT_RETURN_IF_ERROR(check());
    DRIVEROOT_RETURN_IF_ERROR(CountBelow(path, true));
    return {};
  };
  list.push_back({.name = "untar",
                  .unit = "entries",
                  .prepare = nullptr,
                  .run = [archive, path, is_whole]() -> Result<uint64_t> {
                    DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t count,
                                               Unpack(archive, path));
                    *is_whole = true;
                    return count;
                  }});
  list.push_back({.name = "walk with stat, cold",
                  .unit = "entries",
                  .prepare = [check]() -> Status {
                    DRIVEROOT_RETURN_IF_ERROR(check());
                    return DropNameCaches();
                  },
                  .run = [path] { return CountBelow(path, true); }});
  list.push_back({.name = "walk with stat, warm",
                  .unit = "entries",
                  .prepare = warm,
                  .run = [path] { return WalkWarm(path, true); }});
  list.push_back(
      {.name = "find, warm", .unit = "entries", .prepare = warm, .run = [path] {
         return WalkWarm(path, false);
       }});
  // Also what is there of a part.
  list.push_back({.name = "remove tree",
                  .unit = "entries",
                  .prepare = nullptr,
                  .run = [path] { return RemoveAll(path); }});
}

}  // namespace driveroot::fsbench
