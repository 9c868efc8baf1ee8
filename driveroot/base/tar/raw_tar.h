// SPDX-License-Identifier: Apache-2.0
//
// For tests: archives as other programs write them, byte by byte.
#ifndef DRIVEROOT_BASE_TAR_RAW_TAR_H_
#define DRIVEROOT_BASE_TAR_RAW_TAR_H_

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace driveroot {

inline const std::string kRawTarEnd(1024, '\0');

// A header with a right checksum; its fields are given by their offsets.
inline std::string RawTarHeader(
    const std::vector<std::pair<size_t, std::string>>& fields) {
  std::string header(512, '\0');
  header.replace(148, 8, 8, ' ');
  for (const auto& [offset, text] : fields) {
    header.replace(offset, text.size(), text);
  }
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  header.replace(148, 7, digits, 7);
  return header;
}

inline std::string RawTarPadded(std::string text) {
  text.resize((text.size() + 511) / 512 * 512);
  return text;
}

inline std::string RawTarOctal(size_t number) {
  char digits[12];
  std::snprintf(digits, sizeof digits, "%011zo", number);
  return digits;
}

// A pax header and then the file "f" with `contents`.
inline std::string RawTarWithRecords(
    const std::vector<std::pair<std::string, std::string>>& records,
    const std::string& contents = "") {
  std::string text;
  for (const auto& [key, value] : records) {
    const std::string rest = " " + key + "=" + value + "\n";
    size_t length = rest.size();
    for (int round = 0; round < 2; ++round) {
      length = rest.size() + std::to_string(length).size();
    }
    text += std::to_string(length) + rest;
  }
  return RawTarHeader({{0, "x"}, {124, RawTarOctal(text.size())}, {156, "x"}}) +
         RawTarPadded(text) +
         RawTarHeader(
             {{0, "f"}, {124, RawTarOctal(contents.size())}, {156, "0"}}) +
         RawTarPadded(contents) + kRawTarEnd;
}

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_TAR_RAW_TAR_H_
