// SPDX-License-Identifier: Apache-2.0
//
// ReadingOrder knows in which order the contents of a tree are read, names in
// byte order and each file once, and gives out the frames to come in large
// lots, so that they can be fetched before they are asked for.
//
// Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_READING_ORDER_H_
#define DRIVEROOT_TRANSFER_READING_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "driveroot/volume/metadata.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

class ReadingOrder {
 public:
  // `volume` outlives this, and its tree does not change.
  explicit ReadingOrder(const Volume& volume);

  // Told how many bytes of contents were read, holes included, so far. The
  // frames that should be on their way by now and were not returned before:
  // none, as long as there is enough ahead.
  std::vector<StoredFrame> Ahead(uint64_t bytes_read);

 private:
  const Volume& volume_;
  std::vector<InodeNumber> files_;
  size_t file_ = 0;        // the next one of files_
  uint64_t offset_ = 0;    // in it
  uint64_t position_ = 0;  // of that among all bytes of contents
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_READING_ORDER_H_
