// SPDX-License-Identifier: Apache-2.0
//
// Rewriter writes parts of files anew that lie in mostly dead frames. A frame
// is stored and fetched as a whole, so moving it would keep what of it no file
// refers to any more; what is written anew goes into new frames, and the old
// ones die.
//
// To readers nothing changes, not even a time. Lock order: Volume's lock is
// taken for short times, never while a call of the store runs. One thread at a
// time.
#ifndef DRIVEROOT_VOLUME_REWRITER_H_
#define DRIVEROOT_VOLUME_REWRITER_H_

#include <cstdint>
#include <functional>
#include <shared_mutex>
#include <span>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/volume/metadata.h"

namespace driveroot {

class Rewriter {
 public:
  struct Parts {
    Metadata& metadata;
    std::shared_mutex& mutex;  // Volume's, guards metadata
    // Volume::ReadStored.
    std::function<Status(std::span<const StoredPiece>, std::span<char>)> read;
    // Returns when there is room in memory for more data.
    std::function<Status()> wait_to_write;
    // Called with `mutex` held, after something was written.
    std::function<void()> written;
  };

  explicit Rewriter(Parts parts) : parts_(std::move(parts)) {}

  // Asks before each part whether to go on. Returns how many bytes of files
  // were written anew; parts that are damaged or that changed meanwhile are
  // left out. Errors are those of the store and of Volume::Write.
  Result<uint64_t> Rewrite(const std::unordered_set<FrameNumber>& frames,
                           const std::function<bool()>& go_on);

 private:
  Result<uint64_t> RewritePart(const FileRange& part,
                               const std::unordered_set<FrameNumber>& frames);
  // What holds `part`; nothing unless all of it lies in `frames`. With the lock
  // held.
  std::vector<Extent> ExtentsOf(
      const FileRange& part,
      const std::unordered_set<FrameNumber>& frames) const;

  const Parts parts_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_REWRITER_H_
