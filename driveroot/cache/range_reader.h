// SPDX-License-Identifier: Apache-2.0
//
// RangeReader carries out one request of the fetcher: reads the range that its
// frames lie in and hands each frame out, verified, as soon as its bytes are
// there. A frame that does not match its hash is fetched once more, since it
// may have been damaged on the way only.
//
// Thread-safety: none; one request belongs to one thread.
#ifndef DRIVEROOT_CACHE_RANGE_READER_H_
#define DRIVEROOT_CACHE_RANGE_READER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/cache/fetch_queue.h"
#include "driveroot/cache/frame_cache.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

class RangeReader {
 public:
  struct Callbacks {
    // A request goes to the store.
    std::function<void()> on_request;
    // So many bytes have come. False: the rest is not wanted.
    std::function<bool(size_t bytes)> on_bytes;
    // Called once for each frame, unless the rest is not wanted.
    std::function<void(const StoredFrame&, Result<FrameBytes>)> on_frame;
  };

  // `id` is that of the object; all references outlive the reader.
  RangeReader(ObjectStore& store, const ObjectId& id, const FetchJob& job,
              const Callbacks& callbacks);

  void Run();

 private:
  bool Take(std::string_view piece);
  void HandOut();
  void FetchAgain(const StoredFrame& frame);
  Error Explain(const Error& error) const;

  ObjectStore& store_;
  const ObjectId& id_;
  const FetchJob& job_;
  const Callbacks& callbacks_;

  std::string buffer_;  // bytes from buffer_begin_ on
  uint64_t buffer_begin_ = 0;
  size_t next_ = 0;  // of job_.frames, to be handed out
  std::vector<StoredFrame> damaged_;
  bool unwanted_ = false;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CACHE_RANGE_READER_H_
