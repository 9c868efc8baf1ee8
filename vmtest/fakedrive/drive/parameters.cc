// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/parameters.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace driveroot::fakedrive {
namespace {

using Names = std::set<std::string_view>;

// Of all calls. What the answer looks like (prettyPrint) and who is counted
// (key, quotaUser, userIp) makes no difference to one account.
const Names& Common() {
  static const Names kNames = {
      "access_token", "alt",       "fields", "key",        "oauth_token",
      "prettyPrint",  "quotaUser", "userIp", "uploadType", "upload_protocol"};
  return kNames;
}

// About shared drives, which an account of this kind has none of: true and
// false come to the same.
const Names& SharedDriveFlags() {
  static const Names kNames = {"supportsAllDrives", "supportsTeamDrives",
                               "includeItemsFromAllDrives",
                               "includeTeamDriveItems", "enforceSingleParent"};
  return kNames;
}

const Names& Known(CallClass call) {
  // What changes a file's metadata, and what gives it content. Neither text
  // recognition nor the text index is simulated, but both are only hints.
  static const Names kWrite = {"includePermissionsForView",
                               "includeLabels",
                               "ignoreDefaultVisibility",
                               "keepRevisionForever",
                               "ocrLanguage",
                               "useContentAsIndexableText"};
  static const Names kUpdate = [] {
    Names names = kWrite;
    names.insert({"addParents", "removeParents", "upload_id"});
    return names;
  }();
  static const Names kList = {"corpora",
                              "corpus",
                              "driveId",
                              "includeLabels",
                              "includePermissionsForView",
                              "orderBy",
                              "pageSize",
                              "pageToken",
                              "q",
                              "spaces",
                              "teamDriveId"};
  static const Names kChanges = {"driveId",        "includeCorpusRemovals",
                                 "includeLabels",  "includePermissionsForView",
                                 "includeRemoved", "pageSize",
                                 "pageToken",      "restrictToMyDrive",
                                 "spaces",         "teamDriveId"};
  static const std::map<CallClass, Names> kKnown = {
      {CallClass::kGet,
       {"acknowledgeAbuse", "includeLabels", "includePermissionsForView"}},
      {CallClass::kMedia,
       {"acknowledgeAbuse", "includeLabels", "includePermissionsForView"}},
      {CallClass::kList, kList},
      {CallClass::kCreate, kUpdate},
      {CallClass::kUpdate, kUpdate},
      {CallClass::kUpload, kUpdate},
      {CallClass::kCopy, kWrite},
      {CallClass::kDelete, {"driveId"}},
      {CallClass::kGenerateIds, {"count", "space", "type"}},
      {CallClass::kChanges, kChanges},
      {CallClass::kDrives,
       {"pageSize", "pageToken", "q", "requestId", "useDomainAdminAccess",
        "allowItemDeletion"}},
      {CallClass::kPermissions,
       {"includePermissionsForView", "pageSize", "pageToken",
        "useDomainAdminAccess"}},
      {CallClass::kPermissionsChange,
       {"emailMessage", "enforceExpansiveAccess", "moveToNewOwnersRoot",
        "removeExpiration", "sendNotificationEmail", "transferOwnership",
        "useDomainAdminAccess"}},
      {CallClass::kRevisions, {"acknowledgeAbuse", "pageSize", "pageToken"}},
      {CallClass::kExport, {"mimeType"}},
      {CallClass::kDownload, {"mimeType", "revisionId"}},
      {CallClass::kPublicLink, {"id", "export", "confirm"}}};
  static const Names kNone;
  const auto found = kKnown.find(call);
  return found == kKnown.end() ? kNone : found->second;
}

bool IsFlag(std::string_view name) {
  static const Names kFlags = {"acknowledgeAbuse",
                               "ignoreDefaultVisibility",
                               "includeRemoved",
                               "includeCorpusRemovals",
                               "keepRevisionForever",
                               "prettyPrint",
                               "restrictToMyDrive",
                               "removeExpiration",
                               "transferOwnership",
                               "moveToNewOwnersRoot",
                               "sendNotificationEmail",
                               "allowItemDeletion",
                               "useContentAsIndexableText",
                               "enforceExpansiveAccess"};
  return kFlags.contains(name) || SharedDriveFlags().contains(name);
}

bool MayBeMedia(const Route& route) {
  return route.call == CallClass::kMedia || route.call == CallClass::kExport ||
         (route.call == CallClass::kRevisions && !route.sub_id.empty());
}

ApiResult<void> CheckValue(const Route& route, std::string_view name,
                           const std::string& value) {
  const auto wrong = [&](std::string message) -> ApiResult<void> {
    return std::unexpected(InvalidParameter(name, std::move(message)));
  };
  if (IsFlag(name) && value != "true" && value != "false" && !value.empty())
    return wrong("Invalid boolean value: " + value);
  if (name == "alt" && value != "json" &&
      !(value == "media" && (MayBeMedia(route) || route.is_upload)))
    return wrong("Invalid value: " + value);
  if (name == "corpora" && value != "user" && value != "allDrives" &&
      value != "drive" && value != "domain" && !value.empty())
    return wrong("Invalid value: " + value);
  if ((name == "driveId" || name == "teamDriveId") && !value.empty()) {
    ApiError error = FileNotFound(value);
    error.message = "Shared drive not found: " + value;
    error.location = "driveId";
    return std::unexpected(std::move(error));
  }
  if (name == "includePermissionsForView" && !value.empty() &&
      value != "published")
    return wrong("Only \"published\" is supported.");
  if ((name == "includeLabels" && !value.empty()) ||
      (name == "useDomainAdminAccess" && value == "true"))
    return std::unexpected(NotSimulated("the parameter " + std::string(name)));
  return {};
}

}  // namespace

ApiResult<void> CheckParameters(const Route& route, const Target& target) {
  // That answer says more than a word about its parameters would.
  if (route.call == CallClass::kNotSimulated) return {};
  const Names& known = Known(route.call);
  for (const auto& [name, value] : target.query) {
    if (!Common().contains(name) && !known.contains(name) &&
        !(SharedDriveFlags().contains(name) &&
          route.call != CallClass::kAbout &&
          route.call != CallClass::kPublicLink))
      return std::unexpected(
          InvalidParameter(name, "Unknown parameter: " + name));
    if (auto good = CheckValue(route, name, value); !good) return good;
  }
  return {};
}

}  // namespace driveroot::fakedrive
