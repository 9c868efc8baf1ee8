// SPDX-License-Identifier: Apache-2.0
#include "initrd/dhcp/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace driveroot {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Environment = std::map<std::string, std::string>;

Result<Lease> FromEnvironment(Environment environment) {
  return LeaseFromEnvironment(
      [&](const char* name) { return environment[name]; });
}

const Environment kUsual = {
    {"interface", "eth0"},
    {"new_ip_address", "10.0.2.15"},
    {"new_subnet_cidr", "24"},
    {"new_routers", "10.0.2.2"},
    {"new_domain_name_servers", "10.0.2.3 10.0.2.4"},
    {"new_domain_name", "example.org"},
};

TEST(LeaseTest, ReadsDhcpcdsVariables) {
  const Result<Lease> lease = FromEnvironment(kUsual);
  ASSERT_TRUE(lease) << lease.error();
  EXPECT_EQ(*lease, (Lease{.interface = "eth0",
                           .address = "10.0.2.15",
                           .prefix_length = 24,
                           .routers = {"10.0.2.2"},
                           .dns_servers = {"10.0.2.3", "10.0.2.4"},
                           .search_domains = {"example.org"}}));
}

TEST(LeaseTest, SearchListWinsOverDomainName) {
  Environment environment = kUsual;
  environment["new_domain_search"] = "a.example b.example a.example";
  EXPECT_THAT(FromEnvironment(environment)->search_domains,
              ElementsAre("a.example", "b.example"));
}

TEST(LeaseTest, DropsWhatIsNotWellFormed) {
  Environment environment = kUsual;
  environment["new_routers"] = "10.0.2 ::1 0.0.0.0";
  environment["new_domain_name_servers"] = "10.0.2.3\nDNS=6.6.6.6 10.0.2.4";
  environment["new_domain_name"] = "x\ny -a .b a;b";
  const Result<Lease> lease = FromEnvironment(environment);
  ASSERT_TRUE(lease) << lease.error();
  EXPECT_THAT(lease->routers, IsEmpty());
  EXPECT_THAT(lease->dns_servers, ElementsAre("10.0.2.4"));
  EXPECT_THAT(lease->search_domains, IsEmpty());
}

TEST(LeaseTest, NeedsInterfaceAddressAndPrefix) {
  for (const auto& [key, value] : Environment{{"interface", ""},
                                              {"interface", "../x"},
                                              {"new_ip_address", "host"},
                                              {"new_subnet_cidr", "33"},
                                              {"new_subnet_cidr", ""}}) {
    Environment environment = kUsual;
    environment[key] = value;
    EXPECT_FALSE(FromEnvironment(environment)) << key << "=" << value;
  }
}

TEST(LeaseTest, SurvivesTheFile) {
  const Result<Lease> lease = FromEnvironment(kUsual);
  ASSERT_TRUE(lease);
  const Result<Lease> read = ParseLease(FormatLease(*lease));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read, *lease);
}

TEST(LeaseTest, RefusesADamagedFile) {
  const std::string text = FormatLease(*FromEnvironment(kUsual));
  EXPECT_FALSE(ParseLease(""));
  EXPECT_FALSE(ParseLease(text.substr(0, text.find("address="))));
  EXPECT_FALSE(ParseLease(text + "color=9000\n"));
  EXPECT_FALSE(ParseLease(text + "no equals sign\n"));
}

TEST(LeaseTest, TakesAPathsLimitForPackets) {
  Environment environment = {{"interface", "eth0"},
                             {"new_ip_address", "10.0.2.15"},
                             {"new_subnet_cidr", "24"}};
  EXPECT_EQ(FromEnvironment(environment)->mtu, 0);
  for (const auto& [text, mtu] : std::map<std::string, int>{{"1400", 1400},
                                                            {"68", 68},
                                                            {"9000", 9000},
                                                            {"67", 0},
                                                            {"65536", 0},
                                                            {"-1", 0},
                                                            {"1400x", 0},
                                                            {"", 0}}) {
    environment["new_interface_mtu"] = text;
    const Result<Lease> lease = FromEnvironment(environment);
    ASSERT_TRUE(lease) << lease.error();
    EXPECT_EQ(lease->mtu, mtu) << text;
    EXPECT_EQ(ParseLease(FormatLease(*lease))->mtu, mtu);
  }
}

}  // namespace
}  // namespace driveroot
