// SPDX-License-Identifier: Apache-2.0
//
// `driveroot login`: signs in to a Google account, by a code that is typed on
// any device or, with `loopback`, by the browser of this machine, and writes
// the credentials file.
//
// The client id and secret come, in this order, from `client_file`, from
// `client_id` and the environment (DRIVEROOT_CLIENT_ID,
// DRIVEROOT_CLIENT_SECRET), from the credentials file that is to be replaced,
// and from a prompt. A secret is never taken from the command line, which every
// user of the machine can read.
#ifndef DRIVEROOT_CLI_LOGIN_H_
#define DRIVEROOT_CLI_LOGIN_H_

#include <cstdio>
#include <string>

#include "driveroot/base/result.h"

namespace driveroot {

struct LoginOptions {
  std::string credentials_file = {};  // written; empty: the default path
  std::string drive_endpoint = {};    // empty: Google's own
  std::string ca_file = {};           // empty: the system's certificates
  std::string client_file = {};       // JSON, as the Cloud console gives it
  std::string client_id = {};
  bool loopback = false;
};

// Blocks until the user has signed in or the sign-in has failed. Questions and
// instructions go to `out`, answers are read from `in`.
Status RunLogin(const LoginOptions& options, FILE* in, FILE* out);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_LOGIN_H_
