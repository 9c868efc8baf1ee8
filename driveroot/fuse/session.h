// SPDX-License-Identifier: Apache-2.0
//
// FuseSession mounts a FileSystem and serves the kernel's requests until it is
// unmounted.
//
//   auto session = FuseSession::Mount(&file_system, {.mount_point = "/mnt"});
//   (*session)->Wait();     // serving since Mount returned
//
// Root mounts with mount(2), with set-id programs, devices and access for all;
// other users through fusermount3, which allows none of that.
//
// Thread-safety: Wait from one thread; the others from any.
#ifndef DRIVEROOT_FUSE_SESSION_H_
#define DRIVEROOT_FUSE_SESSION_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <thread>

#include "driveroot/base/result.h"
#include "driveroot/fs/file_system.h"
#include "driveroot/fuse/parked_status.h"

struct fuse_session;

namespace driveroot {

class ParkedRequests;
struct SessionContext;

struct MountOptions {
  std::string mount_point;
  std::string fuse_device = "/dev/fuse";
  bool read_only = false;
  // Whether fsync(2) returns when all is durable. Otherwise it returns at once
  // and promises what holds anyway: changes become durable in their order.
  bool fsync_waits = true;
  // Tells of each request of the kernel in the log, to find out what costs
  // time.
  bool log_requests = false;
};

class FuseSession {
 public:
  // Whether Mount can work as far as that is known beforehand: the directory,
  // the FUSE device. For before anything is done that others notice.
  static Status Check(const MountOptions& options);

  // Returns when the mount answers. kNotFound: there is no such directory or no
  // FUSE device; kPermissionDenied, kNotPermitted; kBusy.
  static Result<std::unique_ptr<FuseSession>> Mount(
      FileSystem* file_system, const MountOptions& options);

  FuseSession(const FuseSession&) = delete;
  FuseSession& operator=(const FuseSession&) = delete;
  // Unmounts and stops serving.
  ~FuseSession();

  // Returns after the last mount is gone.
  void Wait();

  // As UnmountPath does it.
  Status Unmount(bool detach);

  // The device number that files of this mount show in stat(2).
  dev_t device() const { return device_; }

  // Requests that wait for the store.
  ParkedStatus GetParkedStatus() const;

  // The descriptor to which the kernel's requests come.
  int fd() const;

 private:
  struct SessionDeleter {
    void operator()(fuse_session* session) const;
  };

  FuseSession(FileSystem* file_system, const MountOptions& options);

  Status Attach();
  Status MountAsRoot();
  Status MountAsUser();
  void Serve();

  const MountOptions options_;
  const std::unique_ptr<SessionContext> context_;
  std::unique_ptr<fuse_session, SessionDeleter> session_;
  // After the session to which it gives its last answers.
  std::unique_ptr<ParkedRequests> parked_;
  dev_t device_ = 0;
  bool mounted_ = false;
  std::thread server_;
};

// Takes the mount at a path away, as root by umount2(2), else with fusermount3.
// With `detach` at once for all to come and at the end of use for those who use
// it. kBusy, kInvalidArgument (no mount), kNotPermitted.
Status UnmountPath(const std::string& path, bool detach);

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_SESSION_H_
