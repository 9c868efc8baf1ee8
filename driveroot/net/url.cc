// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/url.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

namespace driveroot {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Splits "host:port" or "[v6]:port"; false when it is neither.
bool ParseAuthority(std::string_view authority, UrlParts* parts) {
  std::string_view port;
  size_t host_end;
  if (authority.starts_with('[')) {
    host_end = authority.find(']');
    if (host_end == std::string_view::npos) return false;
    ++host_end;
  } else {
    host_end = authority.find(':');
    if (host_end == std::string_view::npos) host_end = authority.size();
  }
  parts->host = ToLower(authority.substr(0, host_end));
  if (parts->host.empty()) return false;
  if (host_end == authority.size()) {
    parts->port = parts->scheme == "https" ? 443 : 80;
    return true;
  }
  if (authority[host_end] != ':') return false;
  port = authority.substr(host_end + 1);
  const auto [end, error] =
      std::from_chars(port.data(), port.data() + port.size(), parts->port);
  return error == std::errc() && end == port.data() + port.size() &&
         parts->port > 0 && parts->port < 65536;
}

}  // namespace

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 15];
    }
  }
  return encoded;
}

std::optional<std::string> PercentDecode(std::string_view text,
                                         bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

std::string EncodeQuery(
    std::initializer_list<std::pair<std::string_view, std::string_view>>
        parameters) {
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (!query.empty()) query += '&';
    query += PercentEncode(name);
    query += '=';
    query += PercentEncode(value);
  }
  return query;
}

std::optional<UrlParts> ParseUrl(std::string_view url) {
  for (const char c : url) {
    if (c <= ' ' || c >= 0x7f || c == '\\') return std::nullopt;
  }
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  UrlParts parts;
  parts.scheme = ToLower(url.substr(0, scheme_end));
  if (parts.scheme != "https" && parts.scheme != "http") return std::nullopt;
  std::string_view rest = url.substr(scheme_end + 3);
  const size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, authority_end);
  if (authority.contains('@') || !ParseAuthority(authority, &parts)) {
    return std::nullopt;
  }
  rest.remove_prefix(authority_end);
  parts.path = rest.substr(0, std::min(rest.find_first_of("?#"), rest.size()));
  if (parts.path.empty()) parts.path = "/";
  return parts;
}

std::string UrlForMessages(std::string_view url) {
  const std::optional<UrlParts> parts = ParseUrl(url);
  if (!parts) return "(not a URL)";
  return parts->host + ":" + std::to_string(parts->port) + parts->path;
}

}  // namespace driveroot
