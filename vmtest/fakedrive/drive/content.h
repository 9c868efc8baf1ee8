// SPDX-License-Identifier: Apache-2.0
//
// A file's bytes on their way in: written to a temporary file and hashed, then
// handed to the FileStore, which gives them their name.
#ifndef VMTEST_FAKEDRIVE_DRIVE_CONTENT_H_
#define VMTEST_FAKEDRIVE_DRIVE_CONTENT_H_

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "vmtest/fakedrive/server/body.h"

namespace driveroot::fakedrive {

// A finished content file that nobody owns yet: removes it unless released.
class Content {
 public:
  std::string path;
  uint64_t size = 0;
  std::string md5;  // Hexadecimal.
  std::string sha1;
  std::string sha256;

  Content() = default;
  Content(Content&& other) noexcept { *this = std::move(other); }
  Content& operator=(Content&& other) noexcept;
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  ~Content();
};

class ContentWriter {
 public:
  // Opens `path`, which may hold bytes already (they are hashed again), and
  // appends to it.
  static Result<ContentWriter> Open(std::string path);

  uint64_t size() const { return size_; }

  Status Append(std::string_view bytes);
  // Appends bytes [offset, offset + length) of a body.
  Status Append(const Body& body, uint64_t offset, uint64_t length);

  // Appends the whole of another file.
  Status AppendFile(const std::string& path);

  // The writer is empty after that.
  Result<Content> Finish();

 private:
  struct DigestFree {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  using Digest = std::unique_ptr<EVP_MD_CTX, DigestFree>;

  ContentWriter(std::string path, UniqueFd file)
      : path_(std::move(path)), file_(std::move(file)) {}

  Status Hash(std::string_view bytes);
  Result<std::string> HexDigest(size_t index);

  std::string path_;
  UniqueFd file_;
  uint64_t size_ = 0;
  std::array<Digest, 3> digests_;  // MD5, SHA-1, SHA-256.
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_CONTENT_H_
