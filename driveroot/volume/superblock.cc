// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/superblock.h"

#include <optional>

#include "driveroot/volume/hash.h"
#include "driveroot/volume/record.h"
#include "rapidjson/document.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/stringbuffer.h"

namespace driveroot {
namespace {

constexpr std::string_view kFormat = "driveroot volume";

using JsonWriter = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void PutText(JsonWriter& out, const char* key, std::string_view value) {
  out.Key(key);
  out.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void PutNumber(JsonWriter& out, const char* key, uint64_t value) {
  out.Key(key);
  out.Uint64(value);
}

void PutRanges(JsonWriter& out, const char* key,
               const std::vector<ObjectRange>& ranges) {
  out.Key(key);
  out.StartArray();
  for (const ObjectRange& range : ranges) {
    out.StartObject();
    PutText(out, "id", range.id);
    PutNumber(out, "offset", range.offset);
    PutNumber(out, "length", range.length);
    out.EndObject();
  }
  out.EndArray();
}

const rapidjson::Value* Member(const rapidjson::Value& object,
                               const char* key) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(key);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

std::optional<std::string> Text(const rapidjson::Value& object,
                                const char* key) {
  const rapidjson::Value* value = Member(object, key);
  if (value == nullptr || !value->IsString()) return std::nullopt;
  return std::string(value->GetString(), value->GetStringLength());
}

bool IsId(const std::optional<std::string>& text) {
  return text && !text->empty() && text->size() <= limits::kObjectIdBytes;
}

std::optional<uint64_t> Number(const rapidjson::Value& object,
                               const char* key) {
  const rapidjson::Value* value = Member(object, key);
  if (value == nullptr || !value->IsUint64()) return std::nullopt;
  return value->GetUint64();
}

std::optional<Hash> HashMember(const rapidjson::Value& object,
                               const char* key) {
  const std::optional<std::string> hex = Text(object, key);
  return hex ? HashFromHex(*hex) : std::nullopt;
}

// 0 when it is not there, as in a superblock of an earlier driveroot.
TimeNs Time(const rapidjson::Value& object, const char* key) {
  const rapidjson::Value* value = Member(object, key);
  return value != nullptr && value->IsInt64() ? value->GetInt64() : 0;
}

// Ids of records to come. What makes no sense is left out: it only saves time.
std::vector<ObjectId> IdsMember(const rapidjson::Value& object,
                                const char* key) {
  std::vector<ObjectId> ids;
  const rapidjson::Value* value = Member(object, key);
  if (value == nullptr || !value->IsArray()) return ids;
  for (const rapidjson::Value& each : value->GetArray()) {
    if (ids.size() == limits::kNextIds || !each.IsString()) break;
    ids.emplace_back(each.GetString(), each.GetStringLength());
  }
  return ids;
}

// What a boot reads. What makes no sense is left out here, too.
std::vector<ObjectRange> RangesMember(const rapidjson::Value& object,
                                      const char* key) {
  std::vector<ObjectRange> ranges;
  const rapidjson::Value* value = Member(object, key);
  if (value == nullptr || !value->IsArray()) return ranges;
  for (const rapidjson::Value& each : value->GetArray()) {
    const auto id = Text(each, "id");
    const auto offset = Number(each, "offset");
    const auto length = Number(each, "length");
    if (ranges.size() == kMaxBootRanges || !IsId(id) || !offset || !length ||
        *length == 0 || *length > UINT64_MAX - *offset) {
      break;
    }
    ranges.push_back({.id = *id, .offset = *offset, .length = *length});
  }
  return ranges;
}

std::unexpected<Error> Damaged(const char* what) {
  return Fail(ErrorCode::kDataLoss,
              std::string("damaged superblock.json: ") + what);
}

}  // namespace

Result<std::string> EncodeSuperblock(const Superblock& superblock) {
  rapidjson::StringBuffer buffer;
  JsonWriter out(buffer);
  out.SetIndent(' ', 2);
  out.StartObject();
  PutText(out, "format", kFormat);
  PutNumber(out, "version", kFormatVersion);
  PutText(out, "uuid", superblock.uuid);
  out.Key("checkpoint");
  out.StartObject();
  PutText(out, "id", superblock.checkpoint.id);
  PutText(out, "sha256", HexOf(superblock.checkpoint.hash));
  PutNumber(out, "size", superblock.checkpoint.size);
  PutNumber(out, "sequence", superblock.checkpoint.sequence);
  out.EndObject();
  out.Key("log");
  out.StartObject();
  PutNumber(out, "sequence", superblock.log.sequence);
  PutText(out, "sha256", HexOf(superblock.log.hash));
  out.Key("sealed_at");
  out.Int64(superblock.log.sealed_at);
  out.Key("next");
  out.StartArray();
  for (const ObjectId& id : superblock.log.next) {
    out.String(id.data(), static_cast<rapidjson::SizeType>(id.size()));
  }
  out.EndArray();
  out.EndObject();
  if (!superblock.boot.empty()) PutRanges(out, "boot", superblock.boot);
  out.EndObject();
  std::string text(buffer.GetString(), buffer.GetSize());
  text += "\n";
  const Result<Superblock> again = ParseSuperblock(text);
  if (!again) {
    return Fail(ErrorCode::kInvalidArgument,
                "a superblock that could not be read again: " +
                    again.error().message());
  }
  return text;
}

Result<Superblock> ParseSuperblock(std::string_view bytes) {
  if (bytes.size() > limits::kSuperblockBytes) return Damaged("it is too long");
  rapidjson::Document document;
  // Iterative, since nesting must not be able to use up the stack.
  document.Parse<rapidjson::kParseIterativeFlag>(bytes.data(), bytes.size());
  if (document.HasParseError() || !document.IsObject()) {
    return Damaged("it is no JSON object");
  }
  if (Text(document, "format") != kFormat) {
    return Damaged("it is not that of a driveroot volume");
  }
  const std::optional<uint64_t> version = Number(document, "version");
  if (!version) return Damaged("it has no version");
  DRIVEROOT_RETURN_IF_ERROR(CheckFormatVersion(*version));

  const rapidjson::Value* checkpoint = Member(document, "checkpoint");
  const rapidjson::Value* log = Member(document, "log");
  if (checkpoint == nullptr || log == nullptr) {
    return Damaged("it lacks the checkpoint or the log");
  }
  const auto uuid = Text(document, "uuid");
  const auto id = Text(*checkpoint, "id");
  const auto hash = HashMember(*checkpoint, "sha256");
  const auto size = Number(*checkpoint, "size");
  const auto covered = Number(*checkpoint, "sequence");
  const auto sequence = Number(*log, "sequence");
  const auto log_hash = HashMember(*log, "sha256");
  if (!uuid || !IsId(id) || !hash || !size || !covered || !sequence ||
      !log_hash) {
    return Damaged("a value is missing or makes no sense");
  }
  Superblock superblock;
  superblock.uuid = *uuid;
  superblock.checkpoint = {*id, *hash, *size, *covered};
  superblock.log = {.sequence = *sequence,
                    .hash = *log_hash,
                    .sealed_at = Time(*log, "sealed_at"),
                    .next = IdsMember(*log, "next")};
  superblock.boot = RangesMember(document, "boot");
  return superblock;
}

std::string ReadmeText(std::string_view uuid) {
  return "This folder is a driveroot volume: a whole file system, kept in the\n"
         "files of this folder. Please do not rename, move, edit or delete\n"
         "anything in here.\n"
         "\n"
         "To get your files out, install driveroot and run\n"
         "\n"
         "    driveroot pull VOLUME FOLDER\n"
         "\n"
         "where VOLUME is drive:NAME with the name of this folder, or\n"
         "drive:id=ID with the last part of its address in the browser.\n"
         "`driveroot fsck VOLUME` checks that all is well.\n"
         "\n"
         "Volume " +
         std::string(uuid) + "\n";
}

}  // namespace driveroot
