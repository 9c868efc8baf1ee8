// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/record.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

#include "driveroot/volume/codec.h"
#include "driveroot/volume/hash.h"

namespace driveroot {
namespace {

constexpr std::string_view kMagic = "DRVRTLOG";

std::unexpected<Error> Damaged(const char* what) {
  return Fail(ErrorCode::kDataLoss, std::string("damaged log record: ") + what);
}

// What later versions of driveroot tell of a record follows its process, as
// ";KEY=VALUE": readers of the same format that do not know it stay content.
constexpr char kSeparator = ';';
constexpr std::string_view kPidNamespaceKey = "ns=";
constexpr std::string_view kWriterIdKey = "id=";
constexpr std::string_view kMachineKey = "machine=";
constexpr std::string_view kDurableKey = "durable=";

std::string ProcessField(const RecordHeader& header) {
  std::string field = header.writer.process;
  const auto add = [&field](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    field.append(1, kSeparator).append(key).append(value);
  };
  add(kPidNamespaceKey, header.writer.pid_namespace);
  add(kWriterIdKey, header.writer.writer_id);
  add(kMachineKey, header.writer.machine);
  if (header.durable > 0) add(kDurableKey, std::to_string(header.durable));
  return field;
}

// Passes over what it does not know or what makes no sense.
void ParseProcessField(std::string_view field, RecordHeader& ret_header) {
  const auto next = [&field] {
    const size_t end = std::min(field.find(kSeparator), field.size());
    const std::string_view part = field.substr(0, end);
    field.remove_prefix(std::min(end + 1, field.size()));
    return part;
  };
  ret_header.writer.process = next();
  while (!field.empty()) {
    std::string_view part = next();
    const auto is = [&part](std::string_view key) {
      if (!part.starts_with(key)) return false;
      part.remove_prefix(key.size());
      return true;
    };
    if (is(kPidNamespaceKey)) {
      ret_header.writer.pid_namespace = part;
    } else if (is(kWriterIdKey)) {
      ret_header.writer.writer_id = part;
    } else if (is(kMachineKey)) {
      ret_header.writer.machine = part;
    } else if (is(kDurableKey)) {
      uint64_t number = 0;
      const char* const end = part.data() + part.size();
      const auto [stop, error] = std::from_chars(part.data(), end, number);
      if (error == std::errc() && stop == end) ret_header.durable = number;
    }
  }
}

}  // namespace

Status CheckFormatVersion(uint64_t version) {
  if (version >= 1 && version <= kFormatVersion) return {};
  return Fail(ErrorCode::kUnsupportedVersion,
              "the volume has format version " + std::to_string(version) +
                  ", this driveroot knows versions up to " +
                  std::to_string(kFormatVersion) + "; update driveroot");
}

void PutRecordHeader(WireWriter& out, const RecordHeader& header) {
  out.Bytes(header.volume_uuid);
  out.Byte(static_cast<uint8_t>(header.type));
  out.Varint(header.sequence);
  out.Varint(header.epoch);
  out.Signed(header.sealed_at);
  out.Hash32(header.previous);
  out.Varint(header.next_ids.size());
  for (const ObjectId& id : header.next_ids) out.Bytes(id);
  out.Bytes(header.writer.host_name);
  out.Bytes(header.writer.boot_id);
  out.Bytes(ProcessField(header));
}

RecordHeader GetRecordHeader(WireReader& in) {
  RecordHeader header;
  header.volume_uuid = in.Bytes(limits::kHeaderTextBytes);
  const uint8_t type = in.Byte();
  header.type = static_cast<RecordType>(type);
  header.sequence = in.Varint(limits::kNumber);
  header.epoch = in.Varint(limits::kNumber);
  header.sealed_at = in.Signed();
  header.previous = in.Hash32();
  const uint64_t ids = in.Varint(kMaxNextIds);
  for (uint64_t i = 0; i < ids && in.ok(); ++i) {
    header.next_ids.emplace_back(in.Bytes(limits::kObjectIdBytes));
    if (header.next_ids.back().empty()) in.Refuse();
  }
  header.writer.host_name = in.Bytes(limits::kHeaderTextBytes);
  header.writer.boot_id = in.Bytes(limits::kHeaderTextBytes);
  ParseProcessField(in.Bytes(limits::kHeaderTextBytes), header);
  if (type < static_cast<uint8_t>(RecordType::kOpen) ||
      type > static_cast<uint8_t>(RecordType::kClose) || ids == 0) {
    in.Refuse();
  }
  return header;
}

std::vector<ObjectId> LikelyNextIds(const RecordHeader& last) {
  if (last.type != RecordType::kClose) return last.next_ids;
  constexpr size_t kProbes = 2;
  std::vector<ObjectId> ids = last.next_ids;
  ids.resize(std::min(ids.size(), kProbes));
  return ids;
}

Result<std::string> EncodeRecord(const RecordHeader& header, const Delta& delta,
                                 std::string_view frames) {
  WireWriter head;
  PutRecordHeader(head, header);
  WireReader again(head.bytes());
  if (GetRecordHeader(again) != header || !again.done()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a log record whose header could not be read again");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string body, EncodeDelta(delta));
  WireWriter out;
  out.Raw(kMagic);
  out.Fixed32(kFormatVersion);
  out.Fixed32(static_cast<uint32_t>(head.size()));
  out.Fixed64(frames.size());
  out.Fixed64(body.size());
  out.Fixed64(0);  // Reserved.
  out.Raw(frames);
  out.Raw(head.bytes());
  out.Raw(body);
  std::string bytes = out.Take();
  Seal(bytes);
  if (bytes.size() > limits::kRecordBytes) {
    return Fail(ErrorCode::kInvalidArgument,
                "a log record of " + std::to_string(bytes.size()) +
                    " bytes, which is too much at once");
  }
  return bytes;
}

Result<LogRecord> ParseRecord(std::string_view bytes) {
  WireReader in(bytes);
  if (in.Raw(kMagic.size()) != kMagic) return Damaged("it is none");
  // Before all else: a newer version may differ in everything that follows.
  const uint32_t version = in.Fixed32();
  if (!in.ok()) return Damaged("too short");
  DRIVEROOT_RETURN_IF_ERROR(CheckFormatVersion(version));
  const std::optional<Sealed> sealed = Unseal(bytes);
  if (!sealed) return Damaged("its bytes do not match their hash");

  in = WireReader(sealed->body.substr(kMagic.size() + sizeof(version)));
  const uint32_t head_length = in.Fixed32();
  const uint64_t frames_length = in.Fixed64();
  const uint64_t body_length = in.Fixed64();
  if (in.Fixed64() != 0) in.Refuse();
  const std::string_view frames = in.Raw(frames_length);
  WireReader head(in.Raw(head_length));
  const std::string_view body = in.Raw(body_length);
  if (!in.done()) return Damaged("its lengths are wrong");
  LogRecord record;
  record.hash = sealed->hash;
  record.header = GetRecordHeader(head);
  if (!head.done()) return Damaged("its header makes no sense");
  DRIVEROOT_ASSIGN_OR_RETURN(record.delta, DecodeDelta(body));
  record.frames = frames;
  return record;
}

}  // namespace driveroot
