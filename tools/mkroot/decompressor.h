// SPDX-License-Identifier: Apache-2.0
//
// Decompression as a byte source, for the members of Debian packages. Damaged
// input gives kDataLoss. One object is for one thread.
#ifndef TOOLS_MKROOT_DECOMPRESSOR_H_
#define TOOLS_MKROOT_DECOMPRESSOR_H_

#include <memory>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/byte_stream.h"

namespace driveroot {

// The decompressed bytes of `compressed`, which outlives the source. The format
// is chosen by the suffix of `name`: .xz, .zst, .gz, or none of these for bytes
// that are not compressed.
Result<std::unique_ptr<ByteSource>> MakeDecompressor(
    std::string_view name, std::string_view compressed);

}  // namespace driveroot

#endif  // TOOLS_MKROOT_DECOMPRESSOR_H_
