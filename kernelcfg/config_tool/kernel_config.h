// SPDX-License-Identifier: Apache-2.0
//
// Kernel configurations as text: complete ones (.config) and fragments, which
// set a few options each. Both hold lines of three kinds:
//
//   CONFIG_FUSE_FS=y                 also m, numbers and "quoted text"
//   # CONFIG_MODULES is not set      the same as =n
//   # a comment, or an empty line
//
// A request is an assignment made by a fragment. The kernel's own tools drop
// requests whose dependencies are not met without a word; Check() is there to
// notice.
//
// Everything here is a pure function of its arguments.
#ifndef DRIVEROOT_KERNELCFG_CONFIG_TOOL_KERNEL_CONFIG_H_
#define DRIVEROOT_KERNELCFG_CONFIG_TOOL_KERNEL_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::kernelcfg {

struct Assignment {
  std::string option;  // "CONFIG_FUSE_FS"
  std::string value;   // As after the equals sign; "n" for "is not set".
  std::string place;   // "fragments/base.config:12", for messages.

  // The line that makes this assignment, without a newline.
  std::string ToLine() const;
};

// Reads the assignments of `text` in their order. kInvalidArgument, naming the
// file and line, for a line of no known kind.
Result<std::vector<Assignment>> ParseConfig(std::string_view text,
                                            std::string_view file);

// Joins the requests of several fragments, each option once. kInvalidArgument,
// naming every such option and both places, when two values disagree.
Result<std::vector<Assignment>> JoinFragments(
    const std::vector<std::vector<Assignment>>& fragments);

// `base`, less its assignments of requested options, followed by the requests.
std::string Overlay(const std::vector<Assignment>& base,
                    const std::vector<Assignment>& requests);

// Whether the complete configuration `config` has what was requested.
// kInvalidArgument, with a line for each option that it has otherwise: where it
// was requested, what was wanted and what came of it. An option that is absent
// satisfies a request for n.
Status Check(const std::vector<Assignment>& config,
             const std::vector<Assignment>& requests);

// Lines that turn configuration `before` into `after`, sorted by option. What
// is absent from `after` is written as "is not set" if it was on before.
std::string Difference(const std::vector<Assignment>& before,
                       const std::vector<Assignment>& after);

}  // namespace driveroot::kernelcfg

#endif  // DRIVEROOT_KERNELCFG_CONFIG_TOOL_KERNEL_CONFIG_H_
