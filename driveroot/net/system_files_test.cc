// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/system_files.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"

namespace driveroot {
namespace {

TEST(NameServers, AreReadFromResolvConf) {
  EXPECT_EQ(
      ParseNameServers("# comment\n"
                       "domain example.com\n"
                       "nameserver 192.0.2.1\n"
                       "nameserver\t2001:db8::1   \r\n"
                       "options edns0\n"
                       "nameserver 192.0.2.2"),
      (std::vector<std::string>{"192.0.2.1", "[2001:db8::1]", "192.0.2.2"}));
}

TEST(NameServers, SkipsWhatIsNoAddress) {
  EXPECT_EQ(ParseNameServers("nameserver\n"
                             "nameserver \n"
                             "nameserverx 192.0.2.1\n"
                             "nameserver192.0.2.1\n"
                             " nameserver 192.0.2.1\n"
                             "nameserver 192.0.2.1,evil:53\n"
                             "nameserver fe80::1%eth0\n"
                             "nameserver 192.0.2.300\n"),
            std::vector<std::string>());
  EXPECT_EQ(ParseNameServers(""), std::vector<std::string>());
}

TEST(NameServers, TakesAsManyAsTheCLibrary) {
  std::string text;
  for (int i = 1; i < 9; ++i) {
    text += "nameserver 192.0.2." + std::to_string(i) + "\n";
  }
  EXPECT_EQ(ParseNameServers(text).size(), 3u);
}

TEST(NameServers, AMissingFileGivesNone) {
  EXPECT_TRUE(LoadNameServers("/nonexistent/resolv.conf").empty());
}

TEST(CaBundle, NamesTheMissingFile) {
  const Result<std::string> pem = LoadCaBundle("/nonexistent/ca.pem");
  ASSERT_FALSE(pem);
  EXPECT_EQ(pem.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(pem.error().message().contains("/nonexistent/ca.pem"));
}

TEST(CaBundle, MustHoldACertificate) {
  const std::string path = testing::TempDir() + "/ca.pem";
  ASSERT_TRUE(ReplaceFile(path, "not a certificate", 0600));
  const Result<std::string> pem = LoadCaBundle(path);
  ASSERT_FALSE(pem);
  EXPECT_EQ(pem.error().code(), ErrorCode::kInvalidArgument);

  const std::string good =
      "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  ASSERT_TRUE(ReplaceFile(path, good, 0600));
  EXPECT_EQ(LoadCaBundle(path).value_or(""), good);
}

}  // namespace
}  // namespace driveroot
