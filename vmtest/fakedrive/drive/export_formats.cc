// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/export_formats.h"

namespace driveroot::fakedrive {
namespace {

#define GOOGLE_APPS "application/vnd.google-apps."
#define OPEN_XML "application/vnd.openxmlformats-officedocument."
#define OPEN_DOCUMENT "application/vnd.oasis.opendocument."

constexpr std::string_view kDocument = GOOGLE_APPS "document";
constexpr std::string_view kSpreadsheet = GOOGLE_APPS "spreadsheet";
constexpr std::string_view kPresentation = GOOGLE_APPS "presentation";
constexpr std::string_view kDrawing = GOOGLE_APPS "drawing";
constexpr std::string_view kScript = GOOGLE_APPS "script";

constexpr std::string_view kDocx = OPEN_XML "wordprocessingml.document";
constexpr std::string_view kXlsx = OPEN_XML "spreadsheetml.sheet";
constexpr std::string_view kPptx = OPEN_XML "presentationml.presentation";

}  // namespace

const Formats& AllExportFormats() {
  static const Formats kFormats = {
      {kDocument,
       {kDocx, OPEN_DOCUMENT "text", "application/rtf", "application/pdf",
        "text/plain", "text/html", "text/markdown", "application/zip",
        "application/epub+zip"}},
      {kSpreadsheet,
       {kXlsx, OPEN_DOCUMENT "spreadsheet", "application/pdf",
        "application/zip", "text/csv", "text/tab-separated-values"}},
      {kPresentation,
       {kPptx, OPEN_DOCUMENT "presentation", "application/pdf", "text/plain"}},
      {kDrawing,
       {"image/png", "image/jpeg", "image/svg+xml", "application/pdf"}},
      {kScript, {GOOGLE_APPS "script+json"}}};
  return kFormats;
}

const std::vector<std::string_view>& ExportFormats(std::string_view mime_type) {
  static const std::vector<std::string_view> kNone;
  const auto found = AllExportFormats().find(mime_type);
  return found == AllExportFormats().end() ? kNone : found->second;
}

const Formats& AllImportFormats() {
  static const Formats kFormats = {
      {"text/plain", {kDocument}},
      {"text/html", {kDocument}},
      {"text/markdown", {kDocument}},
      {"application/rtf", {kDocument}},
      {kDocx, {kDocument}},
      {OPEN_DOCUMENT "text", {kDocument}},
      {"text/csv", {kSpreadsheet}},
      {"text/tab-separated-values", {kSpreadsheet}},
      {kXlsx, {kSpreadsheet}},
      {OPEN_DOCUMENT "spreadsheet", {kSpreadsheet}},
      {kPptx, {kPresentation}},
      {OPEN_DOCUMENT "presentation", {kPresentation}},
      {GOOGLE_APPS "script+json", {kScript}}};
  return kFormats;
}

}  // namespace driveroot::fakedrive
