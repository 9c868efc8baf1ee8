// SPDX-License-Identifier: Apache-2.0
//
// Runs inside a booted machine and tells the test outside what it found, over a
// virtio-serial port: a line "pass NAME" or "FAIL NAME: …" for each check, and
// "done" last.
//
//   guest_check first TEXT    all checks; leaves TEXT in the marker file
//   guest_check second TEXT   the system's checks; finds TEXT in the marker
//   guest_check effective-user  prints its effective user id
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "vmtest/guest_check/checks.h"

namespace driveroot::vmtest {
namespace {

constexpr char kMarker[] = "/var/lib/vmtest/marker";
constexpr char kPort[] = "/dev/virtio-ports/driveroot.verdict";

Status WriteMarker(const std::string& text) {
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(kMarker, text, 0640));
  sync();
  return {};
}

Status FindMarker(const std::string& text) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string found, ReadFile(kMarker, 4096));
  return Expect(found == text, "it holds \"" + found + "\"");
}

std::vector<Check> ChecksFor(const std::string& stage, const std::string& text,
                             const std::string& self) {
  std::vector<Check> checks = SystemChecks();
  if (stage == "first") {
    std::filesystem::create_directories("/var/lib/vmtest");
    for (Check& check : FileChecks("/var/lib/vmtest/scratch", self)) {
      checks.push_back(std::move(check));
    }
    checks.push_back(
        {"marker is written", [text] { return WriteMarker(text); }});
  } else {
    checks.push_back({"marker of the boot before is there",
                      [text] { return FindMarker(text); }});
  }
  return checks;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.size() == 2 && arguments[1] == "effective-user") {
    std::cout << geteuid() << std::endl;
    return 0;
  }
  if (arguments.size() != 3 ||
      (arguments[1] != "first" && arguments[1] != "second")) {
    std::cerr << "usage: guest_check first|second TEXT" << std::endl;
    return 2;
  }
  const UniqueFd port(open(kPort, O_WRONLY | O_CLOEXEC));
  int failed = 0;
  for (const Check& check :
       ChecksFor(arguments[1], arguments[2],
                 std::filesystem::canonical("/proc/self/exe"))) {
    const Status status = check.run();
    std::string line = "pass " + check.name;
    if (!status) {
      line = "FAIL " + check.name + ": " + status.error().message();
      std::ranges::replace(line, '\n', ' ');
      ++failed;
    }
    std::cout << line << std::endl;
    if (!WriteFully(port.get(), line + "\n", kPort)) return 1;
  }
  if (!WriteFully(port.get(), "done\n", kPort)) return 1;
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace driveroot::vmtest

int main(int argc, char** argv) {
  return driveroot::vmtest::Main({argv, argv + argc});
}
