// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/account.h"

#include <algorithm>
#include <utility>

#include "driveroot/base/base64.h"
#include "vmtest/fakedrive/drive/json.h"
#include "vmtest/fakedrive/server/files.h"

namespace driveroot::fakedrive {
namespace {

constexpr size_t kMaxRefreshTokens = 100;

std::string NewRefreshToken() { return "1//0" + Base64Url(RandomBytes(36)); }

}  // namespace

Result<Account> Account::LoadOrCreate(const std::string& folder) {
  const std::string path = folder + "/state.json";
  if (!FileExists(path)) {
    Account account(path, RandomBytes(32));
    const std::string number =
        std::to_string(100'000'000'000 + RandomBytes(1)[0]);
    account.client_id_ =
        number + "-" + Hex(RandomBytes(16)) + ".apps.googleusercontent.com";
    account.client_secret_ = "GOCSPX-" + Base64Url(RandomBytes(21));
    // Root folders' ids look like this: 0A, then 14 characters, then PVA.
    account.root_id_ = "0A" + Base64Url(RandomBytes(10)) + "Uk9PVA";
    account.permission_id_ = "1" + number + "0000000";
    account.refresh_tokens_ = {NewRefreshToken()};
    DRIVEROOT_RETURN_IF_ERROR(account.Save());
    return account;
  }

  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                             ReadFile(path, kMaxSmallFileBytes));
  const auto damaged = Fail(
      ErrorCode::kDataLoss,
      path + " is damaged; give --data another folder, or remove this one");
  const auto document = ParseJson(text);
  if (!document) return damaged;
  const auto key = FromBase64Url(MemberString(*document, "key").value_or(""));
  if (!key || key->size() != 32) return damaged;
  Account account(path, *key);
  const std::pair<const char*, std::string*> strings[] = {
      {"clientId", &account.client_id_},
      {"clientSecret", &account.client_secret_},
      {"rootId", &account.root_id_},
      {"permissionId", &account.permission_id_}};
  for (const auto& [name, field] : strings) {
    *field = MemberString(*document, name).value_or("");
    if (field->empty()) return damaged;
  }
  const Json* tokens = Member(*document, "refreshTokens");
  const auto generation = MemberNumber(*document, "accessGeneration");
  if (tokens == nullptr || !tokens->IsArray() || tokens->Empty() || !generation)
    return damaged;
  for (const Json& token : tokens->GetArray()) {
    if (!token.IsString()) return damaged;
    account.refresh_tokens_.emplace_back(JsonView(token));
  }
  account.access_generation_ = *generation;
  return account;
}

Status Account::Save() const {
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  Json tokens(rapidjson::kArrayType);
  for (const std::string& token : refresh_tokens_)
    tokens.PushBack(JsonString(token, allocator), allocator);
  JsonObject object(allocator);
  object.Set("key", std::string_view(Base64Url(key_)))
      .Set("clientId", std::string_view(client_id_))
      .Set("clientSecret", std::string_view(client_secret_))
      .Set("rootId", std::string_view(root_id_))
      .Set("permissionId", std::string_view(permission_id_))
      .Set("accessGeneration", access_generation_)
      .Set("refreshTokens", std::move(tokens));
  return ReplaceFile(path_, JsonText(object.Take()), 0600);
}

bool Account::HasRefreshToken(const std::string& token) const {
  return !token.empty() && std::ranges::count(refresh_tokens_, token) > 0;
}

Result<std::string> Account::AddRefreshToken() {
  if (refresh_tokens_.size() >= kMaxRefreshTokens)
    refresh_tokens_.erase(refresh_tokens_.begin() + 1);
  refresh_tokens_.push_back(NewRefreshToken());
  DRIVEROOT_RETURN_IF_ERROR(Save());
  return refresh_tokens_.back();
}

Status Account::RevokeRefreshToken(const std::string& token) {
  if (token.empty()) {
    refresh_tokens_ = {""};
  } else {
    std::ranges::replace(refresh_tokens_, token, std::string());
  }
  return Save();
}

Status Account::RevokeAccessTokens() {
  ++access_generation_;
  return Save();
}

}  // namespace driveroot::fakedrive
