// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/content.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "vmtest/fakedrive/drive/secrets.h"
#include "vmtest/fakedrive/server/files.h"

namespace driveroot::fakedrive {
namespace {

constexpr uint64_t kCopyPiece = uint64_t{256} << 10;

}  // namespace

Content& Content::operator=(Content&& other) noexcept {
  std::swap(path, other.path);
  std::swap(size, other.size);
  std::swap(md5, other.md5);
  std::swap(sha1, other.sha1);
  std::swap(sha256, other.sha256);
  return *this;
}

Content::~Content() {
  if (!path.empty()) unlink(path.c_str());
}

Result<ContentWriter> ContentWriter::Open(std::string path) {
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid())
    return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
  ContentWriter writer(std::move(path), std::move(file));
  const EVP_MD* const kinds[] = {EVP_md5(), EVP_sha1(), EVP_sha256()};
  for (size_t i = 0; i < writer.digests_.size(); ++i) {
    writer.digests_[i].reset(EVP_MD_CTX_new());
    if (!writer.digests_[i] ||
        EVP_DigestInit_ex(writer.digests_[i].get(), kinds[i], nullptr) != 1)
      return Fail(ErrorCode::kInternal, "cannot set up a digest");
  }
  std::string buffer(kCopyPiece, '\0');
  for (;;) {
    const ssize_t got = read(writer.file_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return std::unexpected(
          Error::FromErrno(errno, "cannot read " + writer.path_));
    if (got == 0) return writer;
    DRIVEROOT_RETURN_IF_ERROR(writer.Hash(
        std::string_view(buffer).substr(0, static_cast<size_t>(got))));
  }
}

Status ContentWriter::Hash(std::string_view bytes) {
  for (const Digest& digest : digests_) {
    if (EVP_DigestUpdate(digest.get(), bytes.data(), bytes.size()) != 1)
      return Fail(ErrorCode::kInternal, "cannot hash content");
  }
  size_ += bytes.size();
  return {};
}

Status ContentWriter::Append(std::string_view bytes) {
  DRIVEROOT_RETURN_IF_ERROR(WriteFully(file_.get(), bytes, path_));
  return Hash(bytes);
}

Status ContentWriter::Append(const Body& body, uint64_t offset,
                             uint64_t length) {
  while (length > 0) {
    const uint64_t piece = std::min(length, kCopyPiece);
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                               body.Read(offset, piece));
    DRIVEROOT_RETURN_IF_ERROR(Append(bytes));
    offset += piece;
    length -= piece;
  }
  return {};
}

Status ContentWriter::AppendFile(const std::string& path) {
  const UniqueFd source(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.valid())
    return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
  std::string buffer(kCopyPiece, '\0');
  for (;;) {
    const ssize_t got = read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return std::unexpected(Error::FromErrno(errno, "cannot read " + path));
    if (got == 0) return {};
    DRIVEROOT_RETURN_IF_ERROR(
        Append(std::string_view(buffer).substr(0, static_cast<size_t>(got))));
  }
}

Result<std::string> ContentWriter::HexDigest(size_t index) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_DigestFinal_ex(digests_[index].get(), digest.data(), &size) != 1)
    return Fail(ErrorCode::kInternal, "cannot finish a digest");
  return Hex(std::string(digest.begin(), digest.begin() + size));
}

Result<Content> ContentWriter::Finish() {
  Content content;
  content.path = std::exchange(path_, "");
  content.size = size_;
  file_.Reset();
  DRIVEROOT_ASSIGN_OR_RETURN(content.md5, HexDigest(0));
  DRIVEROOT_ASSIGN_OR_RETURN(content.sha1, HexDigest(1));
  DRIVEROOT_ASSIGN_OR_RETURN(content.sha256, HexDigest(2));
  return content;
}

}  // namespace driveroot::fakedrive
