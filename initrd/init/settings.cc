// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <format>
#include <utility>

#include "rapidjson/document.h"
#include "rapidjson/error/en.h"

namespace driveroot {
namespace {

constexpr std::string_view kConfigName = "driveroot.config";
constexpr std::string_view kCredentialsName = "driveroot.credentials";
constexpr std::string_view kCaName = "driveroot.ca";
constexpr std::string_view kHowToGive =
    "put it into the file {0}.cred in the folder IMAGE.efi.extra.d beside the "
    "image on the boot partition, or into the SMBIOS string "
    "io.systemd.credential:{0}=...";

// Flags of `driveroot mount` that init gives itself.
constexpr std::array<std::string_view, 10> kOwnFlags = {
    "at",       "await_network", "ca_file",     "credentials", "drive_endpoint",
    "flagfile", "foreground",    "fuse_device", "root",        "status_fd",
};

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

// Parses without recursion: the depth is the writer's choice.
Result<rapidjson::Document> ParseObject(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag |
                 rapidjson::kParseValidateEncodingFlag>(json.data(),
                                                        json.size());
  if (document.HasParseError()) {
    return Bad(
        std::format("is not JSON: {} (byte {})",
                    rapidjson::GetParseError_En(document.GetParseError()),
                    document.GetErrorOffset()));
  }
  if (!document.IsObject()) return Bad("must be a JSON object: {...}");
  return document;
}

Result<std::string> TakeString(std::string_view key,
                               const rapidjson::Value& value) {
  if (!value.IsString() || value.GetStringLength() == 0) {
    return Bad(std::format("\"{}\" must be a text that is not empty", key));
  }
  std::string text(value.GetString(), value.GetStringLength());
  if (std::ranges::any_of(
          text, [](unsigned char c) { return std::iscntrl(c) != 0; })) {
    return Bad(std::format("\"{}\" holds a control character", key));
  }
  return text;
}

Status CheckOption(std::string_view option) {
  if (!option.starts_with("--") || option.size() < 3) {
    return Bad(std::format(
        "\"options\" holds {}; a flag looks like --NAME or --NAME=VALUE",
        option));
  }
  std::string name(option.substr(2, option.find('=') - 2));
  std::ranges::replace(name, '-', '_');
  // gflags takes --noNAME as --NAME=false.
  const std::string positive = name.starts_with("no") ? name.substr(2) : name;
  for (const std::string_view own : kOwnFlags) {
    if (name == own || positive == own) {
      return Bad(std::format(
          "\"options\" holds --{}, which init sets itself: leave it out", own));
    }
  }
  return {};
}

Status ReadOptions(const rapidjson::Value& value, Settings& settings) {
  if (!value.IsArray()) return Bad("\"options\" must be a list of flags");
  for (const rapidjson::Value& item : value.GetArray()) {
    DRIVEROOT_ASSIGN_OR_RETURN(std::string option, TakeString("options", item));
    DRIVEROOT_RETURN_IF_ERROR(CheckOption(option));
    settings.options.push_back(std::move(option));
  }
  return {};
}

Status ReadGiveUpSeconds(const rapidjson::Value& value, Settings& settings) {
  constexpr uint64_t kMaxSeconds = 7 * 24 * 3600;
  if (!value.IsUint64() || value.GetUint64() == 0 ||
      value.GetUint64() > kMaxSeconds) {
    return Bad(std::format("\"give_up_seconds\" must be a number from 1 to {}",
                           kMaxSeconds));
  }
  settings.give_up_seconds = value.GetUint64();
  return {};
}

// RFC 1123: what sethostname and every tool accept.
bool IsHostname(std::string_view name) {
  constexpr size_t kMaxLength = 64;  // HOST_NAME_MAX of Linux.
  if (name.size() > kMaxLength || name.starts_with('-')) return false;
  return std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.';
  });
}

Status ReadMember(std::string_view key, const rapidjson::Value& value,
                  Settings& settings) {
  if (key == "options") return ReadOptions(value, settings);
  if (key == "give_up_seconds") return ReadGiveUpSeconds(value, settings);
  std::string* const target = key == "volume" ? &settings.volume
                              : key == "drive_endpoint"
                                  ? &settings.drive_endpoint
                              : key == "hostname" ? &settings.hostname
                              : key == "at"       ? &settings.at
                                                  : nullptr;
  if (target == nullptr) {
    return Bad(std::format(
        "\"{}\" is not known; there are \"volume\", \"drive_endpoint\", "
        "\"hostname\", \"at\", \"give_up_seconds\" and \"options\"",
        key));
  }
  DRIVEROOT_ASSIGN_OR_RETURN(*target, TakeString(key, value));
  return {};
}

Status CheckSettings(const Settings& settings) {
  if (settings.volume.empty()) {
    return Bad("\"volume\" is missing; it says what to boot: \"drive:NAME\"");
  }
  if (!settings.volume.starts_with("drive:") || settings.volume.size() == 6) {
    return Bad(
        std::format("\"volume\" is {}; a machine boots from \"drive:NAME\" or "
                    "\"drive:id=FOLDER\"",
                    settings.volume));
  }
  if (!settings.drive_endpoint.empty() &&
      !settings.drive_endpoint.starts_with("https://")) {
    return Bad("\"drive_endpoint\" must start with https://");
  }
  if (!IsHostname(settings.hostname)) {
    return Bad("\"hostname\" may hold letters, digits, - and . only");
  }
  return {};
}

Status CheckCredentialsJson(std::string_view json) {
  DRIVEROOT_ASSIGN_OR_RETURN(const rapidjson::Document document,
                             ParseObject(json));
  for (const char* key : {"client_id", "client_secret", "refresh_token"}) {
    const auto member = document.FindMember(key);
    if (member == document.MemberEnd() || !member->value.IsString() ||
        member->value.GetStringLength() == 0) {
      return Bad(
          std::format("has no \"{}\"; `driveroot login` on another "
                      "machine makes the whole file",
                      key));
    }
  }
  return {};
}

Result<std::string> Find(const Credentials& credentials, std::string_view name,
                         std::string_view what) {
  const auto found = credentials.find(name);
  if (found == credentials.end()) {
    return Fail(
        ErrorCode::kNotFound,
        std::format("{} ({}) was not given to this machine: ", name, what) +
            std::vformat(kHowToGive, std::make_format_args(name)));
  }
  return found->second;
}

}  // namespace

Result<Settings> ParseConfig(std::string_view json) {
  DRIVEROOT_ASSIGN_OR_RETURN(const rapidjson::Document document,
                             ParseObject(json));
  Settings settings;
  for (const auto& member : document.GetObject()) {
    DRIVEROOT_RETURN_IF_ERROR(
        ReadMember({member.name.GetString(), member.name.GetStringLength()},
                   member.value, settings));
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckSettings(settings));
  return settings;
}

Result<Settings> ParseSettings(const Credentials& credentials) {
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string config,
      Find(credentials, kConfigName, "which volume to boot"));
  Result<Settings> settings = ParseConfig(config);
  if (!settings) {
    return std::unexpected(settings.error().WithContext(kConfigName));
  }
  DRIVEROOT_ASSIGN_OR_RETURN(
      settings->credentials_json,
      Find(credentials, kCredentialsName, "the access to Google Drive"));
  const Status checked = CheckCredentialsJson(settings->credentials_json);
  if (!checked) {
    return std::unexpected(checked.error().WithContext(kCredentialsName));
  }
  const auto ca = credentials.find(kCaName);
  if (ca != credentials.end()) {
    settings->extra_ca_pem = ca->second;
    if (!ca->second.contains("-----BEGIN CERTIFICATE-----")) {
      return Bad(std::format("{} holds no certificate in PEM form", kCaName));
    }
  }
  return settings;
}

}  // namespace driveroot
