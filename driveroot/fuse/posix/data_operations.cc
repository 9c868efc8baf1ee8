// SPDX-License-Identifier: Apache-2.0
//
// Operations on the contents of files, and on programs.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <format>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/fuse/posix/operations.h"
#include "driveroot/fuse/posix/self_program.h"

namespace driveroot::posix {
namespace {

UniqueFd OpenAt(Arguments arguments) {
  const int flags = OpenFlags(arguments[1]);
  if (flags == -1) return UniqueFd();
  const mode_t mode = arguments.size() > 2 ? Octal(arguments[2]) : 0;
  return UniqueFd(open(arguments[0].c_str(), flags, mode));
}

// open PATH FLAGS [MODE]: and close it again.
std::string Open(Arguments arguments, Held&) {
  return Answer(OpenAt(arguments).get());
}

// hold NAME PATH FLAGS [MODE]: keeps it open until the case ends.
std::string Hold(Arguments arguments, Held& held) {
  UniqueFd fd = OpenAt(arguments.subspan(1));
  const std::string answer = Answer(fd.get());
  if (fd.valid()) held[arguments[0]] = std::move(fd);
  return answer;
}

std::string Release(Arguments arguments, Held& held) {
  return held.erase(arguments[0]) > 0 ? "0" : "mistake: not held";
}

// A held file under "@NAME", another opened for this operation only.
class File {
 public:
  File(const std::string& path, int flags, Held& held) {
    if (path.starts_with('@')) {
      fd_ = held[path.substr(1)].get();
    } else {
      // A fifo without another end is an error, not a reason to wait.
      opened_ = UniqueFd(open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC));
      fd_ = opened_.get();
    }
  }
  int fd() const { return fd_; }

 private:
  UniqueFd opened_;
  int fd_ = -1;
};

// write PATH OFFSET TEXT, read PATH OFFSET COUNT: dots for NULs.
std::string Write(Arguments arguments, Held& held) {
  const File file(arguments[0], O_WRONLY, held);
  if (file.fd() < 0) return Answer(-1);
  return Answer(pwrite(file.fd(), arguments[2].data(), arguments[2].size(),
                       Number(arguments[1])));
}

// append PATH TEXT: where the descriptor stands.
std::string Append(Arguments arguments, Held& held) {
  const File file(arguments[0], O_WRONLY | O_APPEND, held);
  if (file.fd() < 0) return Answer(-1);
  return Answer(write(file.fd(), arguments[1].data(), arguments[1].size()));
}

std::string Read(Arguments arguments, Held& held) {
  const File file(arguments[0], O_RDONLY, held);
  if (file.fd() < 0) return Answer(-1);
  std::string bytes(static_cast<size_t>(Number(arguments[2])), '?');
  const ssize_t count =
      pread(file.fd(), bytes.data(), bytes.size(), Number(arguments[1]));
  if (count < 0) return Answer(-1);
  bytes.resize(static_cast<size_t>(count));
  std::ranges::replace(bytes, '\0', '.');
  return std::format("{}:{}", count, bytes);
}

// fallocate PATH FLAG,FLAG|0 OFFSET LENGTH
std::string Allocate(Arguments arguments, Held& held) {
  const File file(arguments[0], O_RDWR, held);
  if (file.fd() < 0) return Answer(-1);
  int mode = 0;
  const std::string flags = "," + arguments[1] + ",";
  const auto has = [&flags](const char* name) {
    return flags.find(std::format(",{},", name)) != std::string::npos;
  };
  if (has("keep")) mode |= FALLOC_FL_KEEP_SIZE;
  if (has("punch")) mode |= FALLOC_FL_PUNCH_HOLE;
  if (has("zero")) mode |= FALLOC_FL_ZERO_RANGE;
  if (has("collapse")) mode |= FALLOC_FL_COLLAPSE_RANGE;
  if (has("insert")) mode |= FALLOC_FL_INSERT_RANGE;
  return Answer(
      fallocate(file.fd(), mode, Number(arguments[2]), Number(arguments[3])));
}

// seek PATH data|hole OFFSET: where it leads to.
std::string Seek(Arguments arguments, Held& held) {
  const File file(arguments[0], O_RDONLY, held);
  if (file.fd() < 0) return Answer(-1);
  const off_t position = lseek(file.fd(), Number(arguments[2]),
                               arguments[1] == "data" ? SEEK_DATA : SEEK_HOLE);
  return position < 0 ? Answer(-1) : std::to_string(position);
}

// copy FROM OFFSET TO OFFSET LENGTH: how many bytes were copied.
std::string Copy(Arguments arguments, Held& held) {
  const File from(arguments[0], O_RDONLY, held);
  const File to(arguments[2], O_RDWR, held);
  if (from.fd() < 0 || to.fd() < 0) return Answer(-1);
  off_t from_offset = Number(arguments[1]);
  off_t to_offset = Number(arguments[3]);
  const ssize_t count =
      copy_file_range(from.fd(), &from_offset, to.fd(), &to_offset,
                      static_cast<size_t>(Number(arguments[4])), 0);
  return count < 0 ? Answer(-1) : std::to_string(count);
}

std::string Sync(Arguments arguments, Held& held) {
  const File file(arguments[0], O_RDONLY, held);
  return Answer(file.fd() < 0 ? -1 : fsync(file.fd()));
}

// program PATH: this very program, as an executable file.
std::string MakeProgram(Arguments arguments, Held&) {
  const Result<std::string> bytes = ReadFile("/proc/self/exe", 1 << 30);
  if (!bytes) return "mistake: cannot read myself";
  const UniqueFd fd(
      open(arguments[0].c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
  if (!fd.valid()) return Answer(-1);
  return WriteFully(fd.get(), *bytes, arguments[0]) ? "0" : Answer(-1);
}

// run PATH: the effective user and group that it runs as.
std::string Run(Arguments arguments, Held&) {
  return RunSelfProgram(arguments[0]);
}

// busy PATH OPERATION...: does it while the program at PATH runs.
std::string Busy(Arguments arguments, Held& held) {
  const RunningSelfProgram program(arguments[0]);
  if (!program.running()) return "mistake: it does not run";
  return Perform(arguments.subspan(1), held);
}

}  // namespace

void AddDataOperations(OperationTable& table) {
  table["open"] = {2, Open};
  table["hold"] = {3, Hold};
  table["release"] = {1, Release};
  table["write"] = {3, Write};
  table["append"] = {2, Append};
  table["read"] = {3, Read};
  table["fallocate"] = {4, Allocate};
  table["seek"] = {3, Seek};
  table["copy"] = {5, Copy};
  table["fsync"] = {1, Sync};
  table["program"] = {1, MakeProgram};
  table["run"] = {1, Run};
  table["busy"] = {2, Busy};
}

}  // namespace driveroot::posix
