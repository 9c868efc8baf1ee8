// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/call.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "vmtest/fakedrive/drive/fields.h"

namespace driveroot::fakedrive {
namespace {

ApiError InvalidFields(std::string_view detail) {
  ApiError error = InvalidParameter(
      "fields", "Invalid field selection " + std::string(detail));
  error.reason = "invalidParameter";
  return error;
}

}  // namespace

ApiResult<rapidjson::Document> ParseMetadata(std::string_view text) {
  if (text.empty()) text = "{}";
  auto document = ParseJson(text);
  // Clients without anything to say send null.
  if (document && document->IsNull()) document->SetObject();
  if (!document || !document->IsObject()) {
    ApiError error = BadRequest("Parse Error");
    error.reason = "parseError";
    return std::unexpected(std::move(error));
  }
  return *std::move(document);
}

ApiResult<rapidjson::Document> ParseBody(const Call& call) {
  const auto text = call.exchange.body().ReadAll(kMaxJsonBytes);
  if (!text) return std::unexpected(BadRequest(text.error().message()));
  return ParseMetadata(*text);
}

const std::string* FieldsParameter(const Target& target) {
  const std::string* fields = target.Parameter("fields");
  return fields != nullptr && fields->empty() ? nullptr : fields;
}

ApiResult<void> CheckFields(const Target& target, std::string_view resource) {
  const std::string* fields = FieldsParameter(target);
  if (fields == nullptr) return {};
  const auto mask = FieldMask::Parse(*fields);
  if (!mask) return std::unexpected(InvalidFields(*fields));
  if (const auto unknown = mask->UnknownField(resource))
    return std::unexpected(InvalidFields(*unknown));
  return {};
}

ApiResult<Response> MaskedResponse(const Call& call, std::string_view resource,
                                   std::string_view default_fields,
                                   const Json& value) {
  if (auto good = CheckFields(call.target, resource); !good)
    return std::unexpected(good.error());
  const std::string* fields = FieldsParameter(call.target);
  const auto mask =
      FieldMask::Parse(fields != nullptr ? *fields : default_fields);
  if (!mask) return std::unexpected(InvalidFields("*"));
  rapidjson::Document document;
  return TextResponse(200, kJsonType,
                      JsonText(mask->Apply(value, document.GetAllocator())));
}

ApiResult<uint64_t> NumberParameter(const Target& target, std::string_view name,
                                    uint64_t absent, uint64_t least,
                                    uint64_t most) {
  const std::string* text = target.Parameter(name);
  if (text == nullptr) return absent;
  const auto number = ParseDecimal(*text);
  if (!number || *number < least || *number > most)
    return std::unexpected(InvalidParameter(
        name, "Invalid value '" + *text +
                  "'. Values must be within the range: [" +
                  std::to_string(least) + ", " + std::to_string(most) + "]"));
  return *number;
}

ApiResult<uint64_t> PageSizeParameter(const Target& target) {
  constexpr uint64_t kUsual = 100;
  constexpr uint64_t kMost = 1000;
  const auto size = NumberParameter(target, "pageSize", kUsual, 1,
                                    std::numeric_limits<int32_t>::max());
  if (!size) return std::unexpected(size.error());
  return std::min(*size, kMost);
}

ApiResult<bool> FlagParameter(const Target& target, std::string_view name,
                              bool absent) {
  const std::string* text = target.Parameter(name);
  if (text == nullptr || text->empty()) return absent;
  if (*text == "true" || *text == "false") return *text == "true";
  return std::unexpected(InvalidParameter(name, "Invalid boolean value"));
}

ApiResult<const FileRecord*> FindFile(const World& world, const Call& call) {
  const FileRecord* record =
      world.files->Find(ResolveId(*world.account, call.route.id));
  if (record == nullptr) return std::unexpected(FileNotFound(call.route.id));
  return record;
}

Response NoContent() {
  Response response;
  response.status = 204;
  return response;
}

std::string ResolveId(const Account& account, const std::string& id) {
  return id == "root" ? account.root_id() : id;
}

std::vector<Permission> EffectivePermissions(const FileStore& files,
                                             const FileRecord& record) {
  std::vector<Permission> permissions = record.permissions;
  for (const FileRecord* at = files.Find(record.parent); at != nullptr;
       at = files.Find(at->parent)) {
    for (const Permission& permission : at->permissions) {
      if (std::ranges::find(permissions, permission.id, &Permission::id) ==
          permissions.end())
        permissions.push_back(permission);
    }
  }
  return permissions;
}

FileContext ContextOf(const World& world, const Call& call,
                      const FileRecord& record) {
  const FileRecord* target = record.is_shortcut()
                                 ? world.files->Find(record.shortcut_target)
                                 : nullptr;
  return {.trashed = world.files->IsTrashed(record),
          .permission_id = world.account->permission_id(),
          .user_name = std::string(kUserName),
          .user_email = std::string(kUserEmail),
          .base_url = call.base_url,
          .permissions = EffectivePermissions(*world.files, record),
          .shortcut_target_type = target != nullptr ? target->mime_type : ""};
}

}  // namespace driveroot::fakedrive
