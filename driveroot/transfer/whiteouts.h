// SPDX-License-Identifier: Apache-2.0
//
// Whiteouts applies what a layer of a container image takes away from those
// below it (OCI image specification, "Whiteouts"): a file .wh.NAME takes NAME
// away, .wh..wh..opq all that lower layers hold in its folder. What the same
// layer brings stays, whichever comes first. Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_WHITEOUTS_H_
#define DRIVEROOT_TRANSFER_WHITEOUTS_H_

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/base/tar/tar.h"
#include "driveroot/volume/metadata.h"

namespace driveroot {

// Whether an entry has the name of a whiteout.
bool IsWhiteout(const TarEntry& entry);

// Removes a name and all that is below it.
void RemoveTree(Metadata& metadata, InodeNumber folder, std::string_view name);

class Whiteouts {
 public:
  // Entries are of this layer from now on.
  void BeginLayer(size_t layer);

  // The current layer has brought `name` in `folder`.
  void Brought(InodeNumber folder, std::string_view name);

  // `name` is that of the whiteout.
  void Apply(Metadata& metadata, InodeNumber folder, std::string_view name);

 private:
  void RemoveLower(Metadata& metadata, InodeNumber folder);

  std::optional<size_t> layer_;
  std::set<std::pair<InodeNumber, std::string>> brought_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_WHITEOUTS_H_
