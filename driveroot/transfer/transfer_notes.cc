// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/transfer_notes.h"

#include <algorithm>
#include <format>

namespace driveroot {
namespace {

constexpr size_t kPathsOfKind = 20;
// Kinds may quote an archive, which could make up any number of them.
constexpr size_t kMaxKinds = 100;
constexpr std::string_view kOtherKinds = "other things not kept";

std::string Printable(std::string_view path) {
  std::string text;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '\\') {
      text += std::format("\\{:03o}", byte);
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

TransferNotes::Kind& TransferNotes::Find(std::string_view name) {
  auto kind = std::ranges::find(kinds_, name, &Kind::name);
  if (kind != kinds_.end()) return *kind;
  if (kinds_.size() >= kMaxKinds) {
    kind = std::ranges::find(kinds_, kOtherKinds, &Kind::name);
    if (kind != kinds_.end()) return *kind;
    name = kOtherKinds;
  }
  return kinds_.emplace_back(Kind{.name = std::string(name), .paths = {}});
}

void TransferNotes::Add(std::string_view kind, std::string_view path,
                        Weight weight) {
  Kind& found = Find(kind);
  ++found.count;
  if (found.paths.size() < kPathsOfKind) found.paths.emplace_back(path);
  if (weight == Weight::kMissing) missing_ = true;
}

void TransferNotes::Add(const TransferNotes& other) {
  for (const Kind& kind : other.kinds_) {
    Kind& mine = Find(kind.name);
    mine.count += kind.count;
    for (const std::string& path : kind.paths) {
      if (mine.paths.size() < kPathsOfKind) mine.paths.push_back(path);
    }
  }
  missing_ |= other.missing_;
}

std::vector<std::string> TransferNotes::Lines() const {
  std::vector<std::string> lines;
  for (const Kind& kind : kinds_) {
    std::string line = std::to_string(kind.count) + " " + Printable(kind.name);
    std::string_view separator = ": ";
    for (const std::string& path : kind.paths) {
      line += separator;
      line += Printable(path);
      separator = ", ";
    }
    if (kind.count > kind.paths.size()) line += ", …";
    lines.push_back(std::move(line));
  }
  return lines;
}

uint64_t TransferNotes::CountOf(std::string_view kind) const {
  const auto found = std::ranges::find(kinds_, kind, &Kind::name);
  return found == kinds_.end() ? 0 : found->count;
}

}  // namespace driveroot
