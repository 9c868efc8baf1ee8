// SPDX-License-Identifier: Apache-2.0
#include "vmtest/boot_report/boot_report.h"

#include <cstdint>
#include <format>
#include <map>
#include <string_view>

#include "vmtest/boot_report/chart.h"

namespace driveroot::vmtest {
namespace {

constexpr std::string_view kStyle =
    "body{font:14px/1.45 sans-serif;margin:2em auto;max-width:1200px;"
    "padding:0 1em;color:#222}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:1.6em}"
    "table{border-collapse:collapse}td,th{padding:.15em .9em .15em 0;"
    "text-align:left;vertical-align:top}td.n{text-align:right}"
    "pre{margin:0;white-space:pre-wrap}";

struct CallTotal {
  uint64_t requests = 0;
  uint64_t bytes_down = 0;
  uint64_t bytes_up = 0;
};

std::string RenderSummary(const Timeline& timeline) {
  CallTotal all;
  for (const TimelineRequest& request : timeline.requests) {
    ++all.requests;
    all.bytes_down += request.bytes_down;
    all.bytes_up += request.bytes_up;
  }
  return std::format(
      "<p>{:.1f} s from power-on to the login prompt; {} requests, {:.1f} MB "
      "down, {:.1f} MB up. During {:.1f} s at least one read from the Drive "
      "was under way.</p>\n",
      timeline.Length(), all.requests,
      static_cast<double>(all.bytes_down) / 1e6,
      static_cast<double>(all.bytes_up) / 1e6, timeline.SecondsReading());
}

std::string RenderCalls(const Timeline& timeline) {
  std::map<std::string, CallTotal> totals;
  for (const TimelineRequest& request : timeline.requests) {
    CallTotal& total = totals[request.call];
    ++total.requests;
    total.bytes_down += request.bytes_down;
    total.bytes_up += request.bytes_up;
  }
  std::string html =
      "<h2>Requests</h2>\n<table><tr><th>call<th>number<th>bytes "
      "down<th>bytes up</tr>\n";
  for (const auto& [call, total] : totals) {
    html += std::format(
        "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{}</tr>\n",
        EscapeMarkup(call), total.requests, total.bytes_down, total.bytes_up);
  }
  return html + "</table>\n";
}

std::string RenderConsole(const Timeline& timeline) {
  std::string html = "<h2>Console</h2>\n<table>\n";
  for (const TimelineLine& line : timeline.console) {
    if (line.text.empty()) continue;
    html += std::format("<tr><td class=n>{:.2f}<td><pre>{}</pre></tr>\n",
                        line.at, EscapeMarkup(line.text));
  }
  return html + "</table>\n";
}

}  // namespace

std::string RenderBootReport(const Timeline& timeline) {
  return std::format(
             "<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
             "charset=\"utf-8\"><title>{0}</title><style>{1}</style></head>"
             "<body>\n<h1>{0}</h1>\n",
             EscapeMarkup(timeline.title), kStyle) +
         RenderSummary(timeline) + RenderChart(timeline) +
         "<p>Blue: reads; red: writes; violet: tokens; grey: others. Point at "
         "a bar to see what it was.</p>\n" +
         RenderCalls(timeline) + RenderConsole(timeline) + "</body></html>\n";
}

}  // namespace driveroot::vmtest
