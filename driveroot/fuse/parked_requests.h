// SPDX-License-Identifier: Apache-2.0
//
// ParkedRequests: the kernel's requests that wait for the store, kept without a
// thread for each, so that any number of processes may wait (for an fsync, for
// data that is not in memory, for room to write) while everybody else is
// served. One thread answers them.
//
// - Writes go on in the order in which they came, when there is room. So do
//   changes of names and attributes, of which there must be very many before
//   they wait.
// - A read that the store refuses for now is tried again; the first failure is
//   logged, and all show in GetStatus().
// - A process that is to end is let go with EINTR: a write that was parked has
//   changed nothing then. Other signals wait, as on a local disk, whose reads,
//   writes and fsyncs nothing else interrupts.
//
// Memory: the bytes of parked writes, at most kMaxParkedBytes. Beyond that a
// write is cut to its first page, of which write(2) then tells the length.
// Those of mappings are not cut; the kernel sends no more than kMaxBackground
// of them.
//
// Thread-safe. Each function that is given a request answers it, now or later.
#ifndef DRIVEROOT_FUSE_PARKED_REQUESTS_H_
#define DRIVEROOT_FUSE_PARKED_REQUESTS_H_

#include <fuse_lowlevel.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/fs/file_system.h"
#include "driveroot/fuse/parked_status.h"

namespace driveroot {

class ParkedRequests {
 public:
  static constexpr uint64_t kMaxParkedBytes = 64 << 20;

  // Makes the change of a write and answers the request; false: there is no
  // room for its bytes now, and nothing was done.
  using TryWrite = std::function<bool(fuse_req_t, std::string_view bytes)>;

  // Becomes the listener of its volume. `file_system` outlives this.
  explicit ParkedRequests(FileSystem* file_system);
  ParkedRequests(const ParkedRequests&) = delete;
  ParkedRequests& operator=(const ParkedRequests&) = delete;
  // What still waits is answered with EINTR. No request comes any more.
  ~ParkedRequests();

  void Sync(fuse_req_t request);
  void Read(fuse_req_t request, InodeNumber number, uint64_t offset,
            uint64_t length, AccessNote access);
  // `may_be_cut`: a shorter write is an answer that the kernel takes.
  void Write(fuse_req_t request, std::string_view bytes, bool may_be_cut,
             TryWrite try_write);

  // Repeats the current operation (current_operation.h) when there may be room
  // for what it changes. False: it cannot be repeated, and the caller answers.
  bool ParkChange(fuse_req_t request);

  ParkedStatus GetStatus() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Parked;
  using ParkedPtr = std::shared_ptr<Parked>;
  // What other threads leave for ours. Outlives this while a read is completed.
  struct Inbox;

  static void OnInterrupt(fuse_req_t request, void* id);

  void Add(const ParkedPtr& parked);
  std::optional<Result<FileBytes>> StartRead(const ParkedPtr& parked);

  // Only our thread calls these.
  void Run();
  Clock::time_point NextDeadline() const;
  void Accept(const ParkedPtr& parked);
  void ResumeSyncs();
  // Of data, or of the tree.
  void ResumeChanges(std::map<uint64_t, ParkedPtr>& changes);
  void CompleteRead(const ParkedPtr& parked, Result<FileBytes> bytes);
  void RetryReads(Clock::time_point now);
  // Lets go of those of `ids` whose process is to end; watches the others.
  void Examine(const std::vector<uint64_t>& ids);
  // Empty: the store answers.
  void NoteReadError(const std::string& message);
  // The caller answers it.
  void Remove(const ParkedPtr& parked);
  // Answers it with EINTR.
  void GiveUp(const ParkedPtr& parked);

  FileSystem* file_system_;
  const std::shared_ptr<Inbox> inbox_;
  std::atomic<uint64_t> waiting_writes_ = 0;
  std::atomic<uint64_t> write_bytes_ = 0;

  // Only our thread uses these; by the order in which they came.
  std::map<uint64_t, ParkedPtr> syncs_;
  std::map<uint64_t, ParkedPtr> writes_;
  std::map<uint64_t, ParkedPtr> changes_;
  bool no_room_ = false;  // for the change that is being repeated
  std::multimap<Clock::time_point, ParkedPtr> retries_;
  // A signal came that ends no process; another one may.
  std::vector<uint64_t> watched_;
  Clock::time_point next_look_;

  mutable std::mutex error_mutex_;
  std::string read_error_;

  std::jthread thread_;  // last: it uses all the rest
};

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_PARKED_REQUESTS_H_
