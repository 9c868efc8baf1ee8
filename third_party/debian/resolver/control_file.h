// SPDX-License-Identifier: Apache-2.0
//
// The indexes of Debian's archive: stanzas of fields, separated by empty lines
// (deb-control(5)).
//
// Thread-safety: plain functions and values.
#ifndef DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_CONTROL_FILE_H_
#define DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_CONTROL_FILE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace driveroot::debian {

// Field names as written; the lines of a folded field joined by '\n', without
// the space that each continuation starts with.
using Stanza = std::map<std::string, std::string, std::less<>>;

// Lines that are neither a field nor a continuation are passed over.
std::vector<Stanza> ParseControlFile(std::string_view text);

// The field's value, or "" if the stanza has none.
std::string_view Field(const Stanza& stanza, std::string_view name);

// One requirement of a Depends field: any of these package names will do.
// Versions, architectures and build profiles are dropped: a set comes from one
// release, whose packages fit each other.
using Alternatives = std::vector<std::string>;

std::vector<Alternatives> ParseRelations(std::string_view field);

}  // namespace driveroot::debian

#endif  // DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_CONTROL_FILE_H_
