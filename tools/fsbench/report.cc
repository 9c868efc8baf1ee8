// SPDX-License-Identifier: Apache-2.0
#include "tools/fsbench/report.h"

#include <algorithm>
#include <format>

#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace driveroot::fsbench {
namespace {

std::string RateText(double rate, const std::string& unit) {
  if (unit == "bytes") return std::format("{:.0f} MB/s", rate / 1e6);
  return std::format("{:.0f} {}/s", rate, unit);
}

}  // namespace

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

std::string Table(const Report& report) {
  std::string text = std::format("{:<26}", "");
  for (size_t i = 0; i < report.directories.size(); ++i) {
    text += std::format(" {:>30}", report.directories[i]);
  }
  text += '\n';
  for (const Row& row : report.rows) {
    text += std::format("{:<26}", row.name);
    const double first = Median(row.rates.front());
    for (size_t i = 0; i < row.rates.size(); ++i) {
      const double rate = Median(row.rates[i]);
      if (row.rates[i].empty()) {
        text += std::format(" {:>30}", "-");
        continue;
      }
      std::string cell = RateText(rate, row.unit);
      if (i > 0 && first > 0) cell += std::format(" ({:.2f})", rate / first);
      text += std::format(" {:>30}", cell);
    }
    text += '\n';
  }
  return text;
}

std::string Json(const Report& report) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto text = [&writer](const std::string& value) {
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  writer.StartArray();
  for (const Row& row : report.rows) {
    for (size_t i = 0; i < row.rates.size(); ++i) {
      writer.StartObject();
      writer.Key("operation");
      text(row.name);
      writer.Key("directory");
      text(report.directories[i]);
      writer.Key("unit");
      text(row.unit + "/s");
      writer.Key("median");
      writer.Double(Median(row.rates[i]));
      writer.Key("rounds");
      writer.StartArray();
      for (const double rate : row.rates[i]) writer.Double(rate);
      writer.EndArray();
      writer.EndObject();
    }
  }
  writer.EndArray();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace driveroot::fsbench
