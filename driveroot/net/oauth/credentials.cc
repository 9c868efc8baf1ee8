// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/credentials.h"

#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/net/json.h"
#include "driveroot/net/url.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/stringbuffer.h"

namespace driveroot {
namespace {

constexpr uint64_t kMaxFileBytes = 64u << 10;
constexpr std::string_view kRemedy = "; run `driveroot login` to make it anew";

// A secret goes into an HTTP header or form: control characters are a mistake,
// such as a pasted line end.
std::optional<std::string_view> UsableString(const rapidjson::Value& object,
                                             const char* name) {
  const std::optional<std::string_view> text = JsonString(object, name);
  if (!text || text->empty()) return std::nullopt;
  for (const char c : *text) {
    if (c <= ' ' || c >= 0x7f) return std::nullopt;
  }
  return text;
}

Result<std::string_view> RequiredString(const rapidjson::Value& object,
                                        const char* name,
                                        std::string_view file) {
  const std::optional<std::string_view> text = UsableString(object, name);
  if (text) return *text;
  return Fail(ErrorCode::kInvalidArgument,
              std::string(file) + " has no usable \"" + name + "\"");
}

// The mode as people type it: "644".
std::string ModeText(mode_t mode) {
  char digits[8];
  const auto end =
      std::to_chars(digits, digits + sizeof(digits), mode & 0777, 8).ptr;
  return std::string(digits, end);
}

Status CheckMode(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    const int error = errno;
    if (error == ENOENT) {
      return Fail(ErrorCode::kNotFound,
                  "no credentials at " + path +
                      ": run `driveroot login`, or give --credentials=FILE");
    }
    return std::unexpected(Error::FromErrno(error, "cannot look at " + path));
  }
  if ((info.st_mode & 077) != 0) {
    return Fail(ErrorCode::kPermissionDenied,
                path + " has mode " + ModeText(info.st_mode) +
                    ", so others can get at the Google account: run `chmod "
                    "600 " +
                    path + "`");
  }
  return {};
}

std::string ToJson(const Credentials& credentials) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  const auto member = [&writer](const char* name, std::string_view value) {
    writer.Key(name);
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  writer.StartObject();
  member("client_id", credentials.client.id);
  member("client_secret", credentials.client.secret.reveal());
  member("refresh_token", credentials.refresh_token.reveal());
  if (!credentials.token_uri.empty()) {
    member("token_uri", credentials.token_uri);
  }
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace

Result<std::string> DefaultCredentialsPath() {
  const char* config = getenv("XDG_CONFIG_HOME");
  if (config != nullptr && config[0] == '/') {
    return std::string(config) + "/driveroot/credentials.json";
  }
  const char* home = getenv("HOME");
  if (home != nullptr && home[0] == '/') {
    return std::string(home) + "/.config/driveroot/credentials.json";
  }
  return Fail(ErrorCode::kNotFound,
              "neither HOME nor XDG_CONFIG_HOME is set: give "
              "--credentials=FILE");
}

Result<OAuthClient> ParseOAuthClient(std::string_view text,
                                     std::string_view name) {
  const Result<rapidjson::Document> document = ParseJsonObject(text, name);
  if (!document) {
    return Fail(ErrorCode::kInvalidArgument, document.error().message());
  }
  // The console wraps the client of a desktop application in "installed".
  const rapidjson::Value* object = JsonMember(*document, "installed");
  if (object == nullptr) object = &*document;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string_view id,
                             RequiredString(*object, "client_id", name));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string_view secret,
                             RequiredString(*object, "client_secret", name));
  return OAuthClient{.id = std::string(id), .secret = Secret(secret)};
}

Result<Credentials> ParseCredentials(std::string_view text,
                                     std::string_view name) {
  const Result<rapidjson::Document> document = ParseJsonObject(text, name);
  if (!document) {
    return Fail(ErrorCode::kInvalidArgument,
                document.error().message() + std::string(kRemedy));
  }
  Credentials credentials;
  DRIVEROOT_ASSIGN_OR_RETURN(credentials.client, ParseOAuthClient(text, name));
  Result<std::string_view> token =
      RequiredString(*document, "refresh_token", name);
  if (!token) {
    return Fail(ErrorCode::kInvalidArgument,
                token.error().message() + std::string(kRemedy));
  }
  credentials.refresh_token = Secret(*token);
  if (const rapidjson::Value* uri = JsonMember(*document, "token_uri")) {
    const std::optional<std::string_view> address =
        uri->IsString() ? UsableString(*document, "token_uri") : std::nullopt;
    const std::optional<UrlParts> parts =
        address ? ParseUrl(*address) : std::nullopt;
    if (!parts || parts->scheme != "https") {
      return Fail(ErrorCode::kInvalidArgument,
                  "\"token_uri\" in " + std::string(name) +
                      " is not an https:// address");
    }
    credentials.token_uri = *address;
  }
  return credentials;
}

Result<Credentials> LoadCredentials(const std::string& path) {
  DRIVEROOT_RETURN_IF_ERROR(CheckMode(path));
  DRIVEROOT_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxFileBytes));
  Result<Credentials> credentials = ParseCredentials(text, path);
  WipeText(&text);
  return credentials;
}

Status SaveCredentials(const std::string& path,
                       const Credentials& credentials) {
  const std::filesystem::path folder =
      std::filesystem::path(path).parent_path();
  if (!folder.empty()) {
    std::error_code error;
    const bool made = std::filesystem::create_directories(folder, error);
    if (error) {
      return std::unexpected(Error::FromErrno(
          error.value(), "cannot make the folder " + folder.string()));
    }
    if (made)
      std::filesystem::permissions(folder, std::filesystem::perms::owner_all,
                                   error);
  }

  std::string text = ToJson(credentials);
  Status written = ReplaceFile(path, text, 0600);
  WipeText(&text);
  return written;
}

}  // namespace driveroot
