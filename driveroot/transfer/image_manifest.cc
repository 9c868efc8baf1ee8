// SPDX-License-Identifier: Apache-2.0
//
#include "driveroot/transfer/image_manifest.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "rapidjson/document.h"

namespace driveroot {
namespace {

using rapidjson::Value;

constexpr std::string_view kArchitecture = "amd64";
// An index may name another one, as buildx makes them.
constexpr int kMaxIndexes = 4;

std::unexpected<Error> Malformed(const std::string& member) {
  return Fail(ErrorCode::kDataLoss,
              "damaged container image: " + member + " is malformed");
}

Result<rapidjson::Document> Parse(const std::string& member,
                                  const std::string& text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (document.HasParseError()) return Malformed(member);
  return document;
}

std::string_view TextOf(const Value& object, const char* key) {
  if (!object.IsObject()) return {};
  const auto found = object.FindMember(key);
  if (found == object.MemberEnd() || !found->value.IsString()) return {};
  return {found->value.GetString(), found->value.GetStringLength()};
}

const Value* ArrayOf(const Value& object, const char* key) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(key);
  if (found == object.MemberEnd() || !found->value.IsArray()) return nullptr;
  return &found->value;
}

// "sha256:HEX" as the name of a blob.
Result<std::string> BlobOf(const Value& descriptor, const std::string& member) {
  std::string_view digest = TextOf(descriptor, "digest");
  constexpr std::string_view kAlgorithm = "sha256:";
  if (!digest.starts_with(kAlgorithm)) {
    return Fail(ErrorCode::kNotSupported,
                "container image: " + member +
                    " names something by another digest than SHA-256");
  }
  digest.remove_prefix(kAlgorithm.size());
  if (digest.size() != 64 || !std::ranges::all_of(digest, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      })) {
    return Malformed(member);
  }
  return "blobs/sha256/" + std::string(digest);
}

bool IsForThisArchitecture(const Value& descriptor) {
  if (!descriptor.IsObject()) return false;
  const auto platform = descriptor.FindMember("platform");
  return platform != descriptor.MemberEnd() &&
         TextOf(platform->value, "architecture") == kArchitecture &&
         TextOf(platform->value, "os") == "linux";
}

// The one manifest, or the one for this architecture.
Result<std::string> ChooseManifest(const Value& manifests,
                                   const std::string& member) {
  const Value* chosen = nullptr;
  if (manifests.Size() == 1) {
    chosen = &manifests[0];
  } else {
    for (const Value& descriptor : manifests.GetArray()) {
      if (!IsForThisArchitecture(descriptor)) continue;
      if (chosen != nullptr) {
        return Fail(ErrorCode::kNotSupported,
                    "there are several container images here: save the one "
                    "that is meant");
      }
      chosen = &descriptor;
    }
  }
  if (chosen == nullptr) {
    return Fail(ErrorCode::kNotSupported,
                "no container image for linux/amd64 alone is in here: save the "
                "one that is meant");
  }
  return BlobOf(*chosen, member);
}

Result<std::vector<std::string>> LayersOfOci(const ReadMember& read) {
  std::string member = "index.json";
  for (int depth = 0; depth < kMaxIndexes; ++depth) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string text, read(member));
    DRIVEROOT_ASSIGN_OR_RETURN(const rapidjson::Document document,
                               Parse(member, text));
    if (const Value* manifests = ArrayOf(document, "manifests")) {
      DRIVEROOT_ASSIGN_OR_RETURN(member, ChooseManifest(*manifests, member));
      continue;
    }
    const Value* layers = ArrayOf(document, "layers");
    if (layers == nullptr) return Malformed(member);
    std::vector<std::string> names;
    for (const Value& layer : layers->GetArray()) {
      if (TextOf(layer, "mediaType").contains("encrypted")) {
        return Fail(ErrorCode::kNotSupported,
                    "the container image is encrypted");
      }
      DRIVEROOT_ASSIGN_OR_RETURN(names.emplace_back(), BlobOf(layer, member));
    }
    return names;
  }
  return Malformed("index.json");
}

Result<std::vector<std::string>> LayersOfDocker(const std::string& text) {
  const std::string member = "manifest.json";
  DRIVEROOT_ASSIGN_OR_RETURN(const rapidjson::Document document,
                             Parse(member, text));
  if (!document.IsArray() || document.Empty()) return Malformed(member);
  if (document.Size() > 1) {
    return Fail(ErrorCode::kNotSupported,
                "there are " + std::to_string(document.Size()) +
                    " container images in here: save the one that is meant");
  }
  const Value* layers = ArrayOf(document[0], "Layers");
  if (layers == nullptr) return Malformed(member);
  std::vector<std::string> names;
  for (const Value& layer : layers->GetArray()) {
    if (!layer.IsString()) return Malformed(member);
    std::string& name =
        names.emplace_back(layer.GetString(), layer.GetStringLength());
    if (name.starts_with("./")) name.erase(0, 2);
  }
  return names;
}

}  // namespace

Result<std::vector<std::string>> LayersOfImage(const ReadMember& read) {
  const Result<std::string> docker = read("manifest.json");
  Result<std::vector<std::string>> layers =
      docker ? LayersOfDocker(*docker) : LayersOfOci(read);
  if (layers && layers->empty()) {
    return Fail(ErrorCode::kDataLoss, "the container image has no layers");
  }
  return layers;
}

}  // namespace driveroot
