// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/route.h"

namespace driveroot::fakedrive {
namespace {

Route Plain(CallClass call) { return {.call = call}; }

Route FindUpload(std::string_view method, const Target& target,
                 const std::string& id) {
  Route route{.id = id, .is_upload = true};
  if (target.Parameter("upload_id") != nullptr) {
    route.call = CallClass::kUpload;
  } else if (method == "POST" && id.empty()) {
    route.call = CallClass::kCreate;
  } else if (method == "PATCH" && !id.empty()) {
    route.call = CallClass::kUpdate;
  }
  return route;
}

Route FindFile(std::string_view method, const Target& target,
               std::string_view rest) {
  if (rest == "/generateIds" && method == "GET")
    return Plain(CallClass::kGenerateIds);
  if (rest == "/trash" && method == "DELETE")
    return {.call = CallClass::kDelete, .is_trash = true};
  rest.remove_prefix(1);
  const size_t slash = rest.find('/');
  Route route{.id = std::string(rest.substr(0, slash))};
  if (route.id.empty()) return {};
  if (slash != std::string_view::npos) {
    if (rest.substr(slash) == "/copy" && method == "POST")
      route.call = CallClass::kCopy;
  } else if (method == "GET") {
    const std::string* alt = target.Parameter("alt");
    route.call =
        alt != nullptr && *alt == "media" ? CallClass::kMedia : CallClass::kGet;
  } else if (method == "PATCH") {
    route.call = CallClass::kUpdate;
  } else if (method == "DELETE") {
    route.call = CallClass::kDelete;
  }
  return route;
}

}  // namespace

std::string_view CallClassName(CallClass call) {
  switch (call) {
    case CallClass::kGet:
      return "get";
    case CallClass::kMedia:
      return "media";
    case CallClass::kList:
      return "list";
    case CallClass::kCreate:
      return "create";
    case CallClass::kUpdate:
      return "update";
    case CallClass::kCopy:
      return "copy";
    case CallClass::kDelete:
      return "delete";
    case CallClass::kUpload:
      return "upload";
    case CallClass::kGenerateIds:
      return "generate_ids";
    case CallClass::kAbout:
      return "about";
    case CallClass::kChanges:
      return "changes";
    case CallClass::kDrives:
      return "drives";
    case CallClass::kToken:
      return "token";
    case CallClass::kDevice:
      return "device";
    case CallClass::kConsent:
      return "consent";
    case CallClass::kRevoke:
      return "revoke";
    case CallClass::kControl:
      return "control";
    case CallClass::kUnknown:
      return "unknown";
  }
  return "unknown";
}

bool NeedsToken(CallClass call) {
  switch (call) {
    case CallClass::kToken:
    case CallClass::kDevice:
    case CallClass::kConsent:
    case CallClass::kRevoke:
    case CallClass::kControl:
    case CallClass::kUnknown:
      return false;
    default:
      return true;
  }
}

bool IsWrite(CallClass call) {
  return call == CallClass::kCreate || call == CallClass::kUpdate ||
         call == CallClass::kCopy || call == CallClass::kDelete ||
         call == CallClass::kUpload;
}

uint64_t UnitsOf(CallClass call) {
  switch (call) {
    case CallClass::kList:
    case CallClass::kChanges:
    case CallClass::kDrives:
      return 100;
    case CallClass::kMedia:
      return 200;
    case CallClass::kCreate:
    case CallClass::kUpdate:
    case CallClass::kCopy:
    case CallClass::kDelete:
      return 50;
    case CallClass::kGet:
    case CallClass::kGenerateIds:
    case CallClass::kAbout:
      return 5;
    default:
      return 0;
  }
}

Route FindRoute(std::string_view method, const Target& target) {
  const std::string_view path = target.path;
  constexpr std::string_view kFiles = "/drive/v3/files";
  constexpr std::string_view kUploadFiles = "/upload/drive/v3/files";
  if (path == kUploadFiles) return FindUpload(method, target, "");
  if (path.starts_with(kUploadFiles) && path[kUploadFiles.size()] == '/') {
    const std::string id(path.substr(kUploadFiles.size() + 1));
    if (id.find('/') == std::string::npos)
      return FindUpload(method, target, id);
    return {};
  }
  if (path == kFiles) {
    if (method == "GET") return Plain(CallClass::kList);
    if (method == "POST") return Plain(CallClass::kCreate);
    return {};
  }
  if (path.starts_with(kFiles) && path[kFiles.size()] == '/')
    return FindFile(method, target, path.substr(kFiles.size()));
  if (path.starts_with("/_control/")) return Plain(CallClass::kControl);
  if (method == "GET") {
    if (path == "/drive/v3/about") return Plain(CallClass::kAbout);
    if (path == "/drive/v3/changes") return Plain(CallClass::kChanges);
    if (path == "/drive/v3/changes/startPageToken")
      return {.call = CallClass::kChanges, .is_start_token = true};
    if (path == "/drive/v3/drives") return Plain(CallClass::kDrives);
    if (path == "/o/oauth2/v2/auth" || path == "/o/oauth2/auth")
      return Plain(CallClass::kConsent);
  }
  if (method == "POST") {
    if (path == "/token" || path == "/oauth2/v4/token" ||
        path == "/o/oauth2/token")
      return Plain(CallClass::kToken);
    if (path == "/device/code") return Plain(CallClass::kDevice);
    if (path == "/revoke") return Plain(CallClass::kRevoke);
  }
  return {};
}

}  // namespace driveroot::fakedrive
