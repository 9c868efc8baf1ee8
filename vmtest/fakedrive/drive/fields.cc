// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/fields.h"

#include <set>
#include <utility>

namespace driveroot::fakedrive {
namespace {

constexpr int kMaxDepth = 16;

// The fields of the resources in Drive's discovery document.
const std::map<std::string, std::set<std::string>, std::less<>>& Schema() {
  static const std::map<std::string, std::set<std::string>, std::less<>>
      kSchema = {
          {"file",
           {"appProperties",
            "capabilities",
            "contentHints",
            "contentRestrictions",
            "copyRequiresWriterPermission",
            "createdTime",
            "description",
            "downloadRestrictions",
            "driveId",
            "explicitlyTrashed",
            "exportLinks",
            "fileExtension",
            "folderColorRgb",
            "fullFileExtension",
            "hasAugmentedPermissions",
            "hasThumbnail",
            "headRevisionId",
            "iconLink",
            "id",
            "imageMediaMetadata",
            "inheritedPermissionsDisabled",
            "isAppAuthorized",
            "kind",
            "labelInfo",
            "lastModifyingUser",
            "linkShareMetadata",
            "md5Checksum",
            "mimeType",
            "modifiedByMe",
            "modifiedByMeTime",
            "modifiedTime",
            "name",
            "originalFilename",
            "ownedByMe",
            "owners",
            "parents",
            "permissionIds",
            "permissions",
            "properties",
            "quotaBytesUsed",
            "resourceKey",
            "sha1Checksum",
            "sha256Checksum",
            "shared",
            "sharedWithMeTime",
            "sharingUser",
            "shortcutDetails",
            "size",
            "spaces",
            "starred",
            "teamDriveId",
            "thumbnailLink",
            "thumbnailVersion",
            "trashed",
            "trashedTime",
            "trashingUser",
            "version",
            "videoMediaMetadata",
            "viewedByMe",
            "viewedByMeTime",
            "viewersCanCopyContent",
            "webContentLink",
            "webViewLink",
            "writersCanShare"}},
          {"fileList", {"files", "incompleteSearch", "kind", "nextPageToken"}},
          {"about",
           {"appInstalled", "canCreateDrives", "canCreateTeamDrives",
            "driveThemes", "exportFormats", "folderColorPalette",
            "importFormats", "kind", "maxImportSizes", "maxUploadSize",
            "storageQuota", "teamDriveThemes", "user"}},
          {"change",
           {"changeType", "drive", "driveId", "file", "fileId", "kind",
            "removed", "teamDrive", "teamDriveId", "time", "type"}},
          {"permission",
           {"allowFileDiscovery", "deleted", "displayName", "domain",
            "emailAddress", "expirationTime", "id",
            "inheritedPermissionsDisabled", "kind", "pendingOwner",
            "permissionDetails", "photoLink", "role",
            "teamDrivePermissionDetails", "type", "view"}},
          {"permissionList", {"kind", "nextPageToken", "permissions"}},
          {"revision",
           {"exportLinks", "id", "keepForever", "kind", "lastModifyingUser",
            "md5Checksum", "mimeType", "modifiedTime", "originalFilename",
            "publishAuto", "publishedLink", "publishedOutsideDomain",
            "published", "size"}},
          {"revisionList", {"kind", "nextPageToken", "revisions"}},
          {"changeList",
           {"changes", "kind", "newStartPageToken", "nextPageToken"}}};
  return kSchema;
}

// The resource that a field of another one holds, or "".
std::string_view ResourceOf(std::string_view field) {
  if (field == "files" || field == "file") return "file";
  if (field == "changes") return "change";
  if (field == "permissions") return "permission";
  if (field == "revisions") return "revision";
  return "";
}

}  // namespace

// mask := path (',' path)*;  path := name ('/' path | '(' mask ')')?
class FieldMaskParser {
 public:
  explicit FieldMaskParser(std::string_view text) : text_(text) {}

  bool ParseAll(FieldMask* mask) { return ParseMask(mask, 0) && text_.empty(); }

 private:
  bool ParseMask(FieldMask* mask, int depth) {
    do {
      if (!ParsePath(mask, depth)) return false;
    } while (Take(','));
    return true;
  }

  bool ParsePath(FieldMask* mask, int depth) {
    if (depth > kMaxDepth) return false;
    SkipBlanks();
    size_t size = 0;
    while (size < text_.size() && IsNameChar(text_[size])) ++size;
    if (size == 0) return false;
    const std::string name(text_.substr(0, size));
    text_.remove_prefix(size);
    const bool seen = mask->children_.contains(name);
    FieldMask& child = mask->children_[name];
    // "a,a/b" wants all of a.
    FieldMask ignored;
    FieldMask* const inner =
        seen && child.children_.empty() ? &ignored : &child;
    if (Take('/')) return ParsePath(inner, depth + 1);
    if (Take('(')) return ParseMask(inner, depth + 1) && Take(')');
    inner->children_.clear();
    return true;
  }

  static bool IsNameChar(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*';
  }

  void SkipBlanks() {
    while (text_.starts_with(' ')) text_.remove_prefix(1);
  }

  bool Take(char wanted) {
    SkipBlanks();
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::string_view text_;
};

std::optional<FieldMask> FieldMask::Parse(std::string_view text) {
  FieldMask mask;
  if (!FieldMaskParser(text).ParseAll(&mask)) return std::nullopt;
  return mask;
}

Json FieldMask::Apply(const Json& value, JsonAllocator& allocator) const {
  if (children_.empty()) return Json(value, allocator);
  if (value.IsArray()) {
    Json array(rapidjson::kArrayType);
    for (const Json& element : value.GetArray())
      array.PushBack(Apply(element, allocator), allocator);
    return array;
  }
  if (!value.IsObject()) return Json(value, allocator);
  const auto any = children_.find("*");
  Json object(rapidjson::kObjectType);
  for (const auto& member : value.GetObject()) {
    auto child = children_.find(std::string(JsonView(member.name)));
    if (child == children_.end()) child = any;
    if (child == children_.end()) continue;
    object.AddMember(Json(member.name, allocator),
                     child->second.Apply(member.value, allocator), allocator);
  }
  return object;
}

std::optional<std::string> FieldMask::UnknownField(
    std::string_view resource) const {
  const auto known = Schema().find(resource);
  if (known == Schema().end()) return std::nullopt;
  for (const auto& [name, child] : children_) {
    if (name == "*") continue;
    if (!known->second.contains(name)) return name;
    if (auto unknown = child.UnknownField(ResourceOf(name))) return unknown;
  }
  return std::nullopt;
}

}  // namespace driveroot::fakedrive
