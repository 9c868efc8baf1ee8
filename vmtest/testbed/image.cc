// SPDX-License-Identifier: Apache-2.0
#include "vmtest/testbed/image.h"

namespace driveroot::vmtest {

Result<Image> FindImage(const std::string& program) {
  Image image;
  DRIVEROOT_ASSIGN_OR_RETURN(static_cast<Programs&>(image),
                             FindPrograms(program));
  image.uki = image.File("initrd/uki.efi");
  image.kernel = image.File("kernelcfg/kernel.bzImage");
  image.qemu.launcher = image.runfiles + "/debian_qemu/bin/qemu-system-x86_64";
  image.qemu.tree = image.runfiles + "/debian_qemu/tree";
  for (const std::string& file :
       {image.uki, image.kernel, image.qemu.launcher}) {
    DRIVEROOT_RETURN_IF_ERROR(CheckRunfile(file));
  }
  return image;
}

}  // namespace driveroot::vmtest
