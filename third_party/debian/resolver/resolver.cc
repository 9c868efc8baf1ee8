// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/resolver.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <format>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "third_party/debian/resolver/version.h"

namespace driveroot::debian {
namespace {

const std::vector<Stanza>& Find(
    const std::map<std::string, std::vector<Stanza>>& packages,
    const std::string& name) {
  static const std::vector<Stanza> kNone;
  const auto found = packages.find(name);
  return found == packages.end() ? kNone : found->second;
}

uint64_t ParseSize(std::string_view text) {
  uint64_t size = 0;
  std::from_chars(text.data(), text.data() + text.size(), size);
  return size;
}

Pin BinaryPin(const Stanza& stanza) {
  return {.name = std::string(Field(stanza, "Package")),
          .version = std::string(Field(stanza, "Version")),
          .path = std::string(Field(stanza, "Filename")),
          .sha256 = std::string(Field(stanza, "SHA256")),
          .size = ParseSize(Field(stanza, "Size"))};
}

// The upstream tarball of a source package; further ones have names like
// .orig-doc.tar.xz.
std::optional<Pin> SourcePin(const Stanza& stanza) {
  std::istringstream files{std::string(Field(stanza, "Checksums-Sha256"))};
  std::string sha256;
  std::string size;
  std::string name;
  while (files >> sha256 >> size >> name) {
    if (name.find(".orig.tar.") == std::string::npos || name.ends_with(".asc"))
      continue;
    return Pin{.name = std::string(Field(stanza, "Package")),
               .version = std::string(Field(stanza, "Version")),
               .path = std::format("{}/{}", Field(stanza, "Directory"), name),
               .sha256 = sha256,
               .size = ParseSize(size)};
  }
  return std::nullopt;
}

// The names of a set, with what they depend on if the set asks for it.
Result<std::set<std::string>> NamesOf(const WantedSet& set,
                                      const Index& index) {
  std::set<std::string> chosen;
  std::set<std::string> seen = set.packages;
  std::deque<std::string> queue(seen.begin(), seen.end());
  while (!queue.empty()) {
    const std::string name = std::move(queue.front());
    queue.pop_front();
    chosen.insert(name);
    const std::vector<Stanza>& versions = index.Binaries(name);
    if (!set.closure || versions.empty()) continue;

    std::vector<Alternatives> relations =
        ParseRelations(Field(versions.front(), "Pre-Depends"));
    std::ranges::move(ParseRelations(Field(versions.front(), "Depends")),
                      std::back_inserter(relations));
    for (const Alternatives& alternatives : relations) {
      if (std::ranges::any_of(alternatives, [&](const std::string& one) {
            return set.stop.contains(one);
          }))
        continue;
      std::vector<std::string> candidates;
      for (const std::string& one : alternatives) {
        if (!index.Binaries(one).empty()) candidates.push_back(one);
        std::ranges::copy(index.ProvidersOf(one),
                          std::back_inserter(candidates));
      }
      if (candidates.empty()) {
        return std::unexpected(
            Error(ErrorCode::kNotFound,
                  std::format("{} depends on {}, which the archive has not",
                              name, alternatives.front())));
      }
      if (std::ranges::any_of(candidates, [&](const std::string& one) {
            return seen.contains(one);
          }))
        continue;
      seen.insert(candidates.front());
      queue.push_back(candidates.front());
    }
  }
  return chosen;
}

// The first of the pins, newest first, that is available; else the old one.
Result<Pin> Choose(const std::string& what, std::vector<Pin> pins,
                   const Pin* old, const Available& available) {
  if (old != nullptr) pins.push_back(*old);
  for (Pin& pin : pins) {
    if (available(pin.path)) return std::move(pin);
  }
  return std::unexpected(Error(
      ErrorCode::kNotFound,
      pins.empty()
          ? std::format("the archive has no package {}", what)
          : std::format("no mirror has {} ({})", what, pins.front().path)));
}

const Pin* FindPin(const Lock& lock, const std::string& set,
                   const std::string& name) {
  const auto pins = lock.binaries.find(set);
  if (pins == lock.binaries.end()) return nullptr;
  const auto pin = std::ranges::find(pins->second, name, &Pin::name);
  return pin == pins->second.end() ? nullptr : &*pin;
}

}  // namespace

void Index::Add(std::string_view text, Packages& packages) {
  for (Stanza& stanza : ParseControlFile(text)) {
    const std::string name(Field(stanza, "Package"));
    if (name.empty()) continue;
    std::vector<Stanza>& versions = packages[name];
    const auto older = std::ranges::find_if(versions, [&](const Stanza& other) {
      return CompareVersions(Field(other, "Version"),
                             Field(stanza, "Version")) < 0;
    });
    versions.insert(older, std::move(stanza));
  }
}

void Index::AddBinaries(std::string_view text) {
  Add(text, binaries_);
  // Only the newest version of each package counts, so all is counted anew.
  providers_.clear();
  for (const auto& [provider, versions] : binaries_) {
    for (const Alternatives& provided :
         ParseRelations(Field(versions.front(), "Provides"))) {
      providers_[provided.front()].push_back(provider);
    }
  }
}

void Index::AddSources(std::string_view text) { Add(text, sources_); }

const std::vector<Stanza>& Index::Binaries(const std::string& name) const {
  return Find(binaries_, name);
}

const std::vector<Stanza>& Index::Sources(const std::string& name) const {
  return Find(sources_, name);
}

const std::vector<std::string>& Index::ProvidersOf(
    const std::string& name) const {
  static const std::vector<std::string> kNone;
  const auto found = providers_.find(name);
  return found == providers_.end() ? kNone : found->second;
}

Result<Lock> Resolve(const WantedPackages& wanted, const Index& index,
                     const Lock& old, const Available& available) {
  Lock lock;
  for (const auto& [set_name, set] : wanted.binaries) {
    Result<std::set<std::string>> names = NamesOf(set, index);
    if (!names) return std::unexpected(names.error().WithContext(set_name));
    for (const std::string& name : *names) {
      std::vector<Pin> pins;
      std::ranges::transform(index.Binaries(name), std::back_inserter(pins),
                             BinaryPin);
      Result<Pin> pin = Choose(name, std::move(pins),
                               FindPin(old, set_name, name), available);
      if (!pin) return std::unexpected(pin.error().WithContext(set_name));
      lock.binaries[set_name].push_back(std::move(*pin));
    }
  }
  for (const auto& [repository, name] : wanted.sources) {
    std::vector<Pin> pins;
    for (const Stanza& stanza : index.Sources(name)) {
      if (std::optional<Pin> pin = SourcePin(stanza))
        pins.push_back(std::move(*pin));
    }
    const auto old_pin = old.sources.find(repository);
    Result<Pin> pin = Choose(
        name, std::move(pins),
        old_pin == old.sources.end() ? nullptr : &old_pin->second, available);
    if (!pin) return std::unexpected(pin.error());
    lock.sources.emplace(repository, std::move(*pin));
  }
  return lock;
}

}  // namespace driveroot::debian
