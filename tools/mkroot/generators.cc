// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/generators.h"

#include <string>

namespace driveroot {

Status Generate(std::string_view name, Tree* tree) {
  if (name == "certificates") return GenerateCertificates(tree);
  if (name == "library-cache") return GenerateLibraryCache(tree);
  if (name == "hardware-database") return GenerateHardwareDatabase(tree);
  if (name == "message-catalog") return GenerateMessageCatalog(tree);
  if (name == "debconf") return GenerateDebconf(tree);
  return Fail(ErrorCode::kInvalidArgument,
              "there is no generator \"" + std::string(name) + "\"");
}

}  // namespace driveroot
