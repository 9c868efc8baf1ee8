// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/tar/tar_sparse.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace driveroot::tar_sparse {
namespace {

using tar_format::Field;
using tar_format::kBlockSize;
using tar_format::Records;

// Runs of one file; 64 MiB in memory.
constexpr size_t kMaxRuns = 4 << 20;

// GNU tar's header, "struct oldgnu_header" and "struct sparse_header" of its
// tar.h: pairs of 12 bytes each, and whether more of them follow in a block.
constexpr size_t kHeaderPairs = 386;
constexpr size_t kHeaderPairCount = 4;
constexpr size_t kHeaderMore = 482;
constexpr Field kRealSize{483, 12};
constexpr size_t kBlockPairCount = 21;
constexpr size_t kBlockMore = 504;
constexpr size_t kNumberSize = 12;

constexpr auto kMaxSize =
    static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(ErrorCode::kDataLoss,
              "damaged tar archive: " + std::string(what));
}

Result<uint64_t> Size(std::string_view block, Field field) {
  DRIVEROOT_ASSIGN_OR_RETURN(const int64_t number,
                             tar_format::NumberOf(block, field));
  if (number < 0) return Malformed("a sparse map has a negative number");
  return static_cast<uint64_t>(number);
}

// False: the map has ended.
Result<bool> AddPairs(std::string_view block, size_t begin, size_t count,
                      std::vector<TarRun>* runs) {
  for (size_t i = 0; i < count; ++i) {
    const Field offset{begin + 2 * i * kNumberSize, kNumberSize};
    const Field length{offset.offset + kNumberSize, kNumberSize};
    if (block[length.offset] == '\0') return false;
    TarRun run;
    DRIVEROOT_ASSIGN_OR_RETURN(run.offset, Size(block, offset));
    DRIVEROOT_ASSIGN_OR_RETURN(run.length, Size(block, length));
    if (runs->size() >= kMaxRuns) return Malformed("a sparse map is too long");
    runs->push_back(run);
  }
  return true;
}

Result<uint64_t> RealSize(const Records& records) {
  for (const std::string_view key :
       {"GNU.sparse.realsize", "GNU.sparse.size"}) {
    const auto found = records.find(key);
    if (found != records.end()) {
      return tar_format::ParsePaxNumber(key, found->second);
    }
  }
  return Malformed("a sparse file has no size");
}

}  // namespace

Form FormOf(std::string_view header, const Records& records) {
  if (header[tar_format::kType.offset] == 'S') return Form::kOldGnu;
  const auto major = records.find("GNU.sparse.major");
  if (major != records.end() && major->second != "0") return Form::kContents;
  if (records.contains(kMapRecord) || records.contains("GNU.sparse.size")) {
    return Form::kRecords;
  }
  return Form::kNone;
}

Result<Map> ReadOldGnuMap(std::string_view header, ByteSource& source) {
  Map map;
  DRIVEROOT_ASSIGN_OR_RETURN(map.real_size, Size(header, kRealSize));
  DRIVEROOT_ASSIGN_OR_RETURN(
      bool more, AddPairs(header, kHeaderPairs, kHeaderPairCount, &map.runs));
  more = header[kHeaderMore] != '\0';
  std::array<char, kBlockSize> block;
  while (more) {
    DRIVEROOT_ASSIGN_OR_RETURN(const size_t n, ReadFully(source, block));
    if (n < block.size()) return Malformed("it is truncated in a sparse map");
    const std::string_view bytes(block.data(), block.size());
    DRIVEROOT_ASSIGN_OR_RETURN(const bool goes_on,
                               AddPairs(bytes, 0, kBlockPairCount, &map.runs));
    more = goes_on && bytes[kBlockMore] != '\0';
  }
  return map;
}

Result<Map> ReadRecordMap(const Records& records) {
  Map map;
  DRIVEROOT_ASSIGN_OR_RETURN(map.real_size, RealSize(records));
  const auto found = records.find(kMapRecord);
  std::string_view text =
      found == records.end() ? std::string_view() : found->second;
  std::optional<uint64_t> offset;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    DRIVEROOT_ASSIGN_OR_RETURN(
        const uint64_t number,
        tar_format::ParsePaxNumber(kMapRecord, text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!offset) {
      offset = number;
      continue;
    }
    if (map.runs.size() >= kMaxRuns) {
      return Malformed("a sparse map is too long");
    }
    map.runs.push_back({.offset = *offset, .length = number});
    offset.reset();
  }
  if (offset) return Malformed("a sparse map has half a pair");
  return map;
}

namespace {

// Lines of decimal numbers in whole blocks.
class NumberReader {
 public:
  NumberReader(uint64_t stored, ByteSource& source)
      : stored_(stored), source_(source) {}

  Result<uint64_t> Next() {
    std::string digits;
    while (true) {
      if (at_ == filled_) DRIVEROOT_RETURN_IF_ERROR(Refill());
      const char c = block_[at_++];
      if (c == '\n') break;
      // Longer than any number of 64 bits.
      if (digits.size() >= 20) return Malformed("a sparse map is malformed");
      digits += c;
    }
    return tar_format::ParsePaxNumber("GNU.sparse", digits);
  }

  uint64_t bytes_read() const { return bytes_read_; }

 private:
  Status Refill() {
    if (stored_ - bytes_read_ < kBlockSize) {
      return Malformed("a sparse map is longer than its file");
    }
    DRIVEROOT_ASSIGN_OR_RETURN(filled_, ReadFully(source_, block_));
    if (filled_ < block_.size()) {
      return Malformed("it is truncated in a sparse map");
    }
    at_ = 0;
    bytes_read_ += filled_;
    return {};
  }

  uint64_t stored_;
  ByteSource& source_;
  std::array<char, kBlockSize> block_;
  size_t at_ = 0;
  size_t filled_ = 0;
  uint64_t bytes_read_ = 0;
};

}  // namespace

Result<Map> ReadContentsMap(const Records& records, uint64_t stored,
                            ByteSource& source) {
  if (const auto major = records.find("GNU.sparse.major");
      major != records.end() && major->second != "1") {
    return Fail(ErrorCode::kNotSupported,
                "it holds a sparse file in the unknown form " + major->second);
  }
  Map map;
  DRIVEROOT_ASSIGN_OR_RETURN(map.real_size, RealSize(records));
  NumberReader reader(stored, source);
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t count, reader.Next());
  if (count > kMaxRuns) return Malformed("a sparse map is too long");
  for (uint64_t i = 0; i < count; ++i) {
    TarRun run;
    DRIVEROOT_ASSIGN_OR_RETURN(run.offset, reader.Next());
    DRIVEROOT_ASSIGN_OR_RETURN(run.length, reader.Next());
    map.runs.push_back(run);
  }
  map.bytes = reader.bytes_read();
  return map;
}

Status CheckMap(uint64_t data, Map* map) {
  if (map->real_size > kMaxSize) {
    return Malformed("a sparse file is impossibly large");
  }
  uint64_t end = 0;
  uint64_t sum = 0;
  for (const TarRun& run : map->runs) {
    if (run.offset < end || run.offset > map->real_size ||
        run.length > map->real_size - run.offset) {
      return Malformed("a sparse map is not in order");
    }
    end = run.offset + run.length;
    sum += run.length;
  }
  if (sum != data) {
    return Malformed("a sparse map does not match its file's contents");
  }
  std::erase_if(map->runs, [](const TarRun& run) { return run.length == 0; });
  return {};
}

std::string FormatMap(const std::vector<TarRun>& runs, uint64_t size) {
  std::string lines;
  const auto add = [&lines](uint64_t number) {
    lines += std::to_string(number);
    lines += '\n';
  };
  // GNU tar wants to be told of a hole at the end by an empty run there.
  const bool hole_at_end =
      runs.empty() || runs.back().offset + runs.back().length < size;
  add(runs.size() + (hole_at_end ? 1 : 0));
  for (const TarRun& run : runs) {
    add(run.offset);
    add(run.length);
  }
  if (hole_at_end) {
    add(size);
    add(0);
  }
  lines.append(tar_format::PaddingOf(lines.size()), '\0');
  return lines;
}

}  // namespace driveroot::tar_sparse
