// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/checkpoint.h"

#include <charconv>
#include <cstdio>
#include <system_error>

#include "driveroot/volume/codec.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/wire.h"

namespace driveroot {
namespace {

constexpr std::string_view kMagic = "DRVRTCHK";

std::unexpected<Error> Damaged(const char* what) {
  return Fail(ErrorCode::kDataLoss, std::string("damaged checkpoint: ") + what);
}

}  // namespace

Result<std::string> EncodeCheckpoint(const LogPosition& position,
                                     const Delta& state) {
  WireWriter head;
  PutRecordHeader(head, position.last);
  WireReader again(head.bytes());
  if (GetRecordHeader(again) != position.last || !again.done()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a checkpoint whose header could not be read again");
  }
  head.Hash32(position.hash);
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string body, EncodeDelta(state));
  WireWriter out;
  out.Raw(kMagic);
  out.Fixed32(kFormatVersion);
  out.Fixed32(static_cast<uint32_t>(head.size()));
  out.Fixed64(body.size());
  out.Raw(head.bytes());
  out.Raw(body);
  std::string bytes = out.Take();
  Seal(bytes);
  if (bytes.size() > limits::kCheckpointBytes) {
    return Fail(ErrorCode::kInvalidArgument, "a checkpoint of " +
                                                 std::to_string(bytes.size()) +
                                                 " bytes, which is too long");
  }
  return bytes;
}

Result<Checkpoint> ParseCheckpoint(std::string_view bytes) {
  WireReader in(bytes);
  if (in.Raw(kMagic.size()) != kMagic) return Damaged("it is none");
  const uint32_t version = in.Fixed32();
  if (!in.ok()) return Damaged("too short");
  DRIVEROOT_RETURN_IF_ERROR(CheckFormatVersion(version));
  const std::optional<Sealed> sealed = Unseal(bytes);
  if (!sealed) return Damaged("its bytes do not match their hash");

  in = WireReader(sealed->body.substr(kMagic.size() + sizeof(version)));
  const uint32_t head_length = in.Fixed32();
  const uint64_t body_length = in.Fixed64();
  WireReader head(in.Raw(head_length));
  const std::string_view body = in.Raw(body_length);
  if (!in.done()) return Damaged("its lengths are wrong");
  Checkpoint checkpoint;
  checkpoint.hash = sealed->hash;
  checkpoint.position.last = GetRecordHeader(head);
  checkpoint.position.hash = head.Hash32();
  if (!head.done()) return Damaged("its header makes no sense");
  DRIVEROOT_ASSIGN_OR_RETURN(checkpoint.state, DecodeDelta(body));
  return checkpoint;
}

std::string ObjectName(uint64_t number) {
  char name[24];
  std::snprintf(name, sizeof(name), "%014llu",
                static_cast<unsigned long long>(number));
  return name;
}

std::optional<uint64_t> ParseObjectName(std::string_view name) {
  uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace driveroot
