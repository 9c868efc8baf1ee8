// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/tar_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "driveroot/base/tar/tar.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/transfer/image_source.h"
#include "driveroot/transfer/owner_names.h"

namespace driveroot {
namespace {

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string TemporaryFolder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

// Without a name, and nobody else's.
Result<UniqueFd> MakeTemporaryFile() {
  const std::string folder = TemporaryFolder();
  UniqueFd file(
      open(folder.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
  if (file.valid()) return file;
  std::string name = folder + "/driveroot.XXXXXX";
  file = UniqueFd(mkostemp(name.data(), O_CLOEXEC));
  if (!file.valid() || unlink(name.c_str()) != 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot make a temporary file in " + folder +
                                    " (TMPDIR names another folder)"));
  }
  return file;
}

// Keeps what it gives until it is told that nobody will want it again.
class RecordingSource final : public ByteSource {
 public:
  explicit RecordingSource(ByteSource* input) : input_(input) {}

  Result<size_t> Read(std::span<char> buffer) override {
    DRIVEROOT_ASSIGN_OR_RETURN(const size_t n, input_->Read(buffer));
    if (recording_) recorded_.append(buffer.data(), n);
    if (recorded_.size() > kMaxBytes) Stop();
    return n;
  }
  void Stop() {
    recording_ = false;
    recorded_ = std::string();
  }
  bool recording() const { return recording_; }
  const std::string& recorded() const { return recorded_; }

 private:
  // No image begins with so much before its first name.
  static constexpr size_t kMaxBytes = 16 << 20;

  ByteSource* input_;
  bool recording_ = true;
  std::string recorded_;
};

class TarSource final : public TreeSource {
 public:
  TarSource(UniqueFd owned, int fd, const std::string& name, uint64_t total)
      : owned_(std::move(owned)),
        fd_(fd),
        file_(fd, name),
        buffered_(&file_),
        name_(name),
        total_(total) {}

  // Reads the first member, so that what is no archive is known before anything
  // else begins.
  Status Begin() {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string_view head,
                               buffered_.Peek(kMagicBytes));
    const Result<Compressed> format = RecognizeCompression(head);
    if (!format) {
      return std::unexpected(format.error().WithContext(name_));
    }
    format_ = *format;
    contents_ = MakeDecompressor(format_, &buffered_);
    recorder_.emplace(contents_.get());
    reader_.emplace(&*recorder_, LookUpOwner);
    // The top itself says nothing.
    do {
      DRIVEROOT_ASSIGN_OR_RETURN(first_.emplace_back(), ReadNext());
    } while (first_.size() < 2 && first_.back() && first_.back()->path == ".");
    return {};
  }

  bool may_be_image() const {
    return recorder_->recording() && first_.back() &&
           MayBeImage(first_.back()->path);
  }
  void IsNoImage() { recorder_->Stop(); }

  // All of the archive in a file that is not compressed. After this, the source
  // is of no use.
  Result<std::shared_ptr<const UniqueFd>> IntoFile(uint64_t* ret_size) {
    if (total_ > 0 && format_ == Compressed::kNot) {
      *ret_size = total_;
      return std::make_shared<const UniqueFd>(fcntl(fd_, F_DUPFD_CLOEXEC, 0));
    }
    DRIVEROOT_ASSIGN_OR_RETURN(UniqueFd file, MakeTemporaryFile());
    FdSink sink(file.get(), "a temporary file in " + TemporaryFolder());
    DRIVEROOT_RETURN_IF_ERROR(sink.Write(recorder_->recorded()));
    *ret_size = recorder_->recorded().size();
    std::string buffer(128 << 10, '\0');
    while (true) {
      DRIVEROOT_ASSIGN_OR_RETURN(const size_t n,
                                 Named(contents_->Read(buffer)));
      if (n == 0) return std::make_shared<const UniqueFd>(std::move(file));
      DRIVEROOT_RETURN_IF_ERROR(
          sink.Write(std::string_view(buffer).substr(0, n)));
      *ret_size += n;
    }
  }

  Result<std::optional<TarEntry>> Next() override {
    std::optional<TarEntry> entry;
    if (first_.empty()) {
      DRIVEROOT_ASSIGN_OR_RETURN(entry, ReadNext());
    } else {
      entry = std::move(first_.front());
      first_.pop_front();
    }
    if (entry && entry->type == TarType::kFile && entry->size == 0 &&
        BaseName(entry->path).starts_with(".wh.")) {
      return Fail(ErrorCode::kNotSupported,
                  name_ +
                      " is one layer of a container image, not a whole "
                      "tree (" +
                      entry->path +
                      " takes away what lower layers hold): push the image, "
                      "or what `docker export` writes; files that just have "
                      "such names can be pushed as a folder");
    }
    return entry;
  }
  // While members that were read in advance are left, the reader is at the last
  // of them; the top, before it, has no contents.
  Result<size_t> ReadData(std::span<char> buffer) override {
    if (!first_.empty()) return 0;
    return Named(reader_->ReadData(buffer));
  }
  Result<uint64_t> SkipHole() override {
    return first_.empty() ? reader_->SkipHole() : 0;
  }
  uint64_t bytes_done() const override { return buffered_.bytes_read(); }
  uint64_t bytes_total() const override { return total_; }

 private:
  template <typename T>
  Result<T> Named(Result<T> result) const {
    if (!result) return std::unexpected(result.error().WithContext(name_));
    return result;
  }

  Result<std::optional<TarEntry>> ReadNext() {
    DRIVEROOT_ASSIGN_OR_RETURN(std::optional<TarEntry> entry,
                               Named(reader_->Next()));
    NoteLosses(entry);
    return entry;
  }

  void NoteLosses(const std::optional<TarEntry>& entry) {
    if (entry) {
      for (const std::string& loss : reader_->losses()) {
        notes_.Add("times not kept: " + loss, entry->path);
      }
    } else if (reader_->stray_bytes() > 0) {
      notes_.Add("part behind the archive's end is no archive and was left out",
                 std::to_string(reader_->stray_bytes()) + " bytes");
    }
  }

  UniqueFd owned_;
  int fd_;
  FdSource file_;
  BufferedSource buffered_;
  std::string name_;
  uint64_t total_;  // 0: not known
  Compressed format_ = Compressed::kNot;
  std::unique_ptr<ByteSource> contents_;
  std::optional<RecordingSource> recorder_;
  std::optional<TarReader> reader_;
  std::deque<std::optional<TarEntry>> first_;
};

// The manifest of an image may be its last member, so the whole of it must be
// there before anything is read.
Result<std::unique_ptr<TreeSource>> OpenImageArchive(TarSource& source,
                                                     const std::string& name) {
  uint64_t size = 0;
  DRIVEROOT_ASSIGN_OR_RETURN(std::shared_ptr<const UniqueFd> file,
                             source.IntoFile(&size));
  Result<std::unique_ptr<ImageMembers>> members = MembersOfTar(file, size);
  if (!members) return std::unexpected(members.error().WithContext(name));
  if (IsImage(**members)) return OpenImage(*std::move(members), name);
  // What only looked like one is read once more.
  if (lseek(file->get(), 0, SEEK_SET) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot read " + name));
  }
  const int fd = file->get();
  auto again = std::make_unique<TarSource>(
      UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0)), fd, name, size);
  DRIVEROOT_RETURN_IF_ERROR(again->Begin());
  again->IsNoImage();
  return again;
}

// Where an archive is written to.
struct Target {
  UniqueFd owned;
  int fd = -1;
  std::string name;        // for messages
  std::string temporary;   // to be renamed at the end; empty: no need
  std::string final_path;  // what to
};

class TarSink final : public TreeSink {
 public:
  TarSink(Target target, Compressed format)
      : target_(std::move(target)),
        sink_(target_.fd, target_.name),
        compressor_(format == Compressed::kNot
                        ? nullptr
                        : MakeCompressor(format, &sink_)),
        writer_(compressor_ != nullptr ? compressor_.get()
                                       : static_cast<ByteSink*>(&sink_)) {}

  ~TarSink() override {
    if (!target_.temporary.empty()) unlink(target_.temporary.c_str());
  }

  Status WriteEntry(const TarEntry& entry) override {
    is_sparse_ = entry.runs.has_value();
    return writer_.WriteEntry(entry);
  }
  Status WriteData(std::string_view bytes) override {
    return writer_.WriteData(bytes);
  }
  Status WriteHole(uint64_t bytes) override {
    return is_sparse_ ? Status() : TreeSink::WriteHole(bytes);
  }
  Status Finish() override {
    DRIVEROOT_RETURN_IF_ERROR(writer_.Finish());
    if (compressor_ != nullptr) {
      DRIVEROOT_RETURN_IF_ERROR(compressor_->Finish());
    }
    if (target_.temporary.empty()) return {};
    // A name whose contents a crash takes away would be worse than none.
    if (fsync(target_.fd) != 0 ||
        rename(target_.temporary.c_str(), target_.final_path.c_str()) != 0) {
      return std::unexpected(
          Error::FromErrno(errno, "cannot create " + target_.final_path));
    }
    target_.temporary.clear();
    return {};
  }

 private:
  Target target_;
  FdSink sink_;
  std::unique_ptr<CompressingSink> compressor_;
  TarWriter writer_;
  bool is_sparse_ = false;
};

Result<Target> OpenTarget(const std::string& path) {
  Target target;
  target.name = path;
  target.final_path = path;
  if (path == "-") {
    if (isatty(STDOUT_FILENO) != 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "standard output is a terminal: send the archive to a file "
                  "or a pipe");
    }
    target.fd = STDOUT_FILENO;
    target.name = "standard output";
    return target;
  }
  struct stat status;
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    // Nothing that a rename may replace.
    target.owned = UniqueFd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  } else {
    // Exclusive and 0600, as mkostemp makes it, so nobody can have put a link
    // there.
    target.temporary = path + ".partial.XXXXXX";
    target.owned = UniqueFd(mkostemp(target.temporary.data(), O_CLOEXEC));
  }
  if (!target.owned.valid()) {
    return std::unexpected(Error::FromErrno(errno, "cannot create " + path));
  }
  target.fd = target.owned.get();
  return target;
}

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
  } else if (isatty(fd) != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "standard input is a terminal: give an archive to it");
  }
  struct stat status;
  const bool has_size = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  auto source = std::make_unique<TarSource>(
      std::move(owned), fd, path == "-" ? "standard input" : path,
      has_size ? static_cast<uint64_t>(status.st_size) : 0);
  DRIVEROOT_RETURN_IF_ERROR(source->Begin());
  if (source->may_be_image()) return OpenImageArchive(*source, path);
  source->IsNoImage();
  return source;
}

Result<std::unique_ptr<TreeSink>> CreateTarSink(const std::string& path,
                                                Compressed format) {
  DRIVEROOT_ASSIGN_OR_RETURN(Target target, OpenTarget(path));
  return std::make_unique<TarSink>(std::move(target), format);
}

}  // namespace driveroot
