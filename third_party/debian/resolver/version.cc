// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/version.h"

#include <cstddef>

namespace driveroot::debian {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// '~' sorts before the end of a part, letters before all other characters.
int Rank(std::string_view text) {
  if (text.empty() || IsDigit(text.front())) return 0;
  if (text.front() == '~') return -1;
  const int c = static_cast<unsigned char>(text.front());
  return IsLetter(text.front()) ? c : c + 256;
}

// Cuts the leading digits off, without the zeros that they start with.
std::string_view TakeNumber(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && IsDigit(text[length])) ++length;
  std::string_view number = text.substr(0, length);
  text.remove_prefix(length);
  while (!number.empty() && number.front() == '0') number.remove_prefix(1);
  return number;
}

// Compares by turns a run of non-digits and a number.
std::strong_ordering ComparePart(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    while ((!a.empty() && !IsDigit(a.front())) ||
           (!b.empty() && !IsDigit(b.front()))) {
      if (Rank(a) != Rank(b)) return Rank(a) <=> Rank(b);
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
    const std::string_view number_a = TakeNumber(a);
    const std::string_view number_b = TakeNumber(b);
    if (number_a.size() != number_b.size())
      return number_a.size() <=> number_b.size();
    if (number_a != number_b) return number_a <=> number_b;
  }
  return std::strong_ordering::equal;
}

struct Version {
  std::string_view epoch;
  std::string_view upstream;
  std::string_view revision;
};

Version Split(std::string_view text) {
  Version version;
  if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    version.epoch = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (const size_t hyphen = text.rfind('-'); hyphen != std::string_view::npos) {
    version.revision = text.substr(hyphen + 1);
    text = text.substr(0, hyphen);
  }
  version.upstream = text;
  return version;
}

}  // namespace

std::strong_ordering CompareVersions(std::string_view a, std::string_view b) {
  const Version left = Split(a);
  const Version right = Split(b);
  if (const auto order = ComparePart(left.epoch, right.epoch); order != 0)
    return order;
  if (const auto order = ComparePart(left.upstream, right.upstream); order != 0)
    return order;
  return ComparePart(left.revision, right.revision);
}

}  // namespace driveroot::debian
