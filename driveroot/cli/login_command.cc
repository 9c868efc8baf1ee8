// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <cstdio>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/login.h"

DEFINE_bool(loopback, false,
            "sign in with this machine's browser instead of a code");
DEFINE_string(client_file, "",
              "the OAuth client as the Google Cloud console gives it (JSON)");
DEFINE_string(client_id, "", "the OAuth client's id; its secret is asked for");

DECLARE_string(ca_file);
DECLARE_string(credentials);
DECLARE_string(drive_endpoint);

namespace driveroot {
namespace {

Status Login(const std::vector<std::string>&) {
  LoginOptions options;
  options.credentials_file = FLAGS_credentials;
  options.drive_endpoint = FLAGS_drive_endpoint;
  options.ca_file = FLAGS_ca_file;
  options.client_file = FLAGS_client_file;
  options.client_id = FLAGS_client_id;
  options.loopback = FLAGS_loopback;
  return RunLogin(options, stdin, stdout);
}

}  // namespace

Command LoginCommand() {
  return {.name = "login",
          .arguments = "",
          .summary = "sign in to a Google account",
          .details =
              "Writes the credentials file that the other commands read. The "
              "secret comes from the client file, DRIVEROOT_CLIENT_SECRET or a "
              "prompt, never from the command line.",
          .min_arguments = 0,
          .max_arguments = 0,
          .flags = WithDriveFlags({"loopback", "client_file", "client_id"}),
          .run = Login};
}

}  // namespace driveroot
