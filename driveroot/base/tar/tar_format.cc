// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/tar/tar_format.h"

#include <algorithm>
#include <charconv>

namespace driveroot::tar_format {
namespace {

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(ErrorCode::kDataLoss,
              "damaged tar archive: " + std::string(what));
}

Result<int64_t> ParseBase256(std::string_view bytes) {
  const bool negative = (bytes[0] & 0x40) != 0;
  // Two's complement, without the marker bit at the top.
  uint64_t value = negative ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    auto byte = static_cast<uint8_t>(bytes[i]);
    if (i == 0) byte = negative ? byte : byte & 0x7f;
    const uint8_t lost = static_cast<uint8_t>(value >> 56);
    if (lost != (negative ? 0xff : 0)) return Malformed("a number is too big");
    value = value << 8 | byte;
  }
  const auto number = static_cast<int64_t>(value);
  if ((number < 0) != negative) return Malformed("a number is too big");
  return number;
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string_view TextOf(std::string_view header, Field field) {
  const std::string_view text = header.substr(field.offset, field.size);
  return text.substr(0, text.find('\0'));
}

Result<int64_t> NumberOf(std::string_view header, Field field) {
  const std::string_view raw = header.substr(field.offset, field.size);
  if ((static_cast<uint8_t>(raw[0]) & 0x80) != 0) return ParseBase256(raw);
  const std::string_view digits = Trim(TextOf(header, field));
  // At most 12 octal digits: 36 bits cannot overflow.
  int64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '7') return Malformed("a header's number is not octal");
    value = value * 8 + (c - '0');
  }
  return value;
}

uint32_t ChecksumOf(std::string_view header) {
  uint32_t sum = 0;
  for (size_t i = 0; i < kBlockSize; ++i) {
    const bool own =
        i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    sum += own ? uint8_t{' '} : static_cast<uint8_t>(header[i]);
  }
  return sum;
}

int32_t SignedChecksumOf(std::string_view header) {
  int32_t sum = 0;
  for (size_t i = 0; i < kBlockSize; ++i) {
    const bool own =
        i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    sum += own ? int8_t{' '} : static_cast<int8_t>(header[i]);
  }
  return sum;
}

Status ParsePaxRecords(std::string_view text, Records* records) {
  while (!text.empty()) {
    size_t length = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), length);
    const auto digits = static_cast<size_t>(end - text.data());
    if (error != std::errc() || digits >= text.size() || *end != ' ' ||
        length > text.size() || length < digits + 2 ||
        text[length - 1] != '\n') {
      return Malformed("a pax record's length is wrong");
    }
    const std::string_view record =
        text.substr(digits + 1, length - digits - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Malformed("a pax record has no keyword");
    }
    const std::string key(record.substr(0, equals));
    const std::string_view value = record.substr(equals + 1);
    // An attribute with an empty value exists; an empty standard record takes
    // the header's own value back.
    if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
      // Once for each run of a sparse file: gathered as PAX 0.1 has them.
      std::string& map = (*records)["GNU.sparse.map"];
      if (!map.empty()) map += ',';
      map += value;
    } else if (value.empty() && !key.starts_with(kXattrPrefix)) {
      records->erase(key);
    } else {
      (*records)[key] = std::string(value);
    }
    text.remove_prefix(length);
  }
  return {};
}

std::string FormatPaxRecord(std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest;
  // The length's own digits count; two rounds settle a carry.
  for (int round = 0; round < 2; ++round) {
    length = rest + std::to_string(length).size();
  }
  std::string record = std::to_string(length);
  record += ' ';
  record += key;
  record += '=';
  record += value;
  record += '\n';
  return record;
}

Result<TarTime> ParsePaxTime(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t dot = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, dot);
  std::string_view fraction =
      dot < text.size() ? text.substr(dot + 1) : std::string_view();
  int64_t seconds = 0;
  const auto [end, error] =
      std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
  if (error != std::errc() || end != whole.data() + whole.size() ||
      seconds < 0 ||
      fraction.find_first_not_of("0123456789") != std::string_view::npos) {
    return Malformed("a pax time is not a number");
  }
  fraction = fraction.substr(0, 9);
  uint32_t nanoseconds = 0;
  for (size_t i = 0; i < 9; ++i) {
    const uint32_t digit =
        i < fraction.size() ? static_cast<uint32_t>(fraction[i] - '0') : 0;
    nanoseconds = nanoseconds * 10 + digit;
  }
  if (!negative) return TarTime{seconds, nanoseconds};
  if (nanoseconds == 0) return TarTime{-seconds, 0};
  return TarTime{-seconds - 1, 1'000'000'000 - nanoseconds};
}

std::string FormatPaxTime(TarTime time) {
  std::string text;
  int64_t seconds = time.seconds;
  uint32_t nanoseconds = time.nanoseconds;
  if (seconds < 0) {
    text = "-";
    if (nanoseconds != 0) {
      seconds += 1;
      nanoseconds = 1'000'000'000 - nanoseconds;
    }
  }
  // Unsigned, since the smallest int64_t has no positive counterpart.
  const uint64_t magnitude = seconds < 0 ? uint64_t{0} - uint64_t(seconds)
                                         : static_cast<uint64_t>(seconds);
  text += std::to_string(magnitude);
  if (nanoseconds != 0) {
    std::string digits = std::to_string(nanoseconds);
    digits.insert(0, 9 - digits.size(), '0');
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text;
}

Result<uint64_t> ParsePaxNumber(std::string_view key, std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Malformed("pax record " + std::string(key) + " is not a number");
  }
  return value;
}

std::string EscapeXattrName(std::string_view name) {
  std::string keyword;
  for (const char c : name) {
    if (c == '=') {
      keyword += "%3D";
    } else if (c == '%') {
      keyword += "%25";
    } else {
      keyword += c;
    }
  }
  return keyword;
}

std::string UnescapeXattrName(std::string_view keyword) {
  std::string name;
  for (size_t i = 0; i < keyword.size(); ++i) {
    if (keyword[i] == '%' && i + 2 < keyword.size()) {
      const int high = HexDigit(keyword[i + 1]);
      const int low = HexDigit(keyword[i + 2]);
      const int byte = high * 16 + low;
      // Other escapes are none: the writer makes these two alone.
      if (high >= 0 && low >= 0 && (byte == '=' || byte == '%')) {
        name += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    name += keyword[i];
  }
  return name;
}

}  // namespace driveroot::tar_format
