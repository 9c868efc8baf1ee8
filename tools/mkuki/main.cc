// SPDX-License-Identifier: Apache-2.0
//
// mkuki --stub=FILE --os_release=FILE --cmdline=FILE --linux=FILE
//       [--initrd=FILE] --output=FILE
//
// Puts a kernel with everything it needs behind systemd's EFI stub: one file
// that the firmware starts, laid out as in the UAPI Group's specification
// "Unified Kernel Image".
#include <gflags/gflags.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "tools/mkuki/pe_image.h"

DEFINE_string(stub, "", "systemd's EFI stub");
DEFINE_string(os_release, "", "what boot menus say about the image");
DEFINE_string(cmdline, "", "the kernel's command line");
DEFINE_string(linux, "", "the kernel");
DEFINE_string(initrd, "",
              "the initramfs; none: the kernel finds its root itself");
DEFINE_string(output, "", "the image to write");

namespace driveroot {
namespace {

// The sections' sizes are 32 bits wide.
constexpr uint64_t kMaxInputBytes = UINT32_MAX;

Result<std::string> ReadInput(std::string_view flag, const std::string& path) {
  if (path.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "--" + std::string(flag) + " is needed");
  }
  return ReadFile(path, kMaxInputBytes);
}

// One line for the kernel: line ends become blanks, comments go.
std::string JoinLines(std::string_view text) {
  std::string joined;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    if (!joined.empty()) joined += ' ';
    joined += line;
  }
  return joined;
}

Status Run() {
  if (FLAGS_output.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--output is needed");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string stub,
                             ReadInput("stub", FLAGS_stub));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string os_release,
                             ReadInput("os_release", FLAGS_os_release));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string cmdline_lines,
                             ReadInput("cmdline", FLAGS_cmdline));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string linux,
                             ReadInput("linux", FLAGS_linux));
  const std::string cmdline = JoinLines(cmdline_lines);
  std::vector<NewSection> sections = {
      {.name = ".osrel", .content = os_release},
      {.name = ".cmdline", .content = cmdline},
      {.name = ".linux", .content = linux},
  };
  std::string initrd;
  if (!FLAGS_initrd.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(initrd, ReadInput("initrd", FLAGS_initrd));
    sections.push_back({.name = ".initrd", .content = initrd});
  }
  const Result<std::string> image = AppendPeSections(stub, sections);
  if (!image) return std::unexpected(image.error().WithContext(FLAGS_stub));
  return ReplaceFile(FLAGS_output, *image, 0644);
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  gflags::SetUsageMessage(
      "--stub=FILE --os_release=FILE --cmdline=FILE --linux=FILE "
      "--initrd=FILE --output=FILE");
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  if (argc > 1) {
    std::fprintf(stderr, "mkuki: takes flags only, not %s\n", argv[1]);
    return 1;
  }
  const driveroot::Status status = driveroot::Run();
  if (status) return 0;
  std::fprintf(stderr, "mkuki: %s\n", status.error().message().c_str());
  return 1;
}
