// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/compression.h"

#include <zstd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "driveroot/volume/delta.h"

namespace driveroot {
namespace {

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

std::string CompressFrame(std::string_view bytes, Compression compression) {
  // A context costs more to make than a small frame to compress.
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(
      ZSTD_createCCtx());
  // Most of the bound is unused, so the result is a copy of its own size. The
  // room for a frame is used again: memory is slow when it is new.
  thread_local std::vector<char> room_for_frame;
  std::vector<char> room_for_more;
  std::vector<char>& room =
      bytes.size() <= kMaxFrameBytes ? room_for_frame : room_for_more;
  room.resize(std::max(room.size(), ZSTD_compressBound(bytes.size())));
  const size_t size =
      ZSTD_compressCCtx(context.get(), room.data(), room.size(), bytes.data(),
                        bytes.size(), static_cast<int>(compression));
  if (ZSTD_isError(size) || size >= bytes.size()) return std::string(bytes);
  return std::string(room.data(), size);
}

Result<std::string> DecompressFrame(std::string_view stored,
                                    uint64_t raw_length) {
  if (stored.size() == raw_length) return std::string(stored);
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(
      ZSTD_createDCtx());
  std::string raw;
  size_t size = 0;
  raw.resize_and_overwrite(raw_length, [&](char* bytes, size_t room) {
    size = ZSTD_decompressDCtx(context.get(), bytes, room, stored.data(),
                               stored.size());
    return ZSTD_isError(size) ? 0 : size;
  });
  if (ZSTD_isError(size) || size != raw_length) {
    return Fail(ErrorCode::kDataLoss, "damaged compressed data");
  }
  return raw;
}

}  // namespace driveroot
