// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/decompressor.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace driveroot {
namespace {

std::unexpected<Error> Damaged(const std::string& name) {
  return Fail(ErrorCode::kDataLoss, name + " is damaged or truncated");
}

class XzSource final : public ByteSource {
 public:
  XzSource(std::string name, std::string_view compressed)
      : name_(std::move(name)) {
    stream_.next_in = reinterpret_cast<const uint8_t*>(compressed.data());
    stream_.avail_in = compressed.size();
    state_ = lzma_stream_decoder(&stream_, UINT64_MAX, LZMA_CONCATENATED);
  }
  ~XzSource() override { lzma_end(&stream_); }

  Result<size_t> Read(std::span<char> buffer) override {
    stream_.next_out = reinterpret_cast<uint8_t*>(buffer.data());
    stream_.avail_out = buffer.size();
    while (state_ == LZMA_OK && stream_.avail_out > 0) {
      state_ = lzma_code(&stream_, LZMA_FINISH);
    }
    if (state_ != LZMA_OK && state_ != LZMA_STREAM_END) return Damaged(name_);
    return buffer.size() - stream_.avail_out;
  }

 private:
  std::string name_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  lzma_ret state_;
};

class GzipSource final : public ByteSource {
 public:
  GzipSource(std::string name, std::string_view compressed)
      : name_(std::move(name)) {
    stream_.next_in = reinterpret_cast<Bytef*>(
        const_cast<char*>(compressed.data()));  // zlib only reads there.
    stream_.avail_in = static_cast<uInt>(compressed.size());
    // 16 asks for gzip's own header and checksum.
    state_ = inflateInit2(&stream_, MAX_WBITS + 16);
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  Result<size_t> Read(std::span<char> buffer) override {
    const size_t size =
        std::min<size_t>(buffer.size(), std::numeric_limits<uInt>::max());
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = static_cast<uInt>(size);
    while (state_ == Z_OK && stream_.avail_out > 0) {
      state_ = inflate(&stream_, Z_NO_FLUSH);
    }
    if (state_ != Z_OK && state_ != Z_STREAM_END) return Damaged(name_);
    return size - stream_.avail_out;
  }

 private:
  std::string name_;
  z_stream stream_ = {};
  int state_;
};

class ZstdSource final : public ByteSource {
 public:
  ZstdSource(std::string name, std::string_view compressed)
      : name_(std::move(name)),
        input_{compressed.data(), compressed.size(), 0},
        stream_(ZSTD_createDStream(), &ZSTD_freeDStream) {}

  Result<size_t> Read(std::span<char> buffer) override {
    ZSTD_outBuffer output{buffer.data(), buffer.size(), 0};
    while (output.pos < output.size) {
      const size_t before = output.pos;
      const bool had_input = input_.pos < input_.size;
      if (!had_input && at_frame_end_) break;
      const size_t state =
          ZSTD_decompressStream(stream_.get(), &output, &input_);
      if (ZSTD_isError(state)) return Damaged(name_);
      at_frame_end_ = state == 0;
      // Nothing left to read and nothing more comes out: it was cut off.
      if (!had_input && !at_frame_end_ && output.pos == before) {
        return Damaged(name_);
      }
    }
    return output.pos;
  }

 private:
  std::string name_;
  ZSTD_inBuffer input_;
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  bool at_frame_end_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> MakeDecompressor(
    std::string_view name, std::string_view compressed) {
  if (name.ends_with(".xz")) {
    return std::make_unique<XzSource>(std::string(name), compressed);
  }
  if (name.ends_with(".zst")) {
    return std::make_unique<ZstdSource>(std::string(name), compressed);
  }
  if (name.ends_with(".gz")) {
    if (compressed.size() > std::numeric_limits<uInt>::max()) {
      return Fail(ErrorCode::kNotSupported, std::string(name) + " is too big");
    }
    return std::make_unique<GzipSource>(std::string(name), compressed);
  }
  return std::make_unique<StringSource>(compressed);
}

}  // namespace driveroot
