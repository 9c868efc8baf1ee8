// SPDX-License-Identifier: Apache-2.0
//
// Running this test's own program from a file of the file system under test:
// what set-id bits and "text file busy" need, without a program of the machine.
#ifndef DRIVEROOT_FUSE_POSIX_SELF_PROGRAM_H_
#define DRIVEROOT_FUSE_POSIX_SELF_PROGRAM_H_

#include <sys/types.h>

#include <string>

namespace driveroot::posix {

// For main, first of all: whether this process was started from below, and is
// done.
bool ActedAsSelfProgram(int argc, char** argv);

// Starts the program at `path`. "UID GID" that it says it has in effect, or the
// name of the errno value with which execve failed.
std::string RunSelfProgram(const std::string& path);

// Runs for as long as this object lives.
class RunningSelfProgram {
 public:
  explicit RunningSelfProgram(const std::string& path);
  RunningSelfProgram(const RunningSelfProgram&) = delete;
  RunningSelfProgram& operator=(const RunningSelfProgram&) = delete;
  ~RunningSelfProgram();

  bool running() const { return running_; }

 private:
  pid_t child_ = -1;
  bool running_ = false;
};

}  // namespace driveroot::posix

#endif  // DRIVEROOT_FUSE_POSIX_SELF_PROGRAM_H_
