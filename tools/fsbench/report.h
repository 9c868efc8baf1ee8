// SPDX-License-Identifier: Apache-2.0
//
// The results of fsbench as a table for people and as JSON for programs. Pure
// functions.
#ifndef DRIVEROOT_TOOLS_FSBENCH_REPORT_H_
#define DRIVEROOT_TOOLS_FSBENCH_REPORT_H_

#include <string>
#include <vector>

namespace driveroot::fsbench {

struct Row {
  std::string name;
  std::string unit;
  // For each directory the rates of all rounds, in units a second; none where
  // it could not be done.
  std::vector<std::vector<double>> rates;
};

struct Report {
  std::vector<std::string> directories;
  std::vector<Row> rows;
};

// 0 for none.
double Median(std::vector<double> values);

// Medians, and for every directory but the first the ratio to the first's.
std::string Table(const Report& report);

std::string Json(const Report& report);

}  // namespace driveroot::fsbench

#endif  // DRIVEROOT_TOOLS_FSBENCH_REPORT_H_
