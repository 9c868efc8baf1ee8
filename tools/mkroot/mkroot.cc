// SPDX-License-Identifier: Apache-2.0
//
// Makes a root tree as a tar archive, without root and without running any of
// its programs: Debian packages merged as dpkg would install them, or another
// archive as the base, then files, then what manifests say (manifest.h). The
// same inputs give the same bytes.
//
//   mkroot --output=root.tar --manifests=a.manifest,b.manifest PACKAGE.deb...
//   mkroot --output=more.tar --base=root.tar --programs=/opt/x=bazel-bin/x
#include <fcntl.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "driveroot/base/tar/byte_stream.h"
#include "driveroot/base/unique_fd.h"
#include "tools/mkroot/accounts.h"
#include "tools/mkroot/debian_package.h"
#include "tools/mkroot/dpkg_database.h"
#include "tools/mkroot/manifest.h"
#include "tools/mkroot/text.h"
#include "tools/mkroot/tree.h"

DEFINE_string(output, "", "the tar archive to write");
DEFINE_string(base, "", "a tar archive to start from instead of packages");
DEFINE_string(manifests, "", "manifests, separated by commas");
DEFINE_string(files, "",
              "PATH=FILE, separated by commas: FILE becomes PATH, mode 0644");
DEFINE_string(programs, "", "the same with mode 0755");

namespace driveroot {
namespace {

// Far above any package or manifest.
constexpr uint64_t kMaxInputSize = uint64_t{2} << 30;

std::vector<std::string> SplitList(const std::string& flag) {
  return flag.empty() ? std::vector<std::string>() : SplitFields(flag, ',');
}

Result<std::vector<Directive>> ReadManifests() {
  std::vector<Directive> directives;
  for (const std::string& path : SplitList(FLAGS_manifests)) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                               ReadFile(path, kMaxInputSize));
    DRIVEROOT_ASSIGN_OR_RETURN(std::vector<Directive> more,
                               ParseManifest(path, text));
    std::ranges::move(more, std::back_inserter(directives));
  }
  return directives;
}

// The time of what packages do not bring: that of their newest file.
TarTime NewestOf(const std::vector<TarMember>& members, TarTime newest) {
  for (const TarMember& member : members) {
    newest = std::max(newest, member.entry.modified);
  }
  return newest;
}

Result<Tree> TreeFromBase() {
  const UniqueFd file(::open(FLAGS_base.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot open " + FLAGS_base));
  }
  FdSource source(file.get(), FLAGS_base);
  Result<std::vector<TarMember>> members = ReadTarMembers(&source);
  if (!members) {
    return std::unexpected(members.error().WithContext(FLAGS_base));
  }
  Tree tree(NewestOf(*members, {}));
  for (TarMember& member : *members) {
    tree.Add(std::move(member.entry), std::move(member.contents));
  }
  return tree;
}

Result<Tree> TreeFromPackages(const std::vector<std::string>& files,
                              const PathFilter& filter) {
  std::vector<DebianPackage> packages;
  TarTime newest;
  for (const std::string& file : files) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string archive,
                               ReadFile(file, kMaxInputSize));
    DRIVEROOT_ASSIGN_OR_RETURN(DebianPackage package,
                               ReadDebianPackage(file, archive));
    newest = NewestOf(package.data, newest);
    packages.push_back(std::move(package));
  }
  // The order of the command line must not show in the result.
  std::ranges::sort(packages, {}, &DebianPackage::name);
  Tree tree(newest);
  DpkgDatabase database;
  for (DebianPackage& package : packages) {
    DRIVEROOT_RETURN_IF_ERROR(
        database.Install(std::move(package), filter, &tree));
  }
  database.WriteTo(&tree);
  const std::string excludes = filter.ConfigurationText();
  if (!excludes.empty()) {
    tree.AddFile("/etc/dpkg/dpkg.cfg.d/excludes", excludes);
  }
  return tree;
}

Status AddHostFiles(const std::string& flag, uint32_t mode, Tree* tree) {
  for (const std::string& pair : SplitList(flag)) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || !pair.starts_with('/')) {
      return Fail(ErrorCode::kInvalidArgument,
                  "\"" + pair + "\" is not /PATH=FILE");
    }
    const std::string path = pair.substr(0, equals);
    DRIVEROOT_ASSIGN_OR_RETURN(
        std::string contents, ReadFile(pair.substr(equals + 1), kMaxInputSize));
    tree->AddFile(path, std::move(contents));
    tree->Find(path)->entry.mode = mode;
  }
  return {};
}

Status WriteArchive(const Tree& tree) {
  std::string archive;
  StringSink sink(&archive);
  DRIVEROOT_RETURN_IF_ERROR(tree.WriteTar(&sink));
  return ReplaceFile(FLAGS_output, archive, 0644);
}

Status MakeRoot(const std::vector<std::string>& packages) {
  if (FLAGS_output.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--output is missing");
  }
  if (FLAGS_base.empty() == packages.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "give either packages or --base, so that dpkg's database and "
                "the files agree");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Directive> directives,
                             ReadManifests());
  DRIVEROOT_ASSIGN_OR_RETURN(
      Tree tree, packages.empty()
                     ? TreeFromBase()
                     : TreeFromPackages(packages, FilterOf(directives)));
  DRIVEROOT_RETURN_IF_ERROR(AddHostFiles(FLAGS_files, 0644, &tree));
  DRIVEROOT_RETURN_IF_ERROR(AddHostFiles(FLAGS_programs, 0755, &tree));
  Accounts accounts;
  DRIVEROOT_RETURN_IF_ERROR(accounts.AddFrom(tree));
  DRIVEROOT_RETURN_IF_ERROR(ManifestRunner(&tree, &accounts).Run(directives));
  accounts.WriteTo(&tree);
  DRIVEROOT_RETURN_IF_ERROR(accounts.ResolveOwners(&tree));
  DRIVEROOT_RETURN_IF_ERROR(tree.Finish());
  return WriteArchive(tree);
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  gflags::SetUsageMessage(
      "makes a root tree as a tar archive; see the head of mkroot.cc");
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  const driveroot::Status made =
      driveroot::MakeRoot(std::vector<std::string>(argv + 1, argv + argc));
  if (!made) {
    std::fprintf(stderr, "mkroot: %s\n", made.error().message().c_str());
    return 1;
  }
  return 0;
}
