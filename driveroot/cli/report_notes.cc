// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/report_notes.h"

#include <iostream>
#include <string>

namespace driveroot {

Status ReportNotes(const TransferNotes& notes) {
  for (const std::string& line : notes.Lines()) {
    std::cerr << "note: " << line << "\n";
  }
  std::cerr << std::flush;
  if (!notes.missing()) return {};
  return Fail(ErrorCode::kPermissionDenied,
              "not everything could be taken along: the notes above name it; "
              "the rest is done");
}

}  // namespace driveroot
