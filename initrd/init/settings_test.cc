// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace driveroot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kAccess[] =
    R"({"client_id": "i", "client_secret": "s3cret", "refresh_token": "t0ken"})";

TEST(ParseConfigTest, ReadsEverySetting) {
  const Result<Settings> settings = ParseConfig(
      R"({"volume": "drive:My root", "drive_endpoint": "https://10.0.2.2:8443",
          "hostname": "box-1", "at": "2h", "options": ["--cache_mib=64", "--verbose"]})");
  ASSERT_TRUE(settings) << settings.error();
  EXPECT_EQ(settings->volume, "drive:My root");
  EXPECT_EQ(settings->drive_endpoint, "https://10.0.2.2:8443");
  EXPECT_EQ(settings->hostname, "box-1");
  EXPECT_EQ(settings->at, "2h");
  EXPECT_THAT(settings->options, ElementsAre("--cache_mib=64", "--verbose"));
}

struct BadConfig {
  std::string json;
  std::string complaint;
};

class BadConfigTest : public testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigTest, SaysWhatIsWrong) {
  const Result<Settings> settings = ParseConfig(GetParam().json);
  ASSERT_FALSE(settings) << GetParam().json;
  EXPECT_THAT(settings.error().message(), HasSubstr(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadConfigTest,
    testing::Values(
        BadConfig{"", "is not JSON"}, BadConfig{"{\"volume\": ", "is not JSON"},
        BadConfig{"[]", "must be a JSON object"},
        BadConfig{"{}", "\"volume\" is missing"},
        BadConfig{R"({"volume": ""})", "\"volume\" must be a text"},
        BadConfig{R"({"volume": 7})", "\"volume\" must be a text"},
        BadConfig{R"({"volume": "a\nb"})", "control character"},
        BadConfig{R"({"volume": "dir:/x"})", "\"volume\" is dir:/x"},
        BadConfig{R"({"volume": "drive:"})", "\"volume\" is drive:"},
        BadConfig{R"({"volume": "drive:x", "volme": "y"})", "\"volme\""},
        BadConfig{R"({"volume": "drive:x", "drive_endpoint": "http://x"})",
                  "https://"},
        BadConfig{R"({"volume": "drive:x", "hostname": "a_b"})", "hostname"},
        BadConfig{R"({"volume": "drive:x", "options": "--x"})", "a list"},
        BadConfig{R"({"volume": "drive:x", "options": ["x"]})", "looks like"},
        BadConfig{R"({"volume": "drive:x", "options": ["--status_fd=1"]})",
                  "--status_fd"},
        BadConfig{R"({"volume": "drive:x", "options": ["--noforeground"]})",
                  "--foreground"},
        BadConfig{R"({"volume": "drive:x", "options": ["--at=3"]})", "--at"},
        BadConfig{R"({"volume": "drive:x", "options": ["--ca-file=x"]})",
                  "--ca_file"}));

TEST(ParseConfigTest, ManyBracketsDoNoHarm) {
  EXPECT_FALSE(ParseConfig(std::string(1 << 20, '[')));
}

TEST(ParseSettingsTest, TakesAllThreeCredentials) {
  const std::string pem = "-----BEGIN CERTIFICATE-----\n";
  const Result<Settings> settings =
      ParseSettings({{"driveroot.config", R"({"volume": "drive:x"})"},
                     {"driveroot.credentials", kAccess},
                     {"driveroot.ca", pem}});
  ASSERT_TRUE(settings) << settings.error();
  EXPECT_EQ(settings->volume, "drive:x");
  EXPECT_EQ(settings->credentials_json, kAccess);
  EXPECT_EQ(settings->extra_ca_pem, pem);
}

std::string Complaint(const Credentials& credentials) {
  const Result<Settings> settings = ParseSettings(credentials);
  return settings ? "" : settings.error().message();
}

TEST(ParseSettingsTest, SaysWhatIsMissingAndWhereToPutIt) {
  EXPECT_THAT(Complaint({}), HasSubstr("driveroot.config.cred"));
  EXPECT_THAT(Complaint({{"driveroot.config", R"({"volume": "drive:x"})"}}),
              HasSubstr("io.systemd.credential:driveroot.credentials=..."));
}

TEST(ParseSettingsTest, NeverQuotesASecret) {
  const std::string config = R"({"volume": "drive:x"})";
  for (const std::string access :
       {R"({"client_id": "i", "client_secret": "s3cret"})", R"("s3cret")",
        R"(s3cret)", R"({"refresh_token": "s3cret", "client_id": 3})"}) {
    const std::string complaint = Complaint(
        {{"driveroot.config", config}, {"driveroot.credentials", access}});
    EXPECT_THAT(complaint, HasSubstr("driveroot.credentials"));
    EXPECT_THAT(complaint, Not(HasSubstr("s3cret")));
  }
}

TEST(ParseSettingsTest, RefusesACertificateThatIsNone) {
  EXPECT_THAT(Complaint({{"driveroot.config", R"({"volume": "drive:x"})"},
                         {"driveroot.credentials", kAccess},
                         {"driveroot.ca", "MIIB"}}),
              HasSubstr("driveroot.ca"));
}

TEST(SettingsTest, TimeToGiveUpIsANumberOfSeconds) {
  const Result<Settings> settings =
      ParseConfig(R"({"volume":"drive:x","give_up_seconds":20})");
  ASSERT_TRUE(settings) << settings.error();
  EXPECT_EQ(settings->give_up_seconds, 20u);
  EXPECT_EQ(ParseConfig(R"({"volume":"drive:x"})")->give_up_seconds, 0u);
  for (const char* value : {"0", "-1", "\"20\"", "1.5", "604801", "null"}) {
    EXPECT_FALSE(ParseConfig(std::string(R"({"volume":"drive:x",)") +
                             R"("give_up_seconds":)" + value + "}"))
        << value;
  }
}

}  // namespace
}  // namespace driveroot
