// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/alternatives.h"

namespace driveroot {
namespace {

void Link(const std::string& name, const std::string& link,
          const std::string& target, Tree* tree) {
  const std::string middle = "/etc/alternatives/" + name;
  tree->AddSymlink(middle, target);
  tree->AddSymlink(link, middle);
}

}  // namespace

Status InstallAlternative(const Alternative& alternative, Tree* tree) {
  if (tree->Resolve(alternative.target) == nullptr) {
    return Fail(ErrorCode::kNotFound, "alternative " + alternative.name + ": " +
                                          alternative.target +
                                          " is not in the tree");
  }
  Link(alternative.name, alternative.link, alternative.target, tree);
  std::string record = "auto\n" + alternative.link + "\n";
  std::string choice = alternative.target + "\n" + alternative.priority + "\n";
  for (const auto& [name, slave] : alternative.slaves) {
    record += name + "\n" + slave.link + "\n";
    choice += slave.target + "\n";
    if (tree->Resolve(slave.target) != nullptr) {
      Link(name, slave.link, slave.target, tree);
    }
  }
  // One empty line ends the links, another the choices.
  tree->AddFile("/var/lib/dpkg/alternatives/" + alternative.name,
                record + "\n" + choice + "\n");
  return {};
}

}  // namespace driveroot
