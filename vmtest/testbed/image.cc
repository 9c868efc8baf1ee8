// SPDX-License-Identifier: Apache-2.0
#include "vmtest/testbed/image.h"

#include <cstdlib>
#include <filesystem>

namespace driveroot::vmtest {

std::string Image::File(const std::string& path) const {
  return runfiles + "/driveroot/" + path;
}

Result<Image> FindImage(const std::string& program) {
  Image image;
  // Bazel's test runner names the folder; otherwise it is beside the program.
  const char* test_files = std::getenv("TEST_SRCDIR");
  const std::filesystem::path runfiles =
      test_files != nullptr ? test_files : program + ".runfiles";
  image.runfiles = std::filesystem::absolute(runfiles);
  image.driveroot = image.File("driveroot/driveroot");
  image.fakedrive = image.File("vmtest/fakedrive/fakedrive");
  image.uki = image.File("initrd/uki.efi");
  image.kernel = image.File("kernelcfg/kernel.bzImage");
  image.qemu.launcher = image.runfiles + "/debian_qemu/bin/qemu-system-x86_64";
  image.qemu.tree = image.runfiles + "/debian_qemu/tree";
  for (const std::string& file : {image.driveroot, image.fakedrive, image.uki,
                                  image.kernel, image.qemu.launcher}) {
    if (!std::filesystem::exists(file)) {
      return Fail(ErrorCode::kNotFound,
                  file + " is not there: run this through Bazel");
    }
  }
  return image;
}

}  // namespace driveroot::vmtest
