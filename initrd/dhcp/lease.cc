// SPDX-License-Identifier: Apache-2.0
#include "initrd/dhcp/lease.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <format>
#include <utility>

namespace driveroot {
namespace {

constexpr size_t kMaxListLength = 8;
constexpr size_t kMaxDomainLength = 253;  // RFC 1035, as text.

bool IsAddress(const std::string& text) {
  in_addr address = {};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 &&
         address.s_addr != INADDR_ANY;
}

bool IsDomain(const std::string& text) {
  if (text.empty() || text.size() > kMaxDomainLength || text[0] == '.' ||
      text[0] == '-') {
    return false;
  }
  return std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
  });
}

// As in the kernel's dev_valid_name.
bool IsInterface(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." &&
         name != ".." &&
         std::ranges::none_of(
             name,
             [](unsigned char c) {
               return c == '/' || c == ':' || std::isspace(c) != 0 ||
                      std::iscntrl(c) != 0;
             });
}

// The well-formed ones of the words of `text`, in order, each once.
std::vector<std::string> ParseList(std::string_view text,
                                   bool (*is_valid)(const std::string&)) {
  std::vector<std::string> found;
  while (!text.empty() && found.size() < kMaxListLength) {
    const size_t end = text.find(' ');
    std::string word(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (is_valid(word) && !std::ranges::contains(found, word)) {
      found.push_back(std::move(word));
    }
  }
  return found;
}

Result<int> ParsePrefixLength(std::string_view text) {
  int length = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size() || length < 0 ||
      length > 32) {
    return Fail(ErrorCode::kDataLoss,
                std::format("{} is no prefix length", text));
  }
  return length;
}

// The smallest that IPv4 allows (RFC 791) up to the largest packet; 0
// otherwise.
int ParseMtu(std::string_view text) {
  int mtu = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), mtu);
  const bool is_number =
      error == std::errc() && end == text.data() + text.size();
  return is_number && mtu >= 68 && mtu <= 65535 ? mtu : 0;
}

Status CheckLease(const Lease& lease) {
  if (!IsInterface(lease.interface)) {
    return Fail(ErrorCode::kDataLoss, "the lease names no interface");
  }
  if (!IsAddress(lease.address)) {
    return Fail(ErrorCode::kDataLoss, "the lease holds no address");
  }
  return {};
}

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

}  // namespace

std::string LeasePath(std::string_view interface) {
  return std::format("/var/lib/driveroot/lease.{}", interface);
}

Result<Lease> LeaseFromEnvironment(
    const std::function<std::string(const char*)>& get) {
  Lease lease;
  lease.interface = get("interface");
  lease.address = get("new_ip_address");
  DRIVEROOT_ASSIGN_OR_RETURN(lease.prefix_length,
                             ParsePrefixLength(get("new_subnet_cidr")));
  lease.mtu = ParseMtu(get("new_interface_mtu"));
  lease.routers = ParseList(get("new_routers"), IsAddress);
  lease.dns_servers = ParseList(get("new_domain_name_servers"), IsAddress);
  lease.search_domains = ParseList(get("new_domain_search"), IsDomain);
  if (lease.search_domains.empty()) {
    lease.search_domains = ParseList(get("new_domain_name"), IsDomain);
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckLease(lease));
  return lease;
}

std::string FormatLease(const Lease& lease) {
  return std::format(
      "interface={}\naddress={}\nprefix_length={}\nmtu={}\nrouters={}\n"
      "dns_servers={}\nsearch_domains={}\n",
      lease.interface, lease.address, lease.prefix_length, lease.mtu,
      Join(lease.routers), Join(lease.dns_servers), Join(lease.search_domains));
}

Result<Lease> ParseLease(std::string_view text) {
  Lease lease;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const size_t equals = line.find('=');
    if (equals == line.npos) {
      return Fail(ErrorCode::kDataLoss, "a line of the lease has no =");
    }
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "interface") {
      lease.interface = value;
    } else if (key == "address") {
      lease.address = value;
    } else if (key == "prefix_length") {
      DRIVEROOT_ASSIGN_OR_RETURN(lease.prefix_length, ParsePrefixLength(value));
    } else if (key == "mtu") {
      lease.mtu = ParseMtu(value);
    } else if (key == "routers") {
      lease.routers = ParseList(value, IsAddress);
    } else if (key == "dns_servers") {
      lease.dns_servers = ParseList(value, IsAddress);
    } else if (key == "search_domains") {
      lease.search_domains = ParseList(value, IsDomain);
    } else {
      return Fail(ErrorCode::kDataLoss,
                  std::format("the lease has an unknown key {}", key));
    }
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckLease(lease));
  return lease;
}

}  // namespace driveroot
