// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/image_source.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "driveroot/base/beneath.h"
#include "driveroot/base/tar/compression.h"
#include "driveroot/base/tar/tar.h"
#include "driveroot/transfer/image_manifest.h"
#include "driveroot/transfer/owner_names.h"

namespace driveroot {
namespace {

constexpr std::string_view kBlobs = "blobs/sha256/";
constexpr uint64_t kMaxManifestBytes = 16 << 20;

std::string Hex(std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

// Reads a member and hashes what it gives.
class MemberSource final : public ByteSource {
 public:
  MemberSource(ImageMember member, std::string name)
      : member_(std::move(member)), name_(std::move(name)) {
    SHA256_Init(&hash_);
  }

  Result<size_t> Read(std::span<char> buffer) override {
    const uint64_t wanted =
        std::min<uint64_t>(buffer.size(), member_.size - position_);
    if (wanted == 0) return 0;
    ssize_t count;
    do {
      count = pread(member_.file->get(), buffer.data(), wanted,
                    static_cast<off_t>(member_.offset + position_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
      return std::unexpected(Error::FromErrno(errno, "cannot read " + name_));
    }
    SHA256_Update(&hash_, buffer.data(), static_cast<size_t>(count));
    position_ += static_cast<uint64_t>(count);
    return static_cast<size_t>(count);
  }

  uint64_t position() const { return position_; }

  // When all is read: whether a blob is what its name says.
  Status Check() {
    if (!name_.starts_with(kBlobs)) return {};
    std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
    SHA256_Final(digest.data(), &hash_);
    if (name_.substr(kBlobs.size()) == Hex(digest)) return {};
    return Fail(ErrorCode::kDataLoss,
                "damaged container image: the contents of " + name_ +
                    " do not have the SHA-256 that its name says");
  }

 private:
  ImageMember member_;
  std::string name_;
  uint64_t position_ = 0;
  SHA256_CTX hash_;
};

Result<std::string> ReadMemberOf(const ImageMembers& members,
                                 const std::string& name) {
  DRIVEROOT_ASSIGN_OR_RETURN(ImageMember member, members.Find(name));
  MemberSource source(std::move(member), name);
  DRIVEROOT_ASSIGN_OR_RETURN(std::string text,
                             ReadAll(source, kMaxManifestBytes));
  DRIVEROOT_RETURN_IF_ERROR(source.Check());
  return text;
}

class FolderMembers final : public ImageMembers {
 public:
  explicit FolderMembers(UniqueFd folder) : folder_(std::move(folder)) {}

  Result<ImageMember> Find(const std::string& name) const override {
    auto file = std::make_shared<const UniqueFd>(
        OpenBeneath(folder_.get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat status;
    if (!file->valid() || fstat(file->get(), &status) != 0) {
      return std::unexpected(Error::FromErrno(errno, "cannot open " + name));
    }
    if (!S_ISREG(status.st_mode)) {
      return Fail(ErrorCode::kNotFound, name + " is not a file");
    }
    return ImageMember{.file = std::move(file),
                       .size = static_cast<uint64_t>(status.st_size)};
  }

 private:
  UniqueFd folder_;
};

class TarMembers final : public ImageMembers {
 public:
  TarMembers(std::shared_ptr<const UniqueFd> file, uint64_t size)
      : file_(std::move(file)), size_(size) {}

  Status Index() {
    MemberSource source({.file = file_, .offset = 0, .size = size_}, "archive");
    TarReader reader(&source);
    while (true) {
      DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry,
                                 reader.Next());
      if (!entry) return {};
      if (entry->type == TarType::kFile && !entry->runs) {
        links_.erase(entry->path);
        members_[entry->path] = {
            .file = file_, .offset = source.position(), .size = entry->size};
      } else if (entry->type == TarType::kHardLink) {
        links_[entry->path] = entry->link_target;
      } else if (entry->type == TarType::kSymlink) {
        // skopeo names each layer twice in this way.
        const size_t slash = entry->path.rfind('/');
        const std::string target =
            slash != std::string::npos && entry->link_target.starts_with("../")
                ? entry->link_target.substr(3)
                : entry->link_target;
        links_[entry->path] = target;
      }
    }
  }

  Result<ImageMember> Find(const std::string& name) const override {
    const auto link = links_.find(name);
    const auto member =
        members_.find(link == links_.end() ? name : link->second);
    if (member != members_.end()) return member->second;
    return Fail(ErrorCode::kNotFound,
                "there is no " + name + " in the archive");
  }

 private:
  std::shared_ptr<const UniqueFd> file_;
  uint64_t size_;
  std::map<std::string, ImageMember> members_;
  std::map<std::string, std::string> links_;
};

class ImageSource final : public TreeSource {
 public:
  struct Layer {
    std::string name;
    ImageMember member;
  };

  ImageSource(std::vector<Layer> layers, std::string name)
      : layers_(std::move(layers)), name_(std::move(name)) {
    for (const Layer& layer : layers_) bytes_total_ += layer.member.size;
  }

  Result<std::optional<TarEntry>> Next() override {
    while (true) {
      if (!reader_) {
        if (next_layer_ == layers_.size()) return std::nullopt;
        DRIVEROOT_RETURN_IF_ERROR(Named(BeginLayer()));
      }
      Result<std::optional<TarEntry>> entry = reader_->Next();
      if (!entry) return Named(std::move(entry));
      if (*entry) {
        for (const std::string& loss : reader_->losses()) {
          notes_.Add("times not kept: " + loss, (*entry)->path);
        }
        return entry;
      }
      DRIVEROOT_RETURN_IF_ERROR(Named(member_->Check()));
      bytes_before_ += member_->position();
      reader_.reset();
    }
  }

  Result<size_t> ReadData(std::span<char> buffer) override {
    return Named(reader_->ReadData(buffer));
  }
  Result<uint64_t> SkipHole() override { return reader_->SkipHole(); }
  std::optional<size_t> layer() const override { return next_layer_; }
  uint64_t bytes_done() const override {
    return bytes_before_ + (reader_ ? member_->position() : 0);
  }
  uint64_t bytes_total() const override { return bytes_total_; }

 private:
  template <typename T>
  Result<T> Named(Result<T> result) const {
    if (!result) return std::unexpected(result.error().WithContext(name_));
    return result;
  }

  Status BeginLayer() {
    const Layer& layer = layers_[next_layer_++];
    notes_.Add("layers of a container image applied", layer.name);
    member_.emplace(layer.member, layer.name);
    buffered_.emplace(&*member_);
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string_view head,
                               buffered_->Peek(kMagicBytes));
    DRIVEROOT_ASSIGN_OR_RETURN(const Compressed format,
                               RecognizeCompression(head));
    contents_ = MakeDecompressor(format, &*buffered_);
    reader_.emplace(contents_.get(), LookUpOwner);
    return {};
  }

  std::vector<Layer> layers_;
  std::string name_;
  size_t next_layer_ = 0;
  std::optional<MemberSource> member_;
  std::optional<BufferedSource> buffered_;
  std::unique_ptr<ByteSource> contents_;
  std::optional<TarReader> reader_;
  uint64_t bytes_before_ = 0;
  uint64_t bytes_total_ = 0;
};

}  // namespace

bool MayBeImage(std::string_view first_path) {
  const std::string_view top = first_path.substr(0, first_path.find('/'));
  if (top == "blobs" || top == "oci-layout" || top == "repositories" ||
      top.ends_with(".json") || top.starts_with("sha256:")) {
    return true;
  }
  // Docker's older forms name layers and configurations by their ids.
  return top.size() >= 64 && std::ranges::all_of(top.substr(0, 64), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool IsImage(const ImageMembers& members) {
  if (members.Find("oci-layout") && members.Find("index.json")) return true;
  // Other programs have files of that name, too.
  const Result<std::string> text = ReadMemberOf(members, "manifest.json");
  return text && text->contains("\"Layers\"") && text->contains("\"Config\"");
}

std::unique_ptr<ImageMembers> MembersOfFolder(UniqueFd folder) {
  return std::make_unique<FolderMembers>(std::move(folder));
}

Result<std::unique_ptr<ImageMembers>> MembersOfTar(
    std::shared_ptr<const UniqueFd> file, uint64_t size) {
  auto members = std::make_unique<TarMembers>(std::move(file), size);
  DRIVEROOT_RETURN_IF_ERROR(members->Index());
  return members;
}

Result<std::unique_ptr<TreeSource>> OpenImage(
    std::unique_ptr<ImageMembers> members, const std::string& name) {
  const Result<std::vector<std::string>> names =
      LayersOfImage([&members](const std::string& member) {
        return ReadMemberOf(*members, member);
      });
  if (!names) return std::unexpected(names.error().WithContext(name));
  std::vector<ImageSource::Layer> layers;
  for (const std::string& layer : *names) {
    Result<ImageMember> member = members->Find(layer);
    if (!member) return std::unexpected(member.error().WithContext(name));
    layers.push_back({layer, *std::move(member)});
  }
  return std::make_unique<ImageSource>(std::move(layers), name);
}

}  // namespace driveroot
