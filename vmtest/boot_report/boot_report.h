// SPDX-License-Identifier: Apache-2.0
//
// A timeline as one HTML file with an SVG chart: no script, nothing fetched.
#ifndef DRIVEROOT_VMTEST_BOOT_REPORT_BOOT_REPORT_H_
#define DRIVEROOT_VMTEST_BOOT_REPORT_BOOT_REPORT_H_

#include <string>

#include "vmtest/boot_report/timeline.h"

namespace driveroot::vmtest {

std::string RenderBootReport(const Timeline& timeline);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_BOOT_REPORT_BOOT_REPORT_H_
