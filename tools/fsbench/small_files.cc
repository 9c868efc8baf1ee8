// SPDX-License-Identifier: Apache-2.0
//
// Measurements of many small files.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <format>
#include <memory>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "tools/fsbench/measurement.h"

namespace driveroot::fsbench {
namespace {

// Looking at a file takes so little time that it is done more than once.
constexpr int kStatRounds = 20;
constexpr int kReadRounds = 5;

// A folder of numbered files, the same for all measurements of this theme.
class SmallFiles {
 public:
  SmallFiles(std::string folder, const Sizes& sizes)
      : folder_(std::move(folder)),
        count_(sizes.small_files),
        bytes_(sizes.small_bytes, 'x') {}

  std::string Path(uint64_t number) const {
    return std::format("{}/small/{}", folder_, number);
  }

  Status MakeFolder() const {
    const std::string path = folder_ + "/small";
    if (mkdir(path.c_str(), 0755) != 0) return Failed(path);
    return {};
  }

  // The same call for each file.
  template <typename Call>
  Result<uint64_t> ForEach(int rounds, const Call& call) const {
    for (int round = 0; round < rounds; ++round) {
      for (uint64_t i = 0; i < count_; ++i) {
        const std::string path = Path(i);
        DRIVEROOT_RETURN_IF_ERROR(call(path));
      }
    }
    return count_ * static_cast<uint64_t>(rounds);
  }

  Result<uint64_t> Create() const {
    return ForEach(1, [](const std::string& path) -> Status {
      const UniqueFd fd(
          open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
      if (!fd.valid()) return Failed(path);
      return {};
    });
  }

  Result<uint64_t> Write() const {
    return ForEach(1, [this](const std::string& path) -> Status {
      const UniqueFd fd(
          open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
      if (!fd.valid()) return Failed(path);
      return WriteFully(fd.get(), bytes_, path);
    });
  }

  Result<uint64_t> Stat() const {
    return ForEach(kStatRounds, [](const std::string& path) -> Status {
      struct stat status = {};
      if (lstat(path.c_str(), &status) != 0) return Failed(path);
      return {};
    });
  }

  Result<uint64_t> Read() const {
    std::string buffer(bytes_.size(), '\0');
    return ForEach(kReadRounds, [&buffer](const std::string& path) -> Status {
      const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
      if (read(fd.get(), buffer.data(), buffer.size()) < 0) return Failed(path);
      return {};
    });
  }

  Result<uint64_t> Rename() const {
    return ForEach(1, [](const std::string& path) -> Status {
      const std::string other = path + ".renamed";
      if (rename(path.c_str(), other.c_str()) != 0) return Failed(path);
      return {};
    });
  }

  Result<uint64_t> Unlink() const {
    return ForEach(1, [](const std::string& path) -> Status {
      const std::string other = path + ".renamed";
      if (unlink(other.c_str()) != 0) return Failed(other);
      return {};
    });
  }

  Status RemoveFolder() const {
    const std::string path = folder_ + "/small";
    if (rmdir(path.c_str()) != 0) return Failed(path);
    return {};
  }

 private:
  const std::string folder_;
  const uint64_t count_;
  const std::string bytes_;
};

}  // namespace

void AddSmallFileMeasurements(const std::string& folder, const Sizes& sizes,
                              std::vector<Measurement>& list) {
  const auto files = std::make_shared<SmallFiles>(folder, sizes);
  list.push_back({.name = "create",
                  .unit = "files",
                  .prepare = [files] { return files->MakeFolder(); },
                  .run = [files] { return files->Create(); }});
  list.push_back({.name = "write small",
                  .unit = "files",
                  .prepare = nullptr,
                  .run = [files] { return files->Write(); }});
  list.push_back({.name = "stat",
                  .unit = "files",
                  // The first look after a change is no warm one.
                  .prepare = [files]() -> Status {
                    DRIVEROOT_RETURN_IF_ERROR(files->Stat());
                    return {};
                  },
                  .run = [files] { return files->Stat(); }});
  list.push_back({.name = "open+read+close",
                  .unit = "files",
                  .prepare = nullptr,
                  .run = [files] { return files->Read(); }});
  list.push_back(
      {.name = "rename", .unit = "files", .prepare = nullptr, .run = [files] {
         return files->Rename();
       }});
  list.push_back({.name = "unlink",
                  .unit = "files",
                  .prepare = nullptr,
                  .run = [files]() -> Result<uint64_t> {
                    DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t count,
                                               files->Unlink());
                    DRIVEROOT_RETURN_IF_ERROR(files->RemoveFolder());
                    return count;
                  }});
}

}  // namespace driveroot::fsbench
