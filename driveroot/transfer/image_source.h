// SPDX-License-Identifier: Apache-2.0
//
// Container images as trees: what `docker save`, `podman save` and `skopeo
// copy` write, as an archive or a folder, in the form of docker (manifest.json)
// or of the OCI image specification (oci-layout, index.json, blobs/). The
// entries are those of all layers, the lowest first; ImportTree applies them.
//
// Blobs that have their SHA-256 as name are checked against it. Not
// thread-safe.
#ifndef DRIVEROOT_TRANSFER_IMAGE_SOURCE_H_
#define DRIVEROOT_TRANSFER_IMAGE_SOURCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/transfer/tree.h"

namespace driveroot {

// The bytes of one member of an image: a range of a file.
struct ImageMember {
  std::shared_ptr<const UniqueFd> file;
  uint64_t offset = 0;
  uint64_t size = 0;
};

class ImageMembers {
 public:
  virtual ~ImageMembers() = default;
  // kNotFound: there is none of that name, which is relative to the top.
  virtual Result<ImageMember> Find(const std::string& name) const = 0;
};

// Whether an archive whose first member is this may be an image: before its
// last member is seen nobody knows, since manifests may come at the end.
bool MayBeImage(std::string_view first_path);

// Whether members are those of an image.
bool IsImage(const ImageMembers& members);

// The members of a folder, and of an archive in a file that is not compressed.
std::unique_ptr<ImageMembers> MembersOfFolder(UniqueFd folder);
Result<std::unique_ptr<ImageMembers>> MembersOfTar(
    std::shared_ptr<const UniqueFd> file, uint64_t size);

// `name` is for messages. kNotSupported: several images, none of them for this
// architecture alone.
Result<std::unique_ptr<TreeSource>> OpenImage(
    std::unique_ptr<ImageMembers> members, const std::string& name);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_IMAGE_SOURCE_H_
