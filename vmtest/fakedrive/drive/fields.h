// SPDX-License-Identifier: Apache-2.0
//
// The `fields` parameter: which parts of a JSON answer the client wants, e.g.
// "nextPageToken,files(id,name,owners/emailAddress)".
#ifndef VMTEST_FAKEDRIVE_DRIVE_FIELDS_H_
#define VMTEST_FAKEDRIVE_DRIVE_FIELDS_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "vmtest/fakedrive/drive/json.h"

namespace driveroot::fakedrive {

// A mask without children stands for everything below.
class FieldMask {
 public:
  // Nullopt if it is malformed or nested too deep.
  static std::optional<FieldMask> Parse(std::string_view text);

  // Leaves out of `value` what the mask does not name. Arrays are seen through.
  Json Apply(const Json& value, JsonAllocator& allocator) const;

  // The first name in the mask that is no field of what it stands under, where
  // `resource` says which: "file", "fileList", "about", "change",
  // "changeList". Nested objects of these are not looked into.
  std::optional<std::string> UnknownField(std::string_view resource) const;

 private:
  std::map<std::string, FieldMask> children_;

  friend class FieldMaskParser;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_FIELDS_H_
