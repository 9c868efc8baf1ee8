// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/survival.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot {
namespace {

// How long a stopped daemon stays stopped at most, more or less. Each turn
// costs one wake-up of the processor.
constexpr std::chrono::milliseconds kInterval{50};

void LogFailure(bool failed, const char* what) {
  if (failed) PLOG(WARNING) << "cannot " << what;
}

class SignalWaker : public Waker {
 public:
  ~SignalWaker() override {
    thread_ = {};  // stops it and waits for its end
    if (has_timer_) timer_delete(timer_);
  }

  Status Begin(int fuse_fd) {
    // SIGCONT continues a stopped process the moment it is sent, blocked or
    // not; nothing else is wanted of it.
    const int flags = fcntl(fuse_fd, F_GETFL);
    if (flags < 0 || fcntl(fuse_fd, F_SETOWN, getpid()) != 0 ||
        fcntl(fuse_fd, F_SETSIG, SIGCONT) != 0 ||
        fcntl(fuse_fd, F_SETFL, flags | O_ASYNC) != 0) {
      return std::unexpected(
          Error::FromErrno(errno, "cannot ask for signals of the FUSE device"));
    }
    sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGCONT;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) {
      return std::unexpected(Error::FromErrno(errno, "cannot make a timer"));
    }
    has_timer_ = true;
    const timespec interval = {
        .tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(kInterval).count()};
    const itimerspec setting = {.it_interval = interval, .it_value = interval};
    if (timer_settime(timer_, 0, &setting, nullptr) != 0) {
      return std::unexpected(Error::FromErrno(errno, "cannot start a timer"));
    }
    thread_ = std::jthread([](std::stop_token stop) { Collect(stop); });
    return {};
  }

 private:
  // A timer's signal is sent again only after the one before was taken. Taking
  // them in turns, instead of waiting for each, keeps a busy file system from
  // waking this thread for every request.
  static void Collect(std::stop_token stop) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    const timespec at_once = {};
    while (!stop.stop_requested()) {
      while (sigtimedwait(&set, nullptr, &at_once) >= 0) {
      }
      std::this_thread::sleep_for(kInterval);
    }
  }

  timer_t timer_ = {};
  bool has_timer_ = false;
  std::jthread thread_;
};

}  // namespace

void PrepareToSurvive() {
  // Fails for the leader of a session, which init may have made us already.
  if (setsid() < 0) LOG(INFO) << "already the leader of a session";
  // A stopped or killed root file system stops the machine: no signal that
  // means "end" is heeded. It ends when it is unmounted.
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGIO, SIGPIPE,
                           SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2}) {
    signal(number, SIG_IGN);
  }
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCONT);
  LogFailure(pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0, "block SIGCONT");
  // What is touched stays in memory: to page it in again, the root that we
  // serve may be needed. Stacks that are not touched cost nothing.
  LogFailure(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0,
             "lock the memory");
  // Memory that we need to write something out must not wait for writing out.
  LogFailure(prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0,
             "become an I/O flusher");
  const UniqueFd file(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  LogFailure(!file.valid() || write(file.get(), "-1000", 5) != 5,
             "leave the memory killer's list");
}

Result<std::unique_ptr<Waker>> Waker::Start(int fuse_fd) {
  auto waker = std::make_unique<SignalWaker>();
  DRIVEROOT_RETURN_IF_ERROR(waker->Begin(fuse_fd));
  return waker;
}

}  // namespace driveroot
