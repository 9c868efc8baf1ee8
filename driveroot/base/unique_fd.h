// SPDX-License-Identifier: Apache-2.0
//
// Owner of one file descriptor: closes it when it goes. Not thread-safe.
#ifndef DRIVEROOT_BASE_UNIQUE_FD_H_
#define DRIVEROOT_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace driveroot {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

  // Gives the descriptor away: the caller closes it.
  int Release() { return std::exchange(fd_, -1); }

  void Reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_UNIQUE_FD_H_
