// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/lock_file.h"

#include <algorithm>
#include <format>
#include <utility>

#include "rapidjson/document.h"
#include "rapidjson/error/en.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/stringbuffer.h"

namespace driveroot::debian {
namespace {

using Value = rapidjson::Value;

Error Invalid(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

Result<rapidjson::Document> ParseObject(std::string_view json,
                                        std::string_view what) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  if (document.HasParseError()) {
    return std::unexpected(Invalid(
        std::format("{}: {} at byte {}", what,
                    rapidjson::GetParseError_En(document.GetParseError()),
                    document.GetErrorOffset())));
  }
  if (!document.IsObject())
    return std::unexpected(Invalid(std::format("{} is not an object", what)));
  return document;
}

// The member `name` of an object, which must be an object too.
Result<const Value*> ObjectMember(const Value& object, const char* name) {
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd() || !member->value.IsObject()) {
    return std::unexpected(
        Invalid(std::format("there is no object \"{}\"", name)));
  }
  return &member->value;
}

Result<std::string> StringMember(const Value& object, const char* name) {
  if (!object.IsObject())
    return std::unexpected(Invalid("an entry is not an object"));
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd() || !member->value.IsString()) {
    return std::unexpected(
        Invalid(std::format("an entry has no string \"{}\"", name)));
  }
  return std::string(member->value.GetString(),
                     member->value.GetStringLength());
}

// A list of strings; an absent one is empty.
Result<std::vector<std::string>> ListMember(const Value& object,
                                            const char* name) {
  std::vector<std::string> list;
  if (!object.IsObject())
    return std::unexpected(Invalid("a set is not an object"));
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd()) return list;
  if (!member->value.IsArray()) {
    return std::unexpected(Invalid(std::format("\"{}\" is not a list", name)));
  }
  for (const Value& item : member->value.GetArray()) {
    if (!item.IsString())
      return std::unexpected(
          Invalid(std::format("\"{}\" holds more than strings", name)));
    list.emplace_back(item.GetString(), item.GetStringLength());
  }
  return list;
}

Result<WantedSet> ParseSet(const Value& value) {
  Result<std::vector<std::string>> packages = ListMember(value, "packages");
  if (!packages) return std::unexpected(packages.error());
  Result<std::vector<std::string>> stop = ListMember(value, "stop");
  if (!stop) return std::unexpected(stop.error());
  WantedSet set;
  set.packages.insert(packages->begin(), packages->end());
  set.stop.insert(stop->begin(), stop->end());
  if (set.packages.empty())
    return std::unexpected(Invalid("a set lists no packages"));
  const auto closure = value.FindMember("closure");
  set.closure = closure != value.MemberEnd() && closure->value.IsBool() &&
                closure->value.GetBool();
  return set;
}

Result<Pin> ParsePin(const Value& value) {
  Pin pin;
  for (const auto& [name, field] :
       {std::pair{"name", &Pin::name}, std::pair{"version", &Pin::version},
        std::pair{"path", &Pin::path}, std::pair{"sha256", &Pin::sha256}}) {
    Result<std::string> text = StringMember(value, name);
    if (!text) return std::unexpected(text.error());
    pin.*field = std::move(*text);
  }
  const auto size = value.FindMember("size");
  if (size == value.MemberEnd() || !size->value.IsUint64()) {
    return std::unexpected(Invalid(std::format("{} has no size", pin.name)));
  }
  pin.size = size->value.GetUint64();
  return pin;
}

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void WriteString(Writer& writer, std::string_view text) {
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void WritePin(Writer& writer, const Pin& pin) {
  writer.StartObject();
  writer.Key("name");
  WriteString(writer, pin.name);
  writer.Key("path");
  WriteString(writer, pin.path);
  writer.Key("sha256");
  WriteString(writer, pin.sha256);
  writer.Key("size");
  writer.Uint64(pin.size);
  writer.Key("version");
  WriteString(writer, pin.version);
  writer.EndObject();
}

// What is wrong with a pin in itself, or "".
std::string Complaint(const Pin& pin, const char* suffix) {
  const bool hexadecimal = std::ranges::all_of(pin.sha256, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (pin.sha256.size() != 64 || !hexadecimal)
    return std::format("{}: its sha256 is not 64 hexadecimal digits", pin.name);
  if (!pin.path.starts_with("pool/") ||
      pin.path.find(suffix) == std::string::npos) {
    return std::format("{}: {} is not the path of such a file in the pool",
                       pin.name, pin.path);
  }
  if (pin.size == 0) return std::format("{}: its size is 0", pin.name);
  return "";
}

void CompareSet(const std::string& name, const WantedSet& wanted,
                const std::vector<Pin>& pins,
                std::vector<std::string>& complaints) {
  std::set<std::string> locked;
  for (const Pin& pin : pins) {
    if (!locked.insert(pin.name).second)
      complaints.push_back(
          std::format("{}: {} is locked twice", name, pin.name));
    if (!wanted.closure && !wanted.packages.contains(pin.name)) {
      complaints.push_back(
          std::format("{}: {} is locked but not wanted", name, pin.name));
    }
    if (std::string complaint = Complaint(pin, ".deb"); !complaint.empty()) {
      complaints.push_back(std::format("{}: {}", name, complaint));
    }
  }
  for (const std::string& package : wanted.packages) {
    if (!locked.contains(package))
      complaints.push_back(
          std::format("{}: {} is wanted but not locked", name, package));
  }
  if (!std::ranges::is_sorted(pins, {}, &Pin::name))
    complaints.push_back(name + ": it is not sorted by name");
}

}  // namespace

Result<WantedPackages> ParseWantedPackages(std::string_view json) {
  Result<rapidjson::Document> document = ParseObject(json, "packages.json");
  if (!document) return std::unexpected(document.error());
  WantedPackages wanted;

  Result<const Value*> archive = ObjectMember(*document, "archive");
  if (!archive) return std::unexpected(archive.error());
  Result<std::string> architecture = StringMember(**archive, "architecture");
  Result<std::string> component = StringMember(**archive, "component");
  Result<std::vector<std::string>> suites = ListMember(**archive, "suites");
  if (!architecture) return std::unexpected(architecture.error());
  if (!component) return std::unexpected(component.error());
  if (!suites) return std::unexpected(suites.error());
  wanted.architecture = std::move(*architecture);
  wanted.component = std::move(*component);
  wanted.suites = std::move(*suites);

  Result<const Value*> binaries = ObjectMember(*document, "binaries");
  if (!binaries) return std::unexpected(binaries.error());
  for (const auto& member : (*binaries)->GetObject()) {
    Result<WantedSet> set = ParseSet(member.value);
    if (!set)
      return std::unexpected(set.error().WithContext(member.name.GetString()));
    wanted.binaries.emplace(member.name.GetString(), std::move(*set));
  }

  Result<const Value*> sources = ObjectMember(*document, "sources");
  if (!sources) return std::unexpected(sources.error());
  Result<const Value*> packages = ObjectMember(**sources, "packages");
  if (!packages) return std::unexpected(packages.error());
  for (const auto& member : (*packages)->GetObject()) {
    Result<std::string> name =
        StringMember(**packages, member.name.GetString());
    if (!name) return std::unexpected(name.error());
    wanted.sources.emplace(member.name.GetString(), std::move(*name));
  }
  return wanted;
}

Result<Lock> ParseLock(std::string_view json) {
  Result<rapidjson::Document> document = ParseObject(json, "lock.json");
  if (!document) return std::unexpected(document.error());
  Lock lock;
  Result<const Value*> binaries = ObjectMember(*document, "binaries");
  if (!binaries) return std::unexpected(binaries.error());
  for (const auto& member : (*binaries)->GetObject()) {
    if (!member.value.IsArray())
      return std::unexpected(
          Invalid(std::format("{} is not a list", member.name.GetString())));
    std::vector<Pin>& pins = lock.binaries[member.name.GetString()];
    for (const Value& value : member.value.GetArray()) {
      Result<Pin> pin = ParsePin(value);
      if (!pin)
        return std::unexpected(
            pin.error().WithContext(member.name.GetString()));
      pins.push_back(std::move(*pin));
    }
  }
  Result<const Value*> sources = ObjectMember(*document, "sources");
  if (!sources) return std::unexpected(sources.error());
  for (const auto& member : (*sources)->GetObject()) {
    Result<Pin> pin = ParsePin(member.value);
    if (!pin)
      return std::unexpected(pin.error().WithContext(member.name.GetString()));
    lock.sources.emplace(member.name.GetString(), std::move(*pin));
  }
  return lock;
}

std::string WriteLock(const Lock& lock) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  writer.Key("binaries");
  writer.StartObject();
  for (const auto& [name, pins] : lock.binaries) {
    writer.Key(name.c_str());
    writer.StartArray();
    for (const Pin& pin : pins) WritePin(writer, pin);
    writer.EndArray();
  }
  writer.EndObject();
  writer.Key("sources");
  writer.StartObject();
  for (const auto& [name, pin] : lock.sources) {
    writer.Key(name.c_str());
    WritePin(writer, pin);
  }
  writer.EndObject();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

std::vector<std::string> CompareLock(const WantedPackages& wanted,
                                     const Lock& lock) {
  std::vector<std::string> complaints;
  for (const auto& [name, set] : wanted.binaries) {
    const auto locked = lock.binaries.find(name);
    if (locked == lock.binaries.end()) {
      complaints.push_back(std::format("the set {} is not locked", name));
    } else {
      CompareSet(name, set, locked->second, complaints);
    }
  }
  for (const auto& [name, pins] : lock.binaries) {
    if (!wanted.binaries.contains(name))
      complaints.push_back(
          std::format("the locked set {} is not wanted", name));
  }
  for (const auto& [name, package] : wanted.sources) {
    const auto locked = lock.sources.find(name);
    if (locked == lock.sources.end() || locked->second.name != package) {
      complaints.push_back(std::format(
          "the source package {} is wanted but not locked", package));
    } else if (std::string complaint = Complaint(locked->second, ".orig.tar.");
               !complaint.empty()) {
      complaints.push_back(complaint);
    }
  }
  for (const auto& [name, pin] : lock.sources) {
    if (!wanted.sources.contains(name))
      complaints.push_back(
          std::format("the source {} is locked but not wanted", name));
  }
  return complaints;
}

}  // namespace driveroot::debian
