// SPDX-License-Identifier: Apache-2.0
//
// Google's OAuth 2.0 endpoints for one account and one client: refresh, device
// flow, and authorisation code with PKCE (S256). The consent page agrees at
// once. Codes live in memory; refresh and access tokens survive restarts.
#ifndef VMTEST_FAKEDRIVE_DRIVE_OAUTH_H_
#define VMTEST_FAKEDRIVE_DRIVE_OAUTH_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "vmtest/fakedrive/drive/call.h"

namespace driveroot::fakedrive {

class OAuth {
 public:
  explicit OAuth(World world) : world_(world) {}

  // POST /token, /device/code, /revoke with a form; GET /o/oauth2/v2/auth.
  Response Token(const Call& call);
  Response DeviceCode(const Call& call);
  Response Revoke(const Call& call);
  Response Consent(const Call& call);

  // Nothing if the request's token is good; 401 otherwise.
  ApiResult<void> Authorize(const Call& call) const;

  // How the user answers from now on: on the consent page and to devices.
  void set_user_denies(bool denies) { user_denies_ = denies; }

 private:
  using Form = std::map<std::string, std::string>;

  struct Device {
    int64_t expires_ms;
    int64_t last_poll_ms;
    uint64_t polls_left;
  };
  struct Code {
    int64_t expires_ms;
    std::string redirect_uri;
    std::string challenge;
  };

  Response Refresh(const Form& form);
  Response PollDevice(const Form& form);
  Response ExchangeCode(const Form& form);
  Response Grant(bool with_refresh_token);
  std::string NewAccessToken() const;
  bool IsGoodAccessToken(std::string_view token) const;

  const World world_;
  bool user_denies_ = false;
  std::map<std::string, Device> devices_;
  std::map<std::string, Code> codes_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_OAUTH_H_
