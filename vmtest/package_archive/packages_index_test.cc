// SPDX-License-Identifier: Apache-2.0
#include "vmtest/package_archive/packages_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "driveroot/base/files.h"

namespace driveroot::vmtest {
namespace {

TEST(PackagesIndexTest, AParagraphIsTheControlFileAndHowToFetchIt) {
  // A real package of the set, and a small one.
  const std::filesystem::path folder =
      std::string(std::getenv("TEST_SRCDIR")) + "/debian_programs";
  const auto entries = std::filesystem::directory_iterator(folder);
  const auto entry = std::ranges::find_if(entries, [](const auto& candidate) {
    return candidate.path().filename().string().starts_with("tree_");
  });
  ASSERT_NE(entry, std::filesystem::end(entries));
  const std::string name = entry->path().filename();
  const Result<std::string> bytes = ReadFile(entry->path(), 1 << 20);
  ASSERT_TRUE(bytes) << bytes.error();
  const Result<std::string> paragraph = PackagesParagraph(name, *bytes);
  ASSERT_TRUE(paragraph) << paragraph.error();
  EXPECT_TRUE(paragraph->starts_with("Package: tree\n")) << *paragraph;
  EXPECT_NE(paragraph->find("\nFilename: ./" + name + "\n"), std::string::npos);
  EXPECT_NE(paragraph->find("\nSize: " + std::to_string(bytes->size()) + "\n"),
            std::string::npos);
  EXPECT_TRUE(paragraph->ends_with("\n\n"));
}

TEST(PackagesIndexTest, WhatIsNoPackageIsRefused) {
  const Result<std::string> paragraph = PackagesParagraph("x.deb", "nothing");
  ASSERT_FALSE(paragraph);
  EXPECT_EQ(paragraph.error().code(), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace driveroot::vmtest
