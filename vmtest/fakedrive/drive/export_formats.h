// SPDX-License-Identifier: Apache-2.0
//
// What Google's own documents can be exported as, and imported from: the part
// of about.exportFormats and about.importFormats that clients use.
#ifndef VMTEST_FAKEDRIVE_DRIVE_EXPORT_FORMATS_H_
#define VMTEST_FAKEDRIVE_DRIVE_EXPORT_FORMATS_H_

#include <map>
#include <string_view>
#include <vector>

namespace driveroot::fakedrive {

using Formats = std::map<std::string_view, std::vector<std::string_view>>;

// By the type of the document, e.g. "application/vnd.google-apps.document".
const Formats& AllExportFormats();
// None for other types.
const std::vector<std::string_view>& ExportFormats(std::string_view mime_type);

// By the type of the bytes that are imported.
const Formats& AllImportFormats();

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_EXPORT_FORMATS_H_
