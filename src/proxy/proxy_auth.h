// SPDX-License-Identifier: GPL-3.0-or-later
// The user name and the password with which culvert logs in at a proxy. culvert wipes the password
// from memory when its owner is destroyed. Thread: any (frozen after parsing).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace culvert {

/// Overwrites all memory that `text` holds, also behind its end, and makes the text empty. The
/// compiler cannot remove the overwriting as an optimisation.
void wipeText(std::string& text);

/// A text that is wiped when it is destroyed or moved. It cannot grow, because growing would leave
/// the old bytes in memory.
class WipedText {
 public:
  WipedText() = default;
  explicit WipedText(std::string_view text) : text_(text) {}
  /// Wipes `other`, because a move of std::string leaves a short text in the old object.
  WipedText(WipedText&& other) noexcept;
  WipedText& operator=(WipedText&& other) noexcept;
  ~WipedText() { wipeText(text_); }
  std::string_view view() const { return text_; }

 private:
  std::string text_;
};

class ProxyCredentials {
 public:
  /// RFC 1929 section 2: both have 1 to 255 bytes.
  static constexpr size_t kLongest = 255;

  /// Reads the text of via-auth-file: one line `USER:PASSWORD`. Empty lines, and lines that start
  /// with '#', are ignored. The user cannot contain a ':', but the password can. Blanks belong to
  /// the user and to the password. The error names the line, and never quotes it.
  static Result<ProxyCredentials> parse(std::string_view fileText);

  std::string_view user() const { return user_.view(); }
  std::string_view password() const { return password_.view(); }

 private:
  ProxyCredentials(std::string_view user, std::string_view password)
      : user_(user), password_(password) {}
  WipedText user_;
  WipedText password_;
};

}  // namespace culvert
