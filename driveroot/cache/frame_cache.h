// SPDX-License-Identifier: Apache-2.0
//
// FrameCache: the bytes of frames that were read or written lately, in bounded
// memory. What was used longest ago goes first; whoever holds the bytes still
// keeps them. Frames never change, so an entry is never stale. Thread-safe.
#ifndef DRIVEROOT_CACHE_FRAME_CACHE_H_
#define DRIVEROOT_CACHE_FRAME_CACHE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "driveroot/volume/delta.h"

namespace driveroot {

using FrameBytes = std::shared_ptr<const std::string>;

class FrameCache {
 public:
  // Holds at most `capacity` bytes.
  explicit FrameCache(uint64_t capacity) : capacity_(capacity) {}

  // Null when it is not there. `ret_first_use`, when given, says whether this
  // is the first use of bytes that were fetched before anybody asked.
  FrameBytes Find(FrameNumber number, bool* ret_first_use = nullptr);
  // Like Find, but do not count as a use.
  bool Contains(FrameNumber number) const;
  FrameBytes Peek(FrameNumber number) const;

  // `bytes` are verified, and not null. `used`: somebody has had them already.
  void Insert(FrameNumber number, FrameBytes bytes, bool used = true);

  uint64_t bytes() const;

 private:
  struct Entry {
    FrameNumber number;
    FrameBytes bytes;
    bool used = true;
  };

  const uint64_t capacity_;
  mutable std::mutex mutex_;  // guards what is below
  std::list<Entry> entries_;  // used last first
  std::unordered_map<FrameNumber, std::list<Entry>::iterator> by_number_;
  uint64_t bytes_ = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CACHE_FRAME_CACHE_H_
