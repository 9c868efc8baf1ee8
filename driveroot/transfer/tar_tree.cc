// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/tar_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/tar/tar.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot {
namespace {

constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

// Reads a descriptor through a buffer, counts what it has read, and takes
// compression away when the first bytes tell of it.
class ArchiveSource final : public ByteSource {
 public:
  ArchiveSource(int fd, std::string name)
      : file_(fd, std::move(name)), buffer_(ZSTD_DStreamInSize(), '\0') {}

  Status Begin() {
    DRIVEROOT_ASSIGN_OR_RETURN(filled_, ReadFully(file_, buffer_));
    bytes_read_ = filled_;
    if (std::string_view(buffer_).substr(0, filled_).starts_with(kZstdMagic)) {
      decoder_.reset(ZSTD_createDCtx());
    }
    return {};
  }

  Result<size_t> Read(std::span<char> out) override {
    if (decoder_ != nullptr) return Decompress(out);
    if (begin_ == filled_) DRIVEROOT_RETURN_IF_ERROR(Refill());
    const size_t count = std::min(out.size(), filled_ - begin_);
    std::copy_n(buffer_.begin() + static_cast<ptrdiff_t>(begin_), count,
                out.begin());
    begin_ += count;
    return count;
  }

  // As they are in the file, so compressed ones if it is compressed.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  struct FreeDecoder {
    void operator()(ZSTD_DCtx* decoder) const { ZSTD_freeDCtx(decoder); }
  };

  Status Refill() {
    begin_ = 0;
    DRIVEROOT_ASSIGN_OR_RETURN(filled_, file_.Read(buffer_));
    bytes_read_ += filled_;
    return {};
  }

  Result<size_t> Decompress(std::span<char> out) {
    ZSTD_outBuffer output = {.dst = out.data(), .size = out.size(), .pos = 0};
    while (output.pos == 0) {
      if (begin_ == filled_) DRIVEROOT_RETURN_IF_ERROR(Refill());
      const bool at_end = filled_ == 0;
      if (at_end && at_frame_end_) return 0;
      ZSTD_inBuffer input = {
          .src = buffer_.data(), .size = filled_, .pos = begin_};
      const size_t hint =
          ZSTD_decompressStream(decoder_.get(), &output, &input);
      if (ZSTD_isError(hint) != 0) {
        return Fail(ErrorCode::kDataLoss,
                    std::string("the archive is damaged: zstd says ") +
                        ZSTD_getErrorName(hint));
      }
      begin_ = input.pos;
      at_frame_end_ = hint == 0;
      if (at_end && output.pos == 0) {
        return Fail(ErrorCode::kDataLoss, "the archive ends too early");
      }
    }
    return output.pos;
  }

  FdSource file_;
  std::string buffer_;
  size_t begin_ = 0;
  size_t filled_ = 0;
  uint64_t bytes_read_ = 0;
  std::unique_ptr<ZSTD_DCtx, FreeDecoder> decoder_;
  bool at_frame_end_ = false;
};

class TarSource final : public TreeSource {
 public:
  TarSource(UniqueFd owned, int fd, const std::string& name, uint64_t total)
      : owned_(std::move(owned)),
        archive_(fd, name),
        reader_(&archive_),
        name_(name),
        total_(total) {}

  Status Begin() { return archive_.Begin(); }

  Result<std::optional<TarEntry>> Next() override {
    return Named(reader_.Next());
  }
  Result<size_t> ReadData(std::span<char> buffer) override {
    return Named(reader_.ReadData(buffer));
  }
  uint64_t bytes_done() const override { return archive_.bytes_read(); }
  uint64_t bytes_total() const override { return total_; }

 private:
  template <typename T>
  Result<T> Named(Result<T> result) const {
    if (!result) return std::unexpected(result.error().WithContext(name_));
    return result;
  }

  UniqueFd owned_;
  ArchiveSource archive_;
  TarReader reader_;
  std::string name_;
  uint64_t total_;
};

class TarSink final : public TreeSink {
 public:
  // `final_path` is empty for a stream, which needs no renaming.
  TarSink(UniqueFd owned, int fd, std::string temporary, std::string final_path)
      : owned_(std::move(owned)),
        sink_(fd, final_path.empty() ? "standard output" : final_path),
        writer_(&sink_),
        temporary_(std::move(temporary)),
        final_path_(std::move(final_path)) {}

  ~TarSink() override {
    if (!temporary_.empty()) unlink(temporary_.c_str());
  }

  Status WriteEntry(const TarEntry& entry) override {
    return writer_.WriteEntry(entry);
  }
  Status WriteData(std::string_view bytes) override {
    return writer_.WriteData(bytes);
  }
  Status Finish() override {
    DRIVEROOT_RETURN_IF_ERROR(writer_.Finish());
    if (temporary_.empty()) return {};
    if (rename(temporary_.c_str(), final_path_.c_str()) != 0) {
      return std::unexpected(
          Error::FromErrno(errno, "cannot create " + final_path_));
    }
    temporary_.clear();
    return {};
  }

 private:
  UniqueFd owned_;
  FdSink sink_;
  TarWriter writer_;
  std::string temporary_;
  std::string final_path_;
};

}  // namespace

Result<std::unique_ptr<TreeSource>> OpenTarSource(const std::string& path) {
  UniqueFd owned;
  int fd = STDIN_FILENO;
  if (path != "-") {
    owned = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    fd = owned.get();
    if (!owned.valid()) {
      return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
    }
  }
  struct stat status;
  const bool has_size = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  auto source = std::make_unique<TarSource>(
      std::move(owned), fd, path == "-" ? "standard input" : path,
      has_size ? static_cast<uint64_t>(status.st_size) : 0);
  DRIVEROOT_RETURN_IF_ERROR(source->Begin());
  return source;
}

Result<std::unique_ptr<TreeSink>> CreateTarSink(const std::string& path) {
  if (path == "-") {
    return std::make_unique<TarSink>(UniqueFd(), STDOUT_FILENO, "", "");
  }
  const std::string temporary = path + ".partial";
  UniqueFd owned(
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!owned.valid()) {
    return std::unexpected(Error::FromErrno(errno, "cannot create " + path));
  }
  const int fd = owned.get();
  return std::make_unique<TarSink>(std::move(owned), fd, temporary, path);
}

}  // namespace driveroot
