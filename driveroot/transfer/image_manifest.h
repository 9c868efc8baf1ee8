// SPDX-License-Identifier: Apache-2.0
//
// What the JSON of a container image says: manifest.json of docker, or
// index.json and what it names (OCI image specification). Pure.
#ifndef DRIVEROOT_TRANSFER_IMAGE_MANIFEST_H_
#define DRIVEROOT_TRANSFER_IMAGE_MANIFEST_H_

#include <functional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

// Gives the contents of a member of the image by its path.
using ReadMember = std::function<Result<std::string>(const std::string& name)>;

// The paths of the layers, the lowest first. kDataLoss: malformed.
// kNotSupported: not one image, or none that can be read.
Result<std::vector<std::string>> LayersOfImage(const ReadMember& read);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_IMAGE_MANIFEST_H_
