// SPDX-License-Identifier: Apache-2.0
//
// Compressed archives: recognised by their first bytes, read and written as
// streams. A stream may consist of several parts, one after the other, as
// `cat a.gz b.gz` makes them; zeros behind the last part are padding.
//
// Memory is bounded, whatever a stream asks for. Damaged or truncated input
// gives kDataLoss. One object is for one thread at a time.
#ifndef DRIVEROOT_BASE_TAR_COMPRESSION_H_
#define DRIVEROOT_BASE_TAR_COMPRESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/byte_stream.h"

namespace driveroot {

enum class Compressed : uint8_t {
  kNot,
  kGzip,  // RFC 1952
  kXz,    // and its relatives .lzma and .lz (lzip)
  kZstd,  // RFC 8878
};

// How many of a stream's first bytes RecognizeCompression wants to see.
inline constexpr size_t kMagicBytes = 16;

// By the first bytes of a stream. kNotSupported, with the remedy, for formats
// that are known and cannot be read.
Result<Compressed> RecognizeCompression(std::string_view first_bytes);

// What a path's last letters ask for, ".tar.gz" or ".tgz": nothing when it is
// no name of an archive. kNotSupported for an archive that cannot be written.
Result<std::optional<Compressed>> CompressionOfName(std::string_view path);

// The decompressed bytes of `input`, which outlives the source.
std::unique_ptr<ByteSource> MakeDecompressor(Compressed format,
                                             BufferedSource* input);

class CompressingSink : public ByteSink {
 public:
  // Writes what is left. Without it the stream counts as truncated.
  virtual Status Finish() = 0;
};

// Compresses into `output`, which outlives the sink. `format` is not kNot.
std::unique_ptr<CompressingSink> MakeCompressor(Compressed format,
                                                ByteSink* output);

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_TAR_COMPRESSION_H_
