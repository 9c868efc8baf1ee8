// SPDX-License-Identifier: Apache-2.0
#include "vmtest/boot_report/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <format>
#include <utility>
#include <vector>

namespace driveroot::vmtest {
namespace {

// In SVG's user units.
constexpr double kWidth = 1160;
constexpr double kLeft = 90;  // room for the lanes' names
constexpr double kPhaseHeight = 30;
constexpr double kConsoleHeight = 22;
constexpr double kRowHeight = 8;
constexpr double kCurveHeight = 90;
constexpr double kGap = 14;
constexpr double kAxisHeight = 22;
// A request on loopback would be too thin to be seen.
constexpr double kMinBarWidth = 2;

constexpr std::array kPhaseColours = {"#7a8ca5", "#3f7fbf", "#2a9d72",
                                      "#b98b2f"};

std::string_view ColourOf(std::string_view call) {
  if (call == "media") return "#2f6fb5";
  if (call == "create" || call == "update" || call == "upload") {
    return "#c4572e";
  }
  if (call == "token") return "#7b4fa3";
  return "#8a8a8a";
}

class Chart {
 public:
  explicit Chart(const Timeline& timeline)
      : timeline_(timeline), length_(std::max(timeline.Length(), 0.001)) {}

  std::string Render() {
    DrawPhases();
    DrawConsole();
    DrawRequests();
    DrawCurve();
    const double bottom = y_;
    DrawAxis(bottom);
    return std::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" "
        "width=\"100%\" font-family=\"sans-serif\" font-size=\"11\">\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
        kWidth, bottom + kAxisHeight, body_);
  }

 private:
  double X(double seconds) const {
    return kLeft + (kWidth - kLeft - 10) * seconds / length_;
  }

  void Name(std::string_view name, double y) {
    body_ += std::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" "
        "fill=\"#444\">{}</text>\n",
        kLeft - 8, y, name);
  }

  void Bar(double begin, double end, double y, double height,
           std::string_view colour, std::string_view tip) {
    const double width = std::max(X(end) - X(begin), kMinBarWidth);
    body_ += std::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
        "fill=\"{}\"><title>{}</title></rect>\n",
        X(begin), y, width, height, colour, EscapeMarkup(tip));
  }

  void DrawPhases() {
    Name("phases", y_ + kPhaseHeight / 2 + 4);
    for (size_t i = 0; i < timeline_.phases.size(); ++i) {
      const TimelinePhase& phase = timeline_.phases[i];
      const std::string label =
          std::format("{} {:.1f} s", phase.name, phase.end - phase.begin);
      Bar(phase.begin, phase.end, y_, kPhaseHeight,
          kPhaseColours[i % kPhaseColours.size()], label);
      body_ += std::format(
          "<svg x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\">"
          "<text x=\"6\" y=\"19\" fill=\"#fff\">{}</text></svg>\n",
          X(phase.begin), y_, X(phase.end) - X(phase.begin), kPhaseHeight,
          EscapeMarkup(label));
    }
    y_ += kPhaseHeight + kGap;
  }

  void DrawConsole() {
    Name("console", y_ + kConsoleHeight / 2 + 4);
    for (const TimelineLine& line : timeline_.console) {
      if (line.at > length_) break;
      Bar(line.at, line.at, y_, kConsoleHeight, "#555",
          std::format("{:.2f} s  {}", line.at, line.text));
    }
    y_ += kConsoleHeight + kGap;
  }

  // Each request in the first row that is free by then.
  void DrawRequests() {
    Name("requests", y_ + kRowHeight);
    std::vector<double> free_from;
    for (const TimelineRequest& request : timeline_.requests) {
      size_t row = 0;
      while (row < free_from.size() && free_from[row] > X(request.begin)) ++row;
      if (row == free_from.size()) free_from.push_back(0);
      free_from[row] =
          std::max(X(request.end), X(request.begin) + kMinBarWidth) + 1;
      Bar(request.begin, request.end,
          y_ + static_cast<double>(row) * (kRowHeight + 1), kRowHeight,
          ColourOf(request.call),
          std::format("{:.2f}–{:.2f} s  {} {}  {} bytes down, {} up\n{}",
                      request.begin, request.end, request.call, request.status,
                      request.bytes_down, request.bytes_up, request.path));
    }
    y_ += static_cast<double>(std::max<size_t>(free_from.size(), 1)) *
              (kRowHeight + 1) +
          kGap;
  }

  // Bytes that had come, each request's at its end.
  void DrawCurve() {
    std::vector<std::pair<double, uint64_t>> steps;
    for (const TimelineRequest& request : timeline_.requests) {
      steps.emplace_back(std::min(request.end, length_), request.bytes_down);
    }
    std::ranges::sort(steps);
    double total = 0;
    for (const auto& [at, bytes] : steps) total += static_cast<double>(bytes);
    Name("bytes down", y_ + 12);
    Name(std::format("{:.1f} MB", total / 1e6), y_ + 26);
    double sum = 0;
    std::string path = std::format("M{:.1f},{:.1f}", X(0), y_ + kCurveHeight);
    for (const auto& [at, bytes] : steps) {
      sum += static_cast<double>(bytes);
      path += std::format("H{:.1f}V{:.1f}", X(at),
                          y_ + kCurveHeight * (1 - sum / std::max(total, 1.0)));
    }
    path += std::format("H{:.1f}", X(length_));
    body_ += std::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"#2f6fb5\" "
        "stroke-width=\"1.5\"/>\n",
        path);
    y_ += kCurveHeight + 4;
  }

  // A mark each 1, 2, 5, 10… seconds, at most 15 of them.
  void DrawAxis(double bottom) {
    double step = 1;
    for (const double factor : {1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0}) {
      step = factor;
      if (length_ / step <= 15) break;
    }
    for (double at = 0; at <= length_; at += step) {
      body_ += std::format(
          "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"0\" y2=\"{1:.1f}\" "
          "stroke=\"#000\" stroke-opacity=\"0.08\"/>"
          "<text x=\"{0:.1f}\" y=\"{2:.1f}\" text-anchor=\"middle\" "
          "fill=\"#444\">{3:.0f} s</text>\n",
          X(at), bottom, bottom + 15, at);
    }
  }

  const Timeline& timeline_;
  const double length_;
  double y_ = 8;
  std::string body_;
};

}  // namespace

std::string EscapeMarkup(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string RenderChart(const Timeline& timeline) {
  return Chart(timeline).Render();
}

}  // namespace driveroot::vmtest
