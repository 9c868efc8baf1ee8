// SPDX-License-Identifier: Apache-2.0
//
// What this machine boots: read from the credentials
//   driveroot.config       JSON: {"volume": "drive:NAME", ...}, see Settings
//   driveroot.credentials  JSON: {"client_id", "client_secret",
//                          "refresh_token"}, for the daemon
//   driveroot.ca           PEM, optional: certificate authorities to trust
//                          besides the built-in ones
//
// Pure functions: safe from any thread. Error messages say which credential is
// wrong and what it must be; they never quote a value.
#ifndef INITRD_INIT_SETTINGS_H_
#define INITRD_INIT_SETTINGS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "initrd/init/credentials.h"

namespace driveroot {

struct Settings {
  std::string volume = {};          // "volume": drive:NAME or drive:id=FOLDER.
  std::string drive_endpoint = {};  // "drive_endpoint": https://..., optional.
  std::string hostname = {};        // "hostname", optional.
  // "at", optional: boots the volume as it was at this point of its past,
  // read-only; what `driveroot mount --at` takes.
  std::string at = {};
  // "give_up_seconds", optional: when the machine ends and its store has taken
  // nothing for so long, somebody is asked whether to go on waiting; 0: the
  // default, see initrd/saving/save_dialog.h.
  uint64_t give_up_seconds = 0;
  // "options", optional: further flags of `driveroot mount`, each "--NAME" or
  // "--NAME=VALUE". Flags that init itself gives are refused.
  std::vector<std::string> options = {};

  std::string credentials_json = {};
  std::string extra_ca_pem = {};
};

// Everything that init needs of `credentials`.
Result<Settings> ParseSettings(const Credentials& credentials);

// The same for the text of driveroot.config alone.
Result<Settings> ParseConfig(std::string_view json);

}  // namespace driveroot

#endif  // INITRD_INIT_SETTINGS_H_
