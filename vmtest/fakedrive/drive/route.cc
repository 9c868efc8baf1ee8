// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/route.h"

#include <algorithm>
#include <array>
#include <utility>

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

// What lies below a file: "/permissions", "/revisions/ID", "/export" ...
Route FindBelowFile(std::string_view method, std::string id,
                    std::string_view rest) {
  Route route{.call = CallClass::kUnknown, .id = std::move(id)};
  rest.remove_prefix(1);
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view collection = rest.substr(0, slash);
  const std::string_view below = rest.substr(std::min(slash + 1, rest.size()));
  const bool is_item = !below.empty();
  const bool is_change = method == "PATCH" || method == "DELETE";
  if (collection == "permissions" && below.find('/') == below.npos) {
    route.sub_id = below;
    if (method == "GET") {
      route.call = CallClass::kPermissions;
    } else if (is_item ? is_change : method == "POST") {
      route.call = CallClass::kPermissionsChange;
    }
  } else if (collection == "revisions" && below.find('/') == below.npos) {
    route.sub_id = below;
    if (method == "GET") {
      route.call = CallClass::kRevisions;
    } else if (is_item && is_change) {
      route.call = CallClass::kRevisionsChange;
    }
  } else if (!is_item && collection == "copy" && method == "POST") {
    route.call = CallClass::kCopy;
  } else if (!is_item && collection == "export" && method == "GET") {
    route.call = CallClass::kExport;
  } else if (!is_item && collection == "download" && method == "POST") {
    route.call = CallClass::kDownload;
  } else {
    constexpr std::array<std::string_view, 6> kOthers = {
        "comments",     "watch",           "listLabels",
        "modifyLabels", "accessproposals", "approvals"};
    if (std::ranges::count(kOthers, collection) > 0)
      route.call = CallClass::kNotSimulated;
  }
  return route;
}

Route FindFile(std::string_view method, const Target& target,
               std::string_view rest) {
  if (rest == "/generateIds" && method == "GET")
    return Plain(CallClass::kGenerateIds);
  if (rest == "/generateCseToken") return Plain(CallClass::kNotSimulated);
  if (rest == "/trash" && method == "DELETE")
    return {.call = CallClass::kDelete, .is_trash = true};
  rest.remove_prefix(1);
  const size_t slash = rest.find('/');
  Route route{.id = std::string(rest.substr(0, slash))};
  if (route.id.empty()) return {};
  if (slash != std::string_view::npos)
    return FindBelowFile(method, route.id, rest.substr(slash));
  if (method == "GET") {
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

// What is neither files nor OAuth.
Route FindOther(std::string_view method, std::string_view path) {
  constexpr std::string_view kOperations = "/drive/v3/operations/";
  if (method == "GET" && path.starts_with(kOperations))
    return {.call = CallClass::kDownload,
            .id = std::string(path.substr(kOperations.size())),
            .is_operation = true};
  for (const std::string_view drives :
       {"/drive/v3/drives", "/drive/v3/teamdrives"}) {
    if (path == drives || path.starts_with(std::string(drives) + "/"))
      return {.call = CallClass::kDrives,
              .id = std::string(
                  path.substr(std::min(drives.size() + 1, path.size())))};
  }
  for (const std::string_view other :
       {"/drive/v3/apps", "/drive/v3/channels/", "/drive/v3/changes/watch"}) {
    if (path.starts_with(other)) return Plain(CallClass::kNotSimulated);
  }
  if (method == "POST" && (path == "/batch" || path == "/batch/drive/v3"))
    return Plain(CallClass::kBatch);
  if (method == "GET") {
    if (path == "/drive/v3/about") return Plain(CallClass::kAbout);
    if (path == "/drive/v3/changes") return Plain(CallClass::kChanges);
    if (path == "/drive/v3/changes/startPageToken")
      return {.call = CallClass::kChanges, .is_start_token = true};
    if (path == "/uc") return Plain(CallClass::kPublicLink);
  }
  return {};
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
    case CallClass::kPermissions:
      return "permissions";
    case CallClass::kPermissionsChange:
      return "permissions_change";
    case CallClass::kRevisions:
      return "revisions";
    case CallClass::kRevisionsChange:
      return "revisions_change";
    case CallClass::kExport:
      return "export";
    case CallClass::kDownload:
      return "download";
    case CallClass::kPublicLink:
      return "public_link";
    case CallClass::kBatch:
      return "batch";
    case CallClass::kNotSimulated:
      return "not_simulated";
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
    case CallClass::kPublicLink:
    case CallClass::kBatch:   // The calls in it do.
    case CallClass::kUpload:  // The session's address is authority enough.
      return false;
    default:
      return true;
  }
}

bool IsWrite(CallClass call) {
  return call == CallClass::kCreate || call == CallClass::kUpdate ||
         call == CallClass::kCopy || call == CallClass::kDelete ||
         call == CallClass::kUpload || call == CallClass::kPermissionsChange ||
         call == CallClass::kRevisionsChange;
}

uint64_t UnitsOf(CallClass call) {
  switch (call) {
    case CallClass::kList:
    case CallClass::kChanges:
    case CallClass::kDrives:
      return 100;
    case CallClass::kMedia:
    case CallClass::kExport:
    case CallClass::kDownload:
      return 200;
    case CallClass::kCreate:
    case CallClass::kUpdate:
    case CallClass::kCopy:
    case CallClass::kDelete:
    case CallClass::kPermissionsChange:
    case CallClass::kRevisionsChange:
      return 50;
    case CallClass::kPermissions:
    case CallClass::kRevisions:
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
  if (method == "GET" &&
      (path == "/o/oauth2/v2/auth" || path == "/o/oauth2/auth"))
    return Plain(CallClass::kConsent);
  if (method == "POST") {
    if (path == "/token" || path == "/oauth2/v4/token" ||
        path == "/o/oauth2/token")
      return Plain(CallClass::kToken);
    if (path == "/device/code") return Plain(CallClass::kDevice);
    if (path == "/revoke") return Plain(CallClass::kRevoke);
  }
  return FindOther(method, path);
}

}  // namespace driveroot::fakedrive
