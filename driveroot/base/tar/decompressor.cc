// SPDX-License-Identifier: Apache-2.0
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "driveroot/base/tar/compression.h"

namespace driveroot {
namespace {

// What a stream may make us allocate. `xz -9` and `zstd --ultra -22` take 65
// and 128 MiB.
constexpr uint64_t kMaxMemory = 512 << 20;
constexpr int kMaxWindowLog = 29;  // 2^29 bytes are 512 MiB

std::unexpected<Error> Damaged(std::string_view how) {
  return Fail(ErrorCode::kDataLoss,
              "the compressed archive is damaged: " + std::string(how));
}

std::unexpected<Error> TooMuchMemory() {
  return Fail(ErrorCode::kNotSupported,
              "the archive was compressed with a window of more than 512 MiB: "
              "decompress it on the way, e.g. zstd -dc --long=31 FILE | "
              "driveroot push - VOLUME");
}

// What all have in common: parts of a stream that follow each other.
class Decompressor : public ByteSource {
 public:
  explicit Decompressor(BufferedSource* input) : input_(input) {}

  Result<size_t> Read(std::span<char> out) override {
    while (!done_) {
      DRIVEROOT_ASSIGN_OR_RETURN(std::string_view bytes, input_->Peek());
      if (between_parts_) {
        if (bytes.empty()) break;
        if (bytes[0] == '\0' && !first_) {
          input_->Consume(
              std::min(bytes.find_first_not_of('\0'), bytes.size()));
          continue;
        }
        DRIVEROOT_RETURN_IF_ERROR(BeginPart());
        between_parts_ = false;
        first_ = false;
      }
      DRIVEROOT_ASSIGN_OR_RETURN(const Step step, Decode(bytes, out));
      input_->Consume(step.taken);
      between_parts_ = step.at_end;
      if (step.given > 0) return step.given;
      if (bytes.empty() && !step.at_end) return Damaged("it ends too early");
    }
    done_ = true;
    return 0;
  }

 protected:
  struct Step {
    size_t taken = 0;
    size_t given = 0;
    bool at_end = false;  // of a part
  };

  virtual Status BeginPart() = 0;
  // `in` is empty at the end of the stream.
  virtual Result<Step> Decode(std::string_view in, std::span<char> out) = 0;

 private:
  BufferedSource* input_;
  bool between_parts_ = true;
  bool first_ = true;
  bool done_ = false;
};

class GzipSource final : public Decompressor {
 public:
  using Decompressor::Decompressor;
  ~GzipSource() override {
    if (begun_) inflateEnd(&stream_);
  }

 protected:
  Status BeginPart() override {
    // 16 asks for gzip's own header and checksum.
    const int state = begun_ ? inflateReset(&stream_)
                             : inflateInit2(&stream_, MAX_WBITS + 16);
    if (state != Z_OK) return Fail(ErrorCode::kInternal, "zlib does not begin");
    begun_ = true;
    return {};
  }

  Result<Step> Decode(std::string_view in, std::span<char> out) override {
    constexpr size_t kMax = std::numeric_limits<uInt>::max();
    // zlib only reads there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(std::min(in.size(), kMax));
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min(out.size(), kMax));
    const uInt before_in = stream_.avail_in;
    const uInt before_out = stream_.avail_out;
    const int state = inflate(&stream_, Z_NO_FLUSH);
    // Z_BUF_ERROR: it wants more input.
    if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) {
      return Damaged(stream_.msg != nullptr ? stream_.msg : "zlib refuses it");
    }
    return Step{.taken = before_in - stream_.avail_in,
                .given = before_out - stream_.avail_out,
                .at_end = state == Z_STREAM_END};
  }

 private:
  z_stream stream_ = {};
  bool begun_ = false;
};

class XzSource final : public Decompressor {
 public:
  using Decompressor::Decompressor;
  ~XzSource() override { lzma_end(&stream_); }

 protected:
  Status BeginPart() override {
    const lzma_ret state = lzma_auto_decoder(&stream_, kMaxMemory, 0);
    if (state != LZMA_OK) {
      return Fail(ErrorCode::kInternal, "liblzma does not begin");
    }
    return {};
  }

  Result<Step> Decode(std::string_view in, std::span<char> out) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const lzma_ret state =
        lzma_code(&stream_, in.empty() ? LZMA_FINISH : LZMA_RUN);
    if (state == LZMA_MEMLIMIT_ERROR) return TooMuchMemory();
    if (state == LZMA_OPTIONS_ERROR) {
      return Damaged("or of a newer kind than liblzma knows");
    }
    if (state != LZMA_OK && state != LZMA_STREAM_END &&
        state != LZMA_BUF_ERROR) {
      return Damaged("liblzma refuses it");
    }
    return Step{.taken = in.size() - stream_.avail_in,
                .given = out.size() - stream_.avail_out,
                .at_end = state == LZMA_STREAM_END};
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class ZstdSource final : public Decompressor {
 public:
  explicit ZstdSource(BufferedSource* input)
      : Decompressor(input), context_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  }

 protected:
  Status BeginPart() override { return {}; }

  Result<Step> Decode(std::string_view in, std::span<char> out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const size_t state = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(state) != 0) {
      const std::string_view name = ZSTD_getErrorName(state);
      if (name.contains("memory")) return TooMuchMemory();
      return Damaged(name);
    }
    return Step{.taken = input.pos, .given = output.pos, .at_end = state == 0};
  }

 private:
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
};

class PlainSource final : public ByteSource {
 public:
  explicit PlainSource(BufferedSource* input) : input_(input) {}
  Result<size_t> Read(std::span<char> buffer) override {
    return input_->Read(buffer);
  }

 private:
  BufferedSource* input_;
};

}  // namespace

std::unique_ptr<ByteSource> MakeDecompressor(Compressed format,
                                             BufferedSource* input) {
  switch (format) {
    case Compressed::kGzip:
      return std::make_unique<GzipSource>(input);
    case Compressed::kXz:
      return std::make_unique<XzSource>(input);
    case Compressed::kZstd:
      return std::make_unique<ZstdSource>(input);
    case Compressed::kNot:
      break;
  }
  return std::make_unique<PlainSource>(input);
}

}  // namespace driveroot
