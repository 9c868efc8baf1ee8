// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/permissions_api.h"

#include <algorithm>
#include <array>
#include <utility>

#include "vmtest/fakedrive/drive/secrets.h"
#include "vmtest/fakedrive/drive/times.h"

namespace driveroot::fakedrive {
namespace {

constexpr std::string_view kDefaultFields = "kind,id,type,role";
constexpr std::array<std::string_view, 4> kTypes = {"user", "group", "domain",
                                                    "anyone"};
constexpr std::array<std::string_view, 3> kRoles = {"writer", "commenter",
                                                    "reader"};

ApiError PermissionNotFound(const std::string& id) {
  ApiError error = FileNotFound(id);
  error.message = "Permission not found: " + id + ".";
  error.location = "permissionId";
  return error;
}

ApiError OwnerStays() {
  return Forbidden(
      "cannotModifyOwnerPermission",
      "The owner's permission can be neither changed nor removed.");
}

ApiResult<void> ReadRole(const Json& body, std::string* role) {
  const auto text = MemberString(body, "role");
  if (!text) {
    ApiError error = BadRequest("The permission role field is required.");
    error.reason = "required";
    return std::unexpected(std::move(error));
  }
  if (*text == "owner")
    return std::unexpected(NotSimulated("the transfer of ownership"));
  if (*text == "organizer" || *text == "fileOrganizer")
    return std::unexpected(
        Forbidden("invalidSharingRequest",
                  "That role is for items in shared drives only."));
  if (std::ranges::count(kRoles, *text) == 0)
    return std::unexpected(BadRequest("Invalid value for: role"));
  *role = *text;
  return {};
}

ApiResult<void> ReadExpiry(const Json& body, std::string* expires) {
  const Json* member = Member(body, "expirationTime");
  if (member == nullptr || member->IsNull()) return {};
  const auto time = member->IsString() ? ParseTime(JsonView(*member))
                                       : std::optional<int64_t>();
  if (!time || *time <= NowMs())
    return std::unexpected(
        BadRequest("expirationTime must be a time in the future."));
  *expires = FormatTime(*time);
  return {};
}

ApiResult<void> CheckNames(const Json& body) {
  constexpr std::array<std::string_view, 9> kKnown = {"allowFileDiscovery",
                                                      "domain",
                                                      "emailAddress",
                                                      "expirationTime",
                                                      "id",
                                                      "kind",
                                                      "role",
                                                      "type",
                                                      "pendingOwner"};
  for (const auto& [key, value] : body.GetObject()) {
    const std::string_view name = JsonView(key);
    if (name == "view" || name == "inheritedPermissionsDisabled")
      return std::unexpected(NotSimulated(name));
    if (std::ranges::count(kKnown, name) == 0)
      return std::unexpected(
          BadRequest("Unknown name \"" + std::string(name) + "\""));
  }
  return {};
}

// The same for the same user, group or domain, as at Google.
std::string PermissionId(const Permission& permission) {
  if (permission.type == "anyone")
    return permission.discoverable ? "anyone" : "anyoneWithLink";
  uint64_t number = 0;
  for (const char c :
       Sha256(permission.type + permission.email + permission.domain)
           .substr(0, 8))
    number = number << 8 | static_cast<uint8_t>(c);
  return std::to_string(number);
}

ApiResult<Permission> ReadPermission(const Json& body) {
  if (auto good = CheckNames(body); !good) return std::unexpected(good.error());
  Permission permission;
  permission.type = MemberString(body, "type").value_or("");
  permission.email = MemberString(body, "emailAddress").value_or("");
  permission.domain = MemberString(body, "domain").value_or("");
  permission.discoverable = MemberBool(body, "allowFileDiscovery");
  if (std::ranges::count(kTypes, permission.type) == 0)
    return std::unexpected(
        BadRequest("The permission type field is required."));
  auto good = ReadRole(body, &permission.role);
  if (good) good = ReadExpiry(body, &permission.expires);
  if (!good) return std::unexpected(good.error());
  const bool wants_email =
      permission.type == "user" || permission.type == "group";
  if (wants_email != (permission.email.find('@') != std::string::npos) ||
      (permission.type == "domain") == permission.domain.empty())
    return std::unexpected(
        Forbidden("invalidSharingRequest",
                  "A user or group needs an emailAddress, a domain a domain, "
                  "and nobody else either."));
  permission.id = PermissionId(permission);
  return permission;
}

ApiResult<Response> Show(const Call& call, const Permission& permission) {
  rapidjson::Document document;
  return MaskedResponse(
      call, "permission", kDefaultFields,
      PermissionResource(permission, document.GetAllocator()));
}

ApiResult<Response> ListPermissions(const World& world, const Call& call,
                                    const FileRecord& file) {
  if (const std::string* token = call.target.Parameter("pageToken");
      token != nullptr && !token->empty())
    return std::unexpected(InvalidParameter("pageToken", "Invalid Value"));
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  const FileContext context = ContextOf(world, call, file);
  Json permissions(rapidjson::kArrayType);
  permissions.PushBack(OwnerPermission(context, allocator), allocator);
  for (const Permission& permission : context.permissions)
    permissions.PushBack(PermissionResource(permission, allocator), allocator);
  JsonObject list(allocator);
  list.Set("kind", "drive#permissionList")
      .Set("permissions", std::move(permissions));
  return MaskedResponse(call, "permissionList",
                        "kind,nextPageToken,permissions(kind,id,type,role)",
                        list.Take());
}

ApiResult<Response> CreatePermission(const World& world, const Call& call,
                                     FileRecord file) {
  const auto body = ParseBody(call);
  if (!body) return std::unexpected(body.error());
  if (auto flag = FlagParameter(call.target, "transferOwnership", false);
      !flag || *flag)
    return std::unexpected(flag ? NotSimulated("the transfer of ownership")
                                : flag.error());
  auto permission = ReadPermission(*body);
  if (!permission) return std::unexpected(permission.error());
  if (permission->email == kUserEmail) return std::unexpected(OwnerStays());
  const auto same =
      std::ranges::find(file.permissions, permission->id, &Permission::id);
  if (same != file.permissions.end()) {
    *same = *permission;
  } else {
    file.permissions.push_back(*permission);
  }
  auto shown = Show(call, *permission);
  if (!shown) return shown;
  FAKEDRIVE_RETURN_IF_DISK_ERROR(world.files->Put(std::move(file), nullptr));
  return shown;
}

ApiResult<Response> UpdatePermission(const World& world, const Call& call,
                                     FileRecord file, size_t index) {
  const auto body = ParseBody(call);
  if (!body) return std::unexpected(body.error());
  Permission& permission = file.permissions[index];
  for (const auto& [key, value] : body->GetObject()) {
    const std::string_view name = JsonView(key);
    if (name != "role" && name != "expirationTime" && name != "kind" &&
        name != "id" && name != "type")
      return std::unexpected(
          Forbidden("fieldNotWritable",
                    "The resource body includes fields which are not directly "
                    "writable: " +
                        std::string(name) + "."));
  }
  auto good = ReadRole(*body, &permission.role);
  if (good) good = ReadExpiry(*body, &permission.expires);
  if (!good) return std::unexpected(good.error());
  const auto removes = FlagParameter(call.target, "removeExpiration", false);
  if (!removes) return std::unexpected(removes.error());
  if (*removes) permission.expires.clear();
  auto shown = Show(call, permission);
  if (!shown) return shown;
  FAKEDRIVE_RETURN_IF_DISK_ERROR(world.files->Put(std::move(file), nullptr));
  return shown;
}

}  // namespace

ApiResult<Response> AnswerPermissions(const World& world, const Call& call) {
  const auto found = FindFile(world, call);
  if (!found) return std::unexpected(found.error());
  const FileRecord& file = **found;
  const std::string& method = call.exchange.head().method;
  const std::string& id = call.route.sub_id;
  if (id.empty())
    return method == "GET" ? ListPermissions(world, call, file)
                           : CreatePermission(world, call, file);
  if (id == world.account->permission_id()) {
    if (method != "GET") return std::unexpected(OwnerStays());
    rapidjson::Document document;
    return MaskedResponse(
        call, "permission", kDefaultFields,
        OwnerPermission(ContextOf(world, call, file), document.GetAllocator()));
  }
  const auto own = std::ranges::find(file.permissions, id, &Permission::id);
  if (own != file.permissions.end()) {
    const auto index = static_cast<size_t>(own - file.permissions.begin());
    if (method == "GET") return Show(call, *own);
    if (method == "PATCH") return UpdatePermission(world, call, file, index);
    FileRecord changed = file;
    changed.permissions.erase(changed.permissions.begin() +
                              static_cast<std::ptrdiff_t>(index));
    FAKEDRIVE_RETURN_IF_DISK_ERROR(
        world.files->Put(std::move(changed), nullptr));
    return NoContent();
  }
  const auto all = EffectivePermissions(*world.files, file);
  const auto inherited = std::ranges::find(all, id, &Permission::id);
  if (inherited == all.end()) return std::unexpected(PermissionNotFound(id));
  if (method == "GET") return Show(call, *inherited);
  return std::unexpected(
      Forbidden("cannotModifyInheritedPermission",
                "The permission comes from a folder above: change it there."));
}

}  // namespace driveroot::fakedrive
