// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/session.h"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <glog/logging.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <format>
#include <mutex>
#include <vector>

#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/block_device_info.h"
#include "driveroot/fuse/operations.h"
#include "driveroot/fuse/parked_requests.h"
#include "driveroot/fuse/reply.h"

namespace driveroot {
namespace {

// None of them waits for the store, so a few are enough. They stay: each has a
// buffer for the longest request.
constexpr unsigned kMaxThreads = 16;

constexpr char kName[] = "driveroot";
constexpr char kType[] = "fuse.driveroot";

// What libfuse or fusermount3 said last, for the message of a failed mount.
class LastMessage {
 public:
  static void Record(fuse_log_level, const char* format, va_list arguments) {
    char text[512];
    vsnprintf(text, sizeof(text), format, arguments);
    LOG(INFO) << "libfuse: " << text;
    std::lock_guard lock(mutex_);
    text_ = text;
    while (text_.ends_with('\n')) text_.pop_back();
  }
  static std::string Get() {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  static inline std::mutex mutex_;
  static inline std::string text_;
};

Error MountError(int errno_value, const std::string& mount_point) {
  return Error::FromErrno(errno_value, "cannot mount on " + mount_point);
}

Status CheckMountPoint(const std::string& mount_point) {
  struct stat info = {};
  if (stat(mount_point.c_str(), &info) != 0) {
    const int error = errno;
    if (error == ENOTCONN) {
      return Fail(ErrorCode::kBusy,
                  std::format("{} is a mount whose program has ended: unmount "
                              "it with `umount {}` first",
                              mount_point, mount_point));
    }
    return std::unexpected(MountError(error, mount_point));
  }
  if (!S_ISDIR(info.st_mode)) {
    return Fail(
        ErrorCode::kNotDirectory,
        std::format("cannot mount on {}: it is no directory", mount_point));
  }
  return {};
}

Result<UniqueFd> OpenDevice(const std::string& path) {
  UniqueFd device(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (device.valid()) return device;
  return std::unexpected(Error::FromErrno(
      errno,
      std::format("cannot open {}: the kernel needs FUSE (modprobe fuse)",
                  path)));
}

// Runs fusermount3 with the arguments given and waits for it.
Status RunFusermount(const std::vector<std::string>& arguments) {
  const std::string program = "fusermount3";
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot run fusermount3"));
  }
  if (child == 0) {
    execvp(program.c_str(), argv.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return std::unexpected(Error::FromErrno(errno, "fusermount3"));
    }
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return Fail(ErrorCode::kNotFound,
                "cannot run fusermount3: install the package fuse3");
  }
  return Fail(ErrorCode::kBusy,
              "fusermount3 failed: the mount is in use, or "
              "not yours");
}

}  // namespace

void FuseSession::SessionDeleter::operator()(fuse_session* session) const {
  fuse_session_destroy(session);
}

Status FuseSession::Check(const MountOptions& options) {
  DRIVEROOT_RETURN_IF_ERROR(CheckMountPoint(options.mount_point));
  // Other users' device is opened by fusermount3.
  if (geteuid() != 0) return {};
  return OpenDevice(options.fuse_device).transform([](const UniqueFd&) {});
}

Result<std::unique_ptr<FuseSession>> FuseSession::Mount(
    FileSystem* file_system, const MountOptions& options) {
  DRIVEROOT_RETURN_IF_ERROR(CheckMountPoint(options.mount_point));
  fuse_set_log_func(LastMessage::Record);
  std::unique_ptr<FuseSession> session(new FuseSession(file_system, options));
  DRIVEROOT_RETURN_IF_ERROR(session->Attach());
  session->server_ = std::thread([raw = session.get()] { raw->Serve(); });
  // The first question that the kernel can only answer by asking us.
  struct stat info = {};
  if (stat(options.mount_point.c_str(), &info) != 0) {
    return std::unexpected(MountError(errno, options.mount_point));
  }
  session->device_ = info.st_dev;
  if (geteuid() == 0) TuneBlockDeviceInfo(session->device_);
  return session;
}

FuseSession::FuseSession(FileSystem* file_system, const MountOptions& options)
    : options_(options),
      context_(std::make_unique<SessionContext>()),
      parked_(std::make_unique<ParkedRequests>(file_system)) {
  context_->file_system = file_system;
  context_->parked = parked_.get();
}

Status FuseSession::Attach() {
  const bool root = geteuid() == 0;
  std::string mount_options =
      std::format("default_permissions,fsname={},subtype={}", kName, kName);
  if (options_.read_only) mount_options += ",ro";
  std::vector<std::string> words = {kName};
  if (options_.log_requests) words.emplace_back("-d");
  // As root the options go to mount(2), and libfuse takes none.
  if (!root) words.insert(words.end(), {"-o", mount_options});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  fuse_args arguments =
      FUSE_ARGS_INIT(static_cast<int>(argv.size()), argv.data());
  fuse_lowlevel_ops operations = MakeOperations();
  if (!options_.fsync_waits) {
    // The kernel takes a missing operation as success and asks no more.
    operations.fsync = nullptr;
    operations.fsyncdir = nullptr;
  }
  session_.reset(fuse_session_new(&arguments, &operations, sizeof(operations),
                                  context_.get()));
  fuse_opt_free_args(&arguments);
  if (session_ == nullptr) {
    return Fail(ErrorCode::kInternal,
                "libfuse made no session: " + LastMessage::Get());
  }
  // The kernel forgets the attributes before its own write goes on. It takes no
  // lock of the inode for that, which the writer holds.
  context_->file_system->set_mode_listener(
      [session = session_.get()](InodeNumber number) {
        fuse_lowlevel_notify_inval_inode(session, number, -1, 0);
      });
  return root ? MountAsRoot() : MountAsUser();
}

Status FuseSession::MountAsRoot() {
  DRIVEROOT_ASSIGN_OR_RETURN(UniqueFd device, OpenDevice(options_.fuse_device));
  const std::string data = std::format(
      "fd={},rootmode=40000,user_id=0,group_id=0,allow_other,"
      "default_permissions",
      device.get());
  const unsigned long flags = options_.read_only ? MS_RDONLY : 0;
  if (mount(kName, options_.mount_point.c_str(), kType, flags, data.c_str()) !=
      0) {
    return std::unexpected(MountError(errno, options_.mount_point));
  }
  mounted_ = true;
  const std::string inherited = std::format("/dev/fd/{}", device.get());
  if (fuse_session_mount(session_.get(), inherited.c_str()) != 0) {
    return Fail(ErrorCode::kInternal, "libfuse: " + LastMessage::Get());
  }
  device.Release();  // The session closes it.
  return {};
}

Status FuseSession::MountAsUser() {
  if (fuse_session_mount(session_.get(), options_.mount_point.c_str()) != 0) {
    return Fail(ErrorCode::kPermissionDenied,
                std::format("cannot mount on {}: {} (users other than root "
                            "need fusermount3 of the package fuse3)",
                            options_.mount_point, LastMessage::Get()));
  }
  mounted_ = true;
  return {};
}

void FuseSession::Serve() {
  fuse_loop_config* config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_max_threads(config, kMaxThreads);
  fuse_loop_cfg_set_idle_threads(config, kMaxThreads);
  const int result = fuse_session_loop_mt(session_.get(), config);
  fuse_loop_cfg_destroy(config);
  if (result != 0) LOG(WARNING) << "the FUSE session ended with " << result;
}

void FuseSession::Wait() {
  if (server_.joinable()) server_.join();
  // The kernel ended the session because the mount is gone.
  mounted_ = false;
}

Status FuseSession::Unmount(bool detach) {
  return UnmountPath(options_.mount_point, detach);
}

ParkedStatus FuseSession::GetParkedStatus() const {
  return parked_->GetStatus();
}

int FuseSession::fd() const { return fuse_session_fd(session_.get()); }

FuseSession::~FuseSession() {
  if (!mounted_) return;
  if (const Status status = Unmount(/*detach=*/true); !status) {
    LOG(WARNING) << status.error();
  }
  if (server_.joinable()) server_.join();
}

Status UnmountPath(const std::string& path, bool detach) {
  if (geteuid() == 0) {
    if (umount2(path.c_str(), detach ? MNT_DETACH : 0) != 0) {
      return std::unexpected(Error::FromErrno(errno, "cannot unmount " + path));
    }
    return {};
  }
  if (detach) return RunFusermount({"-u", "-z", "-q", "--", path});
  return RunFusermount({"-u", "-q", "--", path});
}

}  // namespace driveroot
