// SPDX-License-Identifier: Apache-2.0
//
// A manifest says what a root tree has beyond its packages. One directive a
// line; "#" begins a comment; double quotes hold a word with blanks together:
//
//   directory PATH MODE USER GROUP
//   file PATH MODE USER GROUP        contents: the lines below that begin
//       | with a bar and a blank
//   copy FROM PATH [MODE USER GROUP] a file of the tree; default: as it is
//   symlink PATH TARGET
//   permissions PATH MODE USER GROUP
//   statoverride PATH MODE USER GROUP  and record it for dpkg
//   substitute PATH OLD NEW          OLD occurs exactly once; \n and \t in
//                                    both stand for line feed and tab
//   path-exclude GLOB, path-include GLOB
//                                    what dpkg leaves out, now and later
//   accounts PASSWD GROUP            files of the tree to start from
//   sysusers FILE                    a sysusers.d file of the tree
//   password USER HASH               "" lets in without a password
//   alternative NAME LINK TARGET PRIORITY
//   slave NAME LINK TARGET           of the alternative above
//   enable UNIT                      as deb-systemd-helper, for packages
//   systemctl-enable UNIT            as an administrator does
//   generate WHAT                    see generators.h
//
// Directives are carried out in order. Not thread-safe.
#ifndef TOOLS_MKROOT_MANIFEST_H_
#define TOOLS_MKROOT_MANIFEST_H_

#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/mkroot/accounts.h"
#include "tools/mkroot/alternatives.h"
#include "tools/mkroot/dpkg_database.h"
#include "tools/mkroot/tree.h"

namespace driveroot {

struct Directive {
  std::string location;  // "rootfs/files.manifest:12", for messages.
  std::vector<std::string> words;
  std::string contents;
};

// `name` is the manifest's for messages. Fails on unknown directives and wrong
// numbers of words.
Result<std::vector<Directive>> ParseManifest(std::string_view name,
                                             std::string_view text);

// The rules of the path-exclude and path-include directives.
PathFilter FilterOf(const std::vector<Directive>& directives);

class ManifestRunner {
 public:
  // Both outlive the runner.
  ManifestRunner(Tree* tree, Accounts* accounts)
      : tree_(tree), accounts_(accounts) {}

  Status Run(const std::vector<Directive>& directives);

 private:
  Status RunOne(const Directive& directive);
  Status RunFileDirective(const Directive& directive);
  Status RunAccountDirective(const Directive& directive);
  Status RunAlternative(const Directive& directive);
  Status Copy(const std::vector<std::string>& words);
  Status Substitute(const std::vector<std::string>& words);
  Status SetPermissions(const std::vector<std::string>& words);
  Status FlushAlternative();

  Tree* tree_;
  Accounts* accounts_;
  Alternative alternative_;  // Being collected while its name is not empty.
};

}  // namespace driveroot

#endif  // TOOLS_MKROOT_MANIFEST_H_
