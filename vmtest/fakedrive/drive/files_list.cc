// SPDX-License-Identifier: Apache-2.0
//
// files.list: filter, order, pages.
//
// A page token holds the place of the last entry in the order, so that pages
// stay right when files come and go in between, and needs no memory on this
// side; it is sealed, tied to its query and order, and good for six hours.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "driveroot/base/base64.h"
#include "vmtest/fakedrive/drive/files_api.h"
#include "vmtest/fakedrive/drive/metadata.h"
#include "vmtest/fakedrive/drive/query.h"
#include "vmtest/fakedrive/drive/times.h"

namespace driveroot::fakedrive {
namespace {

constexpr int64_t kTokenLifetimeMs = int64_t{6} * 3600 * 1000;

struct OrderKey {
  std::string name;
  bool descending = false;
};

// A file's place: a sortable text per key, then the id.
using Place = std::vector<std::string>;

struct Entry {
  const FileRecord* record;
  Place place;
};

ApiResult<std::vector<OrderKey>> ParseOrder(const Target& target) {
  constexpr std::array<std::string_view, 11> kNames = {
      "createdTime",    "folder",        "modifiedByMeTime",
      "modifiedTime",   "name",          "name_natural",
      "quotaBytesUsed", "recency",       "sharedWithMeTime",
      "starred",        "viewedByMeTime"};
  const std::string* text = target.Parameter("orderBy");
  if (text == nullptr || text->empty())
    return std::vector<OrderKey>{{"modifiedTime", true}};
  std::vector<OrderKey> keys;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(','), rest.size());
    std::string_view key = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (key.starts_with(' ')) key.remove_prefix(1);
    while (key.ends_with(' ')) key.remove_suffix(1);
    const bool descending = key.ends_with(" desc");
    if (descending) key.remove_suffix(5);
    if (!descending && key.ends_with(" asc")) key.remove_suffix(4);
    if (std::ranges::count(kNames, key) == 0)
      return std::unexpected(InvalidParameter("orderBy", "Invalid Value"));
    if (std::ranges::find(keys, key, &OrderKey::name) != keys.end())
      return std::unexpected(
          Forbidden("forbidden", "Duplicate sort key: " + std::string(key)));
    keys.push_back({std::string(key), descending});
  }
  return keys;
}

std::string Sortable(int64_t number) {
  std::string digits =
      std::to_string(static_cast<uint64_t>(number) ^ (uint64_t{1} << 63));
  return std::string(20 - digits.size(), '0') + digits;
}

// Sorts numbers within names by their value: "file9" before "file10". Each run
// of digits becomes its length and itself, without leading zeros.
std::string NaturalKey(std::string_view name) {
  const std::string lower = AsciiLower(name);
  std::string key;
  for (size_t i = 0; i < lower.size();) {
    size_t end = i;
    while (end < lower.size() && lower[end] >= '0' && lower[end] <= '9') ++end;
    if (end == i) {
      key += lower[i++];
      continue;
    }
    while (i + 1 < end && lower[i] == '0') ++i;
    // A name has at most 255 characters or so; a longer run still sorts after
    // all shorter ones.
    key += '0';
    key += static_cast<char>(std::min<size_t>(end - i, 127));
    key.append(lower, i, end - i);
    i = end;
  }
  return key;
}

std::string KeyOf(const FileRecord& record, std::string_view key) {
  if (key == "name") return AsciiLower(record.name);
  if (key == "name_natural") return NaturalKey(record.name);
  if (key == "folder") return record.is_folder() ? "0" : "1";
  if (key == "starred") return record.starred ? "0" : "1";
  if (key == "createdTime") return Sortable(record.created_ms);
  if (key == "quotaBytesUsed")
    return Sortable(static_cast<int64_t>(record.size));
  if (key == "sharedWithMeTime") return "";
  return Sortable(record.modified_ms);
}

bool Before(const Place& left, const Place& right,
            const std::vector<OrderKey>& keys) {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (left[i] == right[i]) continue;
    return (left[i] < right[i]) != keys[i].descending;
  }
  return left.back() < right.back();
}

std::string QueryDigest(const Target& target) {
  std::string text;
  for (const char* name : {"q", "orderBy", "spaces"}) {
    const std::string* value = target.Parameter(name);
    text += (value != nullptr ? *value : "") + '\0';
  }
  return Base64Url(Sha256(text));
}

std::string MakePageToken(const World& world, const Target& target,
                          const Place& place) {
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  Json parts(rapidjson::kArrayType);
  for (const std::string& part : place)
    parts.PushBack(JsonString(part, allocator), allocator);
  JsonObject object(allocator);
  object.Set("place", std::move(parts))
      .Set("query", std::string_view(QueryDigest(target)))
      .Set("expires", static_cast<uint64_t>(NowMs() + kTokenLifetimeMs));
  return "~!!~" + world.account->sealer().Seal("page", JsonText(object.Take()));
}

std::optional<Place> ReadPageToken(const World& world, const Target& target,
                                   std::string_view token, size_t keys) {
  if (!token.starts_with("~!!~")) return std::nullopt;
  const auto text = world.account->sealer().Open("page", token.substr(4));
  const auto document = text ? ParseJson(*text) : std::nullopt;
  if (!document) return std::nullopt;
  const Json* parts = Member(*document, "place");
  if (MemberString(*document, "query") != QueryDigest(target) ||
      static_cast<int64_t>(MemberNumber(*document, "expires").value_or(0)) <
          NowMs() ||
      parts == nullptr || !parts->IsArray() || parts->Size() != keys + 1)
    return std::nullopt;
  Place place;
  for (const Json& part : parts->GetArray()) {
    if (!part.IsString()) return std::nullopt;
    place.emplace_back(JsonView(part));
  }
  return place;
}

class Lister {
 public:
  Lister(const World& world, const Call& call, const Query& query,
         const std::vector<OrderKey>& keys)
      : world_(world), query_(query), keys_(keys) {
    uint64_t lag_ms = query.looks_at_names() ? world.settings->name_lag_ms : 0;
    if (call.fault.kind == FaultAction::Kind::kStaleList)
      lag_ms = std::max(lag_ms, call.fault.ms);
    if (lag_ms > 0) youngest_ms_ = NowMs() - static_cast<int64_t>(lag_ms);
  }

  std::vector<Entry> Collect() {
    const std::string parent = ResolveId(*world_.account, query_.parent());
    if (parent.empty()) {
      for (const auto& [id, record] : world_.files->all()) Consider(record);
    } else {
      for (const std::string& id : world_.files->Children(parent))
        Consider(*world_.files->Find(id));
    }
    std::ranges::sort(entries_, [&](const Entry& left, const Entry& right) {
      return Before(left.place, right.place, keys_);
    });
    return std::move(entries_);
  }

 private:
  void Consider(const FileRecord& now) {
    static const std::string kOwner(kUserEmail);
    if (now.deleted || now.parent.empty() || now.created_ms > youngest_ms_)
      return;
    const FileRecord& record = world_.files->AsOf(now, youngest_ms_);
    if (!query_.Matches({.record = record,
                         .trashed = world_.files->IsTrashed(record),
                         .root_id = world_.account->root_id(),
                         .owner = kOwner}))
      return;
    Entry entry{.record = &record, .place = {}};
    for (const OrderKey& key : keys_)
      entry.place.push_back(KeyOf(record, key.name));
    entry.place.push_back(record.id);
    entries_.push_back(std::move(entry));
  }

  const World& world_;
  const Query& query_;
  const std::vector<OrderKey>& keys_;
  int64_t youngest_ms_ = INT64_MAX;
  std::vector<Entry> entries_;
};

}  // namespace

ApiResult<Response> ListFiles(const World& world, const Call& call) {
  const auto page_size = PageSizeParameter(call.target);
  if (!page_size) return std::unexpected(page_size.error());
  const auto keys = ParseOrder(call.target);
  if (!keys) return std::unexpected(keys.error());
  const std::string* q = call.target.Parameter("q");
  const auto query = Query::Parse(q != nullptr ? *q : "");
  if (!query) return std::unexpected(InvalidParameter("q", "Invalid Value"));
  const std::string* token = call.target.Parameter("pageToken");
  std::optional<Place> after;
  if (token != nullptr && !token->empty()) {
    after = ReadPageToken(world, call.target, *token, keys->size());
    if (!after)
      return std::unexpected(InvalidParameter("pageToken", "Invalid Value"));
  }
  std::vector<Entry> entries;
  const std::string* spaces = call.target.Parameter("spaces");
  if (spaces == nullptr || spaces->find("drive") != std::string::npos)
    entries = Lister(world, call, *query, *keys).Collect();

  auto next = entries.begin();
  if (after)
    next = std::ranges::find_if(entries, [&](const Entry& entry) {
      return Before(*after, entry.place, *keys);
    });
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  Json files(rapidjson::kArrayType);
  JsonObject list(allocator);
  const auto end =
      next + std::min<std::ptrdiff_t>(entries.end() - next,
                                      static_cast<std::ptrdiff_t>(*page_size));
  for (; next != end; ++next) {
    const FileRecord& record = *next->record;
    files.PushBack(
        FileResource(record, ContextOf(world, call, record), allocator),
        allocator);
    if (files.Size() == 1 &&
        call.fault.kind == FaultAction::Kind::kDuplicateEntries)
      files.PushBack(Json(files[0], allocator), allocator);
  }
  list.Set("kind", "drive#fileList").Set("incompleteSearch", false);
  if (end != entries.end())
    list.Set("nextPageToken",
             MakePageToken(world, call.target, std::prev(end)->place));
  list.Set("files", std::move(files));
  return MaskedResponse(
      call, "fileList",
      "kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType)",
      list.Take());
}

}  // namespace driveroot::fakedrive
