// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/message.h"

#include <utility>

#include "driveroot/base/json_writer.h"
#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace driveroot {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

std::string LineOf(const rapidjson::StringBuffer& buffer) {
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

void PutText(Writer& writer, std::string_view text) {
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

// Null: it is no object.
rapidjson::Document ParseObject(std::string_view line) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
  if (document.HasParseError() || !document.IsObject()) document.SetNull();
  return document;
}

std::optional<std::string> TextOf(const rapidjson::Value& value) {
  if (!value.IsString()) return std::nullopt;
  std::string text(value.GetString(), value.GetStringLength());
  // No name or path holds it, and what takes it as its end would see another.
  if (text.contains('\0')) return std::nullopt;
  return text;
}

std::optional<std::string> FindText(const rapidjson::Document& document,
                                    const char* key) {
  const auto member = document.FindMember(key);
  if (member == document.MemberEnd() || !member->value.IsString()) {
    return std::nullopt;
  }
  return std::string(member->value.GetString(),
                     member->value.GetStringLength());
}

uint64_t NumberOrZero(const rapidjson::Document& document, const char* key) {
  const auto member = document.FindMember(key);
  if (member == document.MemberEnd() || !member->value.IsUint64()) return 0;
  return member->value.GetUint64();
}

std::string Printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return text;
}

std::unexpected<Error> NoRequest(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument,
              "this is no request: " + std::string(what));
}

}  // namespace

Result<std::string> EncodeRequest(const ControlRequest& request) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  PutMember(writer, "command", request.command);
  if (!request.arguments.empty()) {
    writer.Key("arguments");
    writer.StartArray();
    for (const std::string& argument : request.arguments) {
      PutText(writer, argument);
    }
    writer.EndArray();
  }
  writer.EndObject();
  std::string line = LineOf(buffer);
  if (line.size() - 1 > kMaxRequestBytes) {
    return Fail(ErrorCode::kArgumentTooBig,
                "the arguments are too long to be sent to the daemon");
  }
  // What the other side would refuse.
  DRIVEROOT_RETURN_IF_ERROR(
      ParseRequest(std::string_view(line).substr(0, line.size() - 1)));
  return line;
}

Result<ControlRequest> ParseRequest(std::string_view line) {
  if (line.empty()) return NoRequest("the line is empty");
  if (line.size() > kMaxRequestBytes) return NoRequest("it is too long");
  const rapidjson::Document document = ParseObject(line);
  if (document.IsNull()) return NoRequest("it is not a JSON object");
  const auto command = document.FindMember("command");
  if (command == document.MemberEnd()) return NoRequest("it has no command");
  std::optional<std::string> text = TextOf(command->value);
  if (!text || text->empty()) return NoRequest("its command makes no sense");
  ControlRequest request{.command = *std::move(text)};
  const auto arguments = document.FindMember("arguments");
  if (arguments == document.MemberEnd()) return request;
  if (!arguments->value.IsArray() || arguments->value.Size() > kMaxArguments) {
    return NoRequest("its arguments make no sense");
  }
  for (const rapidjson::Value& argument : arguments->value.GetArray()) {
    std::optional<std::string> word = TextOf(argument);
    if (!word) return NoRequest("its arguments make no sense");
    request.arguments.push_back(*std::move(word));
  }
  return request;
}

std::string EncodeProgress(const ControlProgress& progress) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  PutMember(writer, "progress", progress.text);
  if (progress.total > 0) {
    PutMember(writer, "done", progress.done);
    PutMember(writer, "total", progress.total);
  }
  writer.EndObject();
  return LineOf(buffer);
}

std::string EncodeError(std::string_view message) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  PutMember(writer, "error", message);
  writer.EndObject();
  return LineOf(buffer);
}

std::string EncodeDone(std::string_view members) {
  std::string line = "{\"ok\":true";
  if (!members.empty()) line.append(",").append(members);
  return line + "}\n";
}

Result<ControlAnswer> ParseAnswer(std::string_view line) {
  if (line.size() > kMaxAnswerBytes) {
    return Fail(ErrorCode::kDataLoss, "the daemon's answer is too long");
  }
  const rapidjson::Document document = ParseObject(line);
  if (document.IsNull()) {
    return Fail(ErrorCode::kDataLoss, "the daemon's answer is not JSON");
  }
  if (std::optional<std::string> error = FindText(document, "error")) {
    return ControlError{.message = Printable(*std::move(error))};
  }
  if (std::optional<std::string> text = FindText(document, "progress")) {
    return ControlProgress{.text = Printable(*std::move(text)),
                           .done = NumberOrZero(document, "done"),
                           .total = NumberOrZero(document, "total")};
  }
  const auto ok = document.FindMember("ok");
  if (ok != document.MemberEnd() && ok->value.IsTrue()) return ControlDone();
  return Fail(ErrorCode::kDataLoss,
              "the daemon's answer has none of the known members");
}

Result<std::optional<std::string>> LineSplitter::Next() {
  const size_t end = buffer_.find('\n');
  if ((end == buffer_.npos ? buffer_.size() : end) > max_bytes_) {
    return Fail(
        ErrorCode::kArgumentTooBig,
        "a line has more than " + std::to_string(max_bytes_) + " bytes");
  }
  if (end == buffer_.npos) return std::nullopt;
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

}  // namespace driveroot
