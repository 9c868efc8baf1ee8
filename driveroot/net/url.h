// SPDX-License-Identifier: Apache-2.0
//
// The little that driveroot needs of URLs: percent-encoding, queries and
// forms, and the origin (scheme, host, port) that decides who may be sent a
// token.
#ifndef DRIVEROOT_NET_URL_H_
#define DRIVEROOT_NET_URL_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace driveroot {

// Everything but the unreserved characters of RFC 3986, section 2.3, as %XX.
std::string PercentEncode(std::string_view text);

// The reverse, with '+' as a space when `plus_is_space` (queries). Nothing when
// an escape is broken.
std::optional<std::string> PercentDecode(std::string_view text,
                                         bool plus_is_space);

// "a=1&b=x%20y".
std::string EncodeQuery(
    std::initializer_list<std::pair<std::string_view, std::string_view>>
        parameters);

struct UrlParts {
  std::string scheme;  // lower case
  std::string host;    // lower case; IPv6 in brackets
  int port = 0;        // the scheme's own when the URL names none
  std::string path;    // starts with '/', without query and fragment
};

// Splits an http or https URL; nothing when it is not one, or holds a user name
// or a character that no URL may hold.
std::optional<UrlParts> ParseUrl(std::string_view url);

// "host:port/path", for messages: a query may hold a secret.
std::string UrlForMessages(std::string_view url);

}  // namespace driveroot

#endif  // DRIVEROOT_NET_URL_H_
