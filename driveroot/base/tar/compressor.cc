// SPDX-License-Identifier: Apache-2.0
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "driveroot/base/tar/compression.h"

namespace driveroot {
namespace {

constexpr size_t kBufferBytes = 128 * 1024;

std::unexpected<Error> Broken() {
  return Fail(ErrorCode::kInternal, "the archive cannot be compressed");
}

// xz takes a hundred megabytes for each thread.
unsigned Threads() {
  return static_cast<unsigned>(
      std::clamp<long>(sysconf(_SC_NPROCESSORS_ONLN), 1, 4));
}

class GzipSink final : public CompressingSink {
 public:
  explicit GzipSink(ByteSink* output) : output_(output) {
    // 16 asks for gzip's own header; 8 is zlib's default for its memory.
    ready_ = deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                          MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipSink() override { deflateEnd(&stream_); }

  Status Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, kBufferBytes);
      DRIVEROOT_RETURN_IF_ERROR(Code(part, Z_NO_FLUSH));
      bytes.remove_prefix(part.size());
    }
    return {};
  }
  Status Finish() override { return Code({}, Z_FINISH); }

 private:
  Status Code(std::string_view in, int flush) {
    if (!ready_) return Broken();
    // zlib only reads there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      if (deflate(&stream_, flush) == Z_STREAM_ERROR) return Broken();
      DRIVEROOT_RETURN_IF_ERROR(output_->Write(std::string_view(buffer_).substr(
          0, buffer_.size() - stream_.avail_out)));
    } while (stream_.avail_out == 0);
    return {};
  }

  ByteSink* output_;
  z_stream stream_ = {};
  bool ready_ = false;
  std::string buffer_ = std::string(kBufferBytes, '\0');
};

class XzSink final : public CompressingSink {
 public:
  explicit XzSink(ByteSink* output) : output_(output) {
    lzma_mt options = {};
    options.threads = Threads();
    options.preset = LZMA_PRESET_DEFAULT;
    options.check = LZMA_CHECK_CRC64;
    ready_ = lzma_stream_encoder_mt(&stream_, &options) == LZMA_OK;
  }
  ~XzSink() override { lzma_end(&stream_); }

  Status Write(std::string_view bytes) override {
    if (!ready_) return Broken();
    stream_.next_in = reinterpret_cast<const uint8_t*>(bytes.data());
    stream_.avail_in = bytes.size();
    while (stream_.avail_in > 0) {
      DRIVEROOT_ASSIGN_OR_RETURN(const bool at_end, Code(LZMA_RUN));
      if (at_end) return Broken();
    }
    return {};
  }
  Status Finish() override {
    if (!ready_) return Broken();
    bool at_end = false;
    while (!at_end) {
      DRIVEROOT_ASSIGN_OR_RETURN(at_end, Code(LZMA_FINISH));
    }
    return {};
  }

 private:
  Result<bool> Code(lzma_action action) {
    stream_.next_out = reinterpret_cast<uint8_t*>(buffer_.data());
    stream_.avail_out = buffer_.size();
    const lzma_ret state = lzma_code(&stream_, action);
    if (state != LZMA_OK && state != LZMA_STREAM_END) return Broken();
    DRIVEROOT_RETURN_IF_ERROR(output_->Write(std::string_view(buffer_).substr(
        0, buffer_.size() - stream_.avail_out)));
    return state == LZMA_STREAM_END;
  }

  ByteSink* output_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ready_ = false;
  std::string buffer_ = std::string(kBufferBytes, '\0');
};

class ZstdSink final : public CompressingSink {
 public:
  explicit ZstdSink(ByteSink* output)
      : output_(output), context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_nbWorkers,
                           static_cast<int>(Threads()));
  }

  Status Write(std::string_view bytes) override {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    while (input.pos < input.size) {
      DRIVEROOT_RETURN_IF_ERROR(Code(&input, ZSTD_e_continue));
    }
    return {};
  }
  Status Finish() override {
    ZSTD_inBuffer input{nullptr, 0, 0};
    do {
      DRIVEROOT_RETURN_IF_ERROR(Code(&input, ZSTD_e_end));
    } while (left_ != 0);
    return {};
  }

 private:
  Status Code(ZSTD_inBuffer* input, ZSTD_EndDirective directive) {
    ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
    left_ = ZSTD_compressStream2(context_.get(), &output, input, directive);
    if (ZSTD_isError(left_) != 0) return Broken();
    return output_->Write(std::string_view(buffer_).substr(0, output.pos));
  }

  ByteSink* output_;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  size_t left_ = 0;
  std::string buffer_ = std::string(kBufferBytes, '\0');
};

}  // namespace

std::unique_ptr<CompressingSink> MakeCompressor(Compressed format,
                                                ByteSink* output) {
  switch (format) {
    case Compressed::kXz:
      return std::make_unique<XzSink>(output);
    case Compressed::kZstd:
      return std::make_unique<ZstdSink>(output);
    case Compressed::kGzip:
    case Compressed::kNot:
      break;
  }
  return std::make_unique<GzipSink>(output);
}

}  // namespace driveroot
