// SPDX-License-Identifier: Apache-2.0
//
// The SVG chart of a boot: a lane of phases, one of console messages, the
// requests below each other, and the curve of bytes.
#ifndef DRIVEROOT_VMTEST_BOOT_REPORT_CHART_H_
#define DRIVEROOT_VMTEST_BOOT_REPORT_CHART_H_

#include <string>
#include <string_view>

#include "vmtest/boot_report/timeline.h"

namespace driveroot::vmtest {

std::string RenderChart(const Timeline& timeline);

// Text for HTML and SVG.
std::string EscapeMarkup(std::string_view text);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_BOOT_REPORT_CHART_H_
