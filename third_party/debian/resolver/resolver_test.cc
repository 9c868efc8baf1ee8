// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/resolver.h"

#include <gtest/gtest.h>

#include <format>

namespace driveroot::debian {
namespace {

std::string Package(const std::string& name, const std::string& version,
                    const std::string& more = "") {
  return std::format(
      "Package: {0}\nVersion: {1}\nFilename: pool/{0}_{1}.deb\nSHA256: "
      "{0}{1}\nSize: 5\n{2}\n",
      name, version, more);
}

bool Everything(const std::string&) { return true; }

std::vector<std::string> Names(const std::vector<Pin>& pins) {
  std::vector<std::string> names;
  for (const Pin& pin : pins) names.push_back(pin.name);
  return names;
}

WantedPackages Want(std::set<std::string> packages, bool closure,
                    std::set<std::string> stop = {}) {
  WantedPackages wanted;
  wanted.binaries["set"] = {.packages = std::move(packages),
                            .closure = closure,
                            .stop = std::move(stop)};
  return wanted;
}

using NameList = std::vector<std::string>;

TEST(Resolver, TakesTheNewestVersionWhateverTheOrder) {
  Index index;
  index.AddBinaries(Package("a", "1.9") + Package("a", "1.10") +
                    Package("a", "1.2"));
  const Result<Lock> lock = Resolve(Want({"a"}, false), index, {}, Everything);
  ASSERT_TRUE(lock) << lock.error().message();
  const Pin expected = {.name = "a",
                        .version = "1.10",
                        .path = "pool/a_1.10.deb",
                        .sha256 = "a1.10",
                        .size = 5};
  EXPECT_EQ(lock->binaries.at("set"), std::vector<Pin>{expected});
}

TEST(Resolver, FollowsDependenciesOnlyWhenAsked) {
  Index index;
  index.AddBinaries(
      Package("a", "1", "Pre-Depends: b\nDepends: c | d, e (>= 1)\n") +
      Package("b", "1", "Depends: a\n") + Package("c", "1") +
      Package("d", "1") + Package("e", "1"));
  EXPECT_EQ(Names(Resolve(Want({"a"}, false), index, {}, Everything)
                      ->binaries.at("set")),
            (NameList{"a"}));
  EXPECT_EQ(Names(Resolve(Want({"a"}, true), index, {}, Everything)
                      ->binaries.at("set")),
            (NameList{"a", "b", "c", "e"}));
  // Another alternative is wanted anyway.
  EXPECT_EQ(Names(Resolve(Want({"a", "d"}, true), index, {}, Everything)
                      ->binaries.at("set")),
            (NameList{"a", "b", "d", "e"}));
  EXPECT_EQ(Names(Resolve(Want({"a"}, true, {"d", "e"}), index, {}, Everything)
                      ->binaries.at("set")),
            (NameList{"a", "b"}));
}

TEST(Resolver, FindsProvidersOfVirtualPackages) {
  Index index;
  index.AddBinaries(Package("a", "1", "Depends: virtual\n") +
                    Package("y", "1", "Provides: virtual (= 2), other\n") +
                    Package("z", "1", "Provides: virtual\n") +
                    Package("x", "1", "Provides: virtual-not\n"));
  EXPECT_EQ(Names(Resolve(Want({"a"}, true), index, {}, Everything)
                      ->binaries.at("set")),
            (NameList{"a", "y"}));
  EXPECT_EQ(Names(Resolve(Want({"a", "z"}, true), index, {}, Everything)
                      ->binaries.at("set")),
            (NameList{"a", "z"}));
}

TEST(Resolver, PassesOverFilesThatNoMirrorHas) {
  Index index;
  index.AddBinaries(Package("a", "1") + Package("a", "2"));
  const Available only_old = [](const std::string& path) {
    return path == "pool/a_1.deb";
  };
  EXPECT_EQ(Resolve(Want({"a"}, false), index, {}, only_old)
                ->binaries.at("set")[0]
                .version,
            "1");

  const Available only_locked = [](const std::string& path) {
    return path == "pool/a_0.deb";
  };
  EXPECT_FALSE(Resolve(Want({"a"}, false), index, {}, only_locked));
  Lock old;
  old.binaries["set"] = {{.name = "a",
                          .version = "0",
                          .path = "pool/a_0.deb",
                          .sha256 = "x",
                          .size = 1}};
  EXPECT_EQ(*Resolve(Want({"a"}, false), index, old, only_locked), old);
}

TEST(Resolver, NamesWhatIsMissing) {
  Index index;
  index.AddBinaries(Package("a", "1", "Depends: absent\n"));
  const Result<Lock> unknown =
      Resolve(Want({"unknown"}, false), index, {}, Everything);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message().find("unknown"), std::string::npos);
  const Result<Lock> absent = Resolve(Want({"a"}, true), index, {}, Everything);
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().message().find("absent"), std::string::npos);
}

TEST(Resolver, TakesTheUpstreamTarballOfASource) {
  Index index;
  index.AddSources(
      "Package: lib\nVersion: 2-1\nDirectory: pool/lib\nChecksums-Sha256:\n"
      " d1 1 lib_2-1.dsc\n d2 2 lib_2.orig-doc.tar.xz\n d3 3 "
      "lib_2.orig.tar.xz.asc\n d4 4 lib_2.orig.tar.xz\n"
      " d5 5 lib_2-1.debian.tar.xz\n");
  WantedPackages wanted;
  wanted.sources["repository"] = "lib";
  const Result<Lock> lock = Resolve(wanted, index, {}, Everything);
  ASSERT_TRUE(lock) << lock.error().message();
  const Pin expected = {.name = "lib",
                        .version = "2-1",
                        .path = "pool/lib/lib_2.orig.tar.xz",
                        .sha256 = "d4",
                        .size = 4};
  EXPECT_EQ(lock->sources.at("repository"), expected);
}

}  // namespace
}  // namespace driveroot::debian
