// SPDX-License-Identifier: Apache-2.0
//
// A token or a client secret: text that must never reach a log, an error, a
// command line or a core dump. There is no stream operator and no conversion;
// reveal() is the one way to the text, so that each use is easy to find. The
// memory is wiped when the value goes away.
//
// Thread-safety: as std::string.
#ifndef DRIVEROOT_NET_SECRET_H_
#define DRIVEROOT_NET_SECRET_H_

#include <string.h>

#include <string>
#include <string_view>
#include <utility>

namespace driveroot {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : text_(text) {}
  Secret(const Secret& other) = default;
  // A short string lives inside the object, so a move is a copy and a wipe.
  Secret(Secret&& other) noexcept : text_(other.text_) { other.Wipe(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      Wipe();
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      *this = static_cast<const Secret&>(other);
      other.Wipe();
    }
    return *this;
  }
  ~Secret() { Wipe(); }

  std::string_view reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret& other) const = default;

 private:
  void Wipe() {
    explicit_bzero(text_.data(), text_.size());
    text_.clear();
  }

  std::string text_;
};

// Wipes a text that held a secret on its way, e.g. the body of a token reply.
inline void WipeText(std::string* text) {
  explicit_bzero(text->data(), text->size());
  text->clear();
}

}  // namespace driveroot

#endif  // DRIVEROOT_NET_SECRET_H_
