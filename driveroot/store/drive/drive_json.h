// SPDX-License-Identifier: Apache-2.0
//
// The JSON of Drive: metadata that is sent, and answers that are checked member
// by member before anything believes them.
#ifndef DRIVEROOT_STORE_DRIVE_DRIVE_JSON_H_
#define DRIVEROOT_STORE_DRIVE_DRIVE_JSON_H_

#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/drive/drive_api.h"
#include "rapidjson/document.h"

namespace driveroot {

// The body of files.create.
std::string NewFileJson(const NewDriveFile& file);

// That of files.update, to change properties.
std::string PropertiesJson(const DrivePropertyChanges& changes);

// One file resource. kDataLoss when it has no usable id.
Result<DriveFile> ParseDriveFile(const rapidjson::Value& value);

struct DriveFilePage {
  std::vector<DriveFile> files;
  std::string next_page_token;  // empty on the last page
};
Result<DriveFilePage> ParseFileList(const rapidjson::Document& document);

// The answer of files.generateIds: exactly `count` ids.
Result<std::vector<std::string>> ParseGeneratedIds(
    const rapidjson::Document& document, int count);

Result<DriveQuota> ParseQuota(const rapidjson::Document& document);

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_DRIVE_JSON_H_
