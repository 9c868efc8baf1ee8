// SPDX-License-Identifier: Apache-2.0
//
// Small helpers for line-based configuration text. Pure functions.
#ifndef TOOLS_MKROOT_TEXT_H_
#define TOOLS_MKROOT_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace driveroot {

// Without the blanks and line ends around it.
std::string_view StripSpaces(std::string_view text);

// The lines without their ends; a line feed at the very end starts no line.
std::vector<std::string> SplitLines(std::string_view text);

// The fields between `separator`s; at least one.
std::vector<std::string> SplitFields(std::string_view text, char separator);

// The words between blanks. Double quotes hold a word with blanks together.
std::vector<std::string> SplitWords(std::string_view line);

}  // namespace driveroot

#endif  // TOOLS_MKROOT_TEXT_H_
