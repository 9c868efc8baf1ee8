// SPDX-License-Identifier: Apache-2.0
//
// One call of the API as the handlers see it, and what they share.
#ifndef VMTEST_FAKEDRIVE_DRIVE_CALL_H_
#define VMTEST_FAKEDRIVE_DRIVE_CALL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmtest/fakedrive/drive/account.h"
#include "vmtest/fakedrive/drive/api_error.h"
#include "vmtest/fakedrive/drive/faults.h"
#include "vmtest/fakedrive/drive/file_store.h"
#include "vmtest/fakedrive/drive/route.h"
#include "vmtest/fakedrive/drive/settings.h"
#include "vmtest/fakedrive/server/exchange.h"

namespace driveroot::fakedrive {

// Everything that lasts. All of it lives on the server's thread.
struct World {
  Account* account;
  FileStore* files;
  Settings* settings;
};

struct Call {
  const Exchange& exchange;
  const Target& target;
  const Route& route;
  const FaultAction& fault;
  std::string base_url;  // As the client names this server.
};

inline constexpr std::string_view kJsonType = "application/json; charset=UTF-8";

// The largest JSON body taken.
inline constexpr uint64_t kMaxJsonBytes = uint64_t{1} << 20;

// The request's JSON object; an empty body or null is an empty object. 400
// parseError otherwise.
ApiResult<rapidjson::Document> ParseMetadata(std::string_view text);
ApiResult<rapidjson::Document> ParseBody(const Call& call);

// `value` with the mask of the `fields` parameter applied, or of
// `default_fields` when there is none. Checks the mask against `resource`
// before that.
ApiResult<Response> MaskedResponse(const Call& call, std::string_view resource,
                                   std::string_view default_fields,
                                   const Json& value);
// The check alone, for calls that change something and must fail before.
ApiResult<void> CheckFields(const Target& target, std::string_view resource);

// The `fields` parameter, or null if it is missing or empty, which mean the
// same.
const std::string* FieldsParameter(const Target& target);

// The `pageSize` parameter, 100 without one. More than 1,000 counts as 1,000;
// 0 and what is no number are refused.
ApiResult<uint64_t> PageSizeParameter(const Target& target);

// The number in that parameter, or `absent`; 400 if it is not within
// [least, most].
ApiResult<uint64_t> NumberParameter(const Target& target, std::string_view name,
                                    uint64_t absent, uint64_t least,
                                    uint64_t most);

// "true" or "false"; 400 otherwise.
ApiResult<bool> FlagParameter(const Target& target, std::string_view name,
                              bool absent);

// `id`, or the root folder's when it is "root".
std::string ResolveId(const Account& account, const std::string& id);

// The file that the path names; 404.
ApiResult<const FileRecord*> FindFile(const World& world, const Call& call);

// 204.
Response NoContent();

// The record's own permissions and those of the folders above, without the
// owner's.
std::vector<Permission> EffectivePermissions(const FileStore& files,
                                             const FileRecord& record);

FileContext ContextOf(const World& world, const Call& call,
                      const FileRecord& record);

inline constexpr std::string_view kUserName = "Fake User";
inline constexpr std::string_view kUserEmail = "user@example.com";

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_CALL_H_
