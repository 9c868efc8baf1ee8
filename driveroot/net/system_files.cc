// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/system_files.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

// A distribution's bundle has about 200 KiB.
constexpr size_t kMaxCaBundleBytes = 8u << 20;
constexpr size_t kMaxResolvConfBytes = 64u << 10;
// As many as the C library uses (MAXNS in resolv.h).
constexpr size_t kMaxNameServers = 3;

// Debian and Alpine; Fedora; openSUSE.
constexpr std::array kCaBundles = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
};

constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";

// "192.0.2.1" as it is, IPv6 in brackets and without a scope; empty when it is
// no address.
std::string ServerForCares(std::string_view word) {
  const std::string address(word.substr(0, word.find('%')));
  in_addr v4;
  in6_addr v6;
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return address;
  if (inet_pton(AF_INET6, address.c_str(), &v6) == 1) {
    // A link-local server is of no use without its interface.
    if (IN6_IS_ADDR_LINKLOCAL(&v6)) return "";
    return "[" + address + "]";
  }
  return "";
}

}  // namespace

Result<std::string> LoadCaBundle(const std::string& ca_file) {
  if (!ca_file.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(std::string pem,
                               ReadFile(ca_file, kMaxCaBundleBytes));
    if (!pem.contains(kPemBegin)) {
      return Fail(ErrorCode::kInvalidArgument,
                  ca_file + " holds no certificate in PEM form");
    }
    return pem;
  }
  for (const char* path : kCaBundles) {
    Result<std::string> pem = ReadFile(path, kMaxCaBundleBytes);
    if (pem && pem->contains(kPemBegin)) return pem;
  }
  return Fail(ErrorCode::kNotFound,
              std::string("no trusted certificates found (looked for ") +
                  kCaBundles[0] +
                  " and the like); install the package ca-certificates or "
                  "give --ca_file=FILE");
}

std::vector<std::string> ParseNameServers(std::string_view resolv_conf) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string> servers;
  while (!resolv_conf.empty() && servers.size() < kMaxNameServers) {
    const size_t line_end =
        std::min(resolv_conf.find('\n'), resolv_conf.size());
    std::string_view line = resolv_conf.substr(0, line_end);
    resolv_conf.remove_prefix(std::min(line_end + 1, resolv_conf.size()));

    constexpr std::string_view kKeyword = "nameserver";
    if (!line.starts_with(kKeyword)) continue;
    line.remove_prefix(kKeyword.size());
    const size_t start = line.find_first_not_of(kBlanks);
    if (start == 0 || start == std::string_view::npos) continue;
    line.remove_prefix(start);
    std::string server =
        ServerForCares(line.substr(0, line.find_first_of(kBlanks)));
    if (!server.empty()) servers.push_back(std::move(server));
  }
  return servers;
}

std::vector<std::string> LoadNameServers(const std::string& path) {
  const Result<std::string> text = ReadFile(path, kMaxResolvConfBytes);
  if (!text) return {};
  return ParseNameServers(*text);
}

}  // namespace driveroot
