// SPDX-License-Identifier: Apache-2.0
//
// What is handed to the machine beside the image, by name:
//  - files NAME.cred, which systemd's EFI stub copies from the boot partition
//    (\EFI\...\IMAGE.efi.extra.d\NAME.cred and \loader\credentials\NAME.cred)
//    into /.extra/;
//  - SMBIOS strings "io.systemd.credential:NAME=VALUE" and
//    "io.systemd.credential.binary:NAME=BASE64", which win over files.
//
// Values are secrets: they are never printed.
#ifndef INITRD_INIT_CREDENTIALS_H_
#define INITRD_INIT_CREDENTIALS_H_

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

using Credentials = std::map<std::string, std::string, std::less<>>;

// The standard Base64 of RFC 4648, with padding; blanks and line ends between
// its characters are skipped.
Result<std::string> DecodeBase64(std::string_view text);

// Adds what the SMBIOS strings hold, replacing what is there. Other strings are
// skipped; a binary one that is not Base64 is an error that names it.
Status AddFromOemStrings(std::span<const std::string> strings,
                         Credentials& credentials);

// Reads everything that the machine was given. A missing source is no error.
Result<Credentials> ReadCredentials();

}  // namespace driveroot

#endif  // INITRD_INIT_CREDENTIALS_H_
