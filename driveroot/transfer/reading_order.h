// SPDX-License-Identifier: Apache-2.0
//
// ReadingOrder decides in which order the contents of a tree are read, each
// file once, and has them fetched before they are asked for: in few long
// requests, several at a time, and with bounded memory.
//
// Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_READING_ORDER_H_
#define DRIVEROOT_TRANSFER_READING_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "driveroot/volume/metadata.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

class ReadingOrder {
 public:
  enum class By {
    kName,     // names in byte order, as in an archive
    kStorage,  // as they lie on the store: the fewest requests
  };

  // `volume` outlives this, and its tree does not change.
  ReadingOrder(Volume& volume, By by);

  // Regular files, each once.
  const std::vector<InodeNumber>& files() const { return files_; }

  // Begins to fetch what should be on its way by now. Told how many bytes of
  // contents were read so far, holes left out.
  void FetchAhead(uint64_t bytes_read);

 private:
  // A frame, and where among all bytes of contents, without holes, it is used
  // first.
  struct Use {
    StoredFrame frame;
    uint64_t position = 0;
  };
  // One request, and where its first frame is used.
  struct Planned {
    std::vector<StoredFrame> frames;
    uint64_t position = 0;
  };

  // Appends requests for the next lot of contents to planned_.
  void PlanLot();
  void AddFile(const Metadata& metadata);

  Volume& volume_;
  std::vector<InodeNumber> files_;
  size_t file_ = 0;        // the next one of files_ to be planned
  uint64_t offset_ = 0;    // in it
  uint64_t position_ = 0;  // of that among all bytes of contents
  std::vector<Use> lot_;   // what is being planned, in the order of its use
  std::deque<Planned> planned_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_READING_ORDER_H_
