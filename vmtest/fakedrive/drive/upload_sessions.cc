// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/upload_sessions.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "driveroot/base/base64.h"
#include "vmtest/fakedrive/drive/json.h"
#include "vmtest/fakedrive/drive/secrets.h"
#include "vmtest/fakedrive/drive/times.h"
#include "vmtest/fakedrive/server/files.h"

namespace driveroot::fakedrive {
namespace {

constexpr int64_t kLifetimeMs = int64_t{7} * 24 * 3600 * 1000;

std::string Encode(const UploadSession& session) {
  rapidjson::Document document;
  JsonObject object(document.GetAllocator());
  object.Set("updateId", std::string_view(session.update_id))
      .Set("metadata", std::string_view(session.metadata))
      .Set("contentType", std::string_view(session.content_type))
      .Set("target", std::string_view(session.target))
      .Set("started", static_cast<uint64_t>(session.started_ms))
      .Set("doneId", std::string_view(session.done_id));
  if (session.total) object.Set("total", *session.total);
  return JsonText(object.Take());
}

std::optional<UploadSession> Decode(std::string name, std::string_view text) {
  const auto document = ParseJson(text);
  if (!document) return std::nullopt;
  UploadSession session;
  session.name = std::move(name);
  const std::pair<const char*, std::string*> strings[] = {
      {"updateId", &session.update_id},
      {"metadata", &session.metadata},
      {"contentType", &session.content_type},
      {"target", &session.target},
      {"doneId", &session.done_id}};
  for (const auto& [key, field] : strings) {
    auto value = MemberString(*document, key);
    if (!value) return std::nullopt;
    *field = *std::move(value);
  }
  const auto started = MemberNumber(*document, "started");
  if (!started) return std::nullopt;
  session.started_ms = static_cast<int64_t>(*started);
  session.total = MemberNumber(*document, "total");
  return session;
}

}  // namespace

Result<UploadSessions> UploadSessions::Open(const std::string& folder) {
  DRIVEROOT_RETURN_IF_ERROR(MakeFolder(folder));
  UploadSessions sessions(folder);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string path = entry.path().string();
    const std::string name = entry.path().stem().string();
    if (path.ends_with(".json")) {
      DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                                 ReadFile(path, kMaxSmallFileBytes));
      auto session = Decode(name, text);
      if (!session)
        return Fail(ErrorCode::kDataLoss,
                    path + " is damaged; remove it to give that upload up");
      sessions.sessions_.emplace(name, *std::move(session));
    } else if (path.ends_with(".data")) {
      const uint64_t size = entry.file_size(error);
      if (!error && truncate(path.c_str(), static_cast<off_t>(
                                               size - size % kChunkGrain)) != 0)
        return std::unexpected(Error::FromErrno(errno, "cannot cut " + path));
    } else {
      // Left by a process that was killed between writing and renaming.
      unlink(path.c_str());
    }
  }
  return sessions;
}

Result<UploadSession*> UploadSessions::Add(UploadSession session) {
  session.name = "AB" + Base64Url(RandomBytes(36));
  session.started_ms = NowMs();
  DRIVEROOT_RETURN_IF_ERROR(Save(session));
  const std::string name = session.name;
  return &sessions_.emplace(name, std::move(session)).first->second;
}

Status UploadSessions::Save(const UploadSession& session) const {
  return ReplaceFile(PathOf(session.name, ".json"), Encode(session), 0600);
}

UploadSession* UploadSessions::Find(const std::string& name) {
  const auto found = sessions_.find(name);
  if (found == sessions_.end()) return nullptr;
  if (NowMs() - found->second.started_ms > kLifetimeMs) {
    Remove(name);
    return nullptr;
  }
  return &found->second;
}

void UploadSessions::Remove(const std::string& name) {
  if (sessions_.erase(name) == 0) return;
  writers_.erase(name);
  unlink(PathOf(name, ".json").c_str());
  unlink(PathOf(name, ".data").c_str());
}

Result<ContentWriter*> UploadSessions::Data(const UploadSession& session) {
  auto found = writers_.find(session.name);
  if (found == writers_.end()) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        ContentWriter writer,
        ContentWriter::Open(PathOf(session.name, ".data")));
    found = writers_.emplace(session.name, std::move(writer)).first;
  }
  return &found->second;
}

Result<Content> UploadSessions::TakeContent(const UploadSession& session) {
  DRIVEROOT_ASSIGN_OR_RETURN(ContentWriter * writer, Data(session));
  Result<Content> content = writer->Finish();
  writers_.erase(session.name);
  return content;
}

}  // namespace driveroot::fakedrive
