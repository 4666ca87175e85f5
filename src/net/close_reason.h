// SPDX-License-Identifier: GPL-3.0-or-later
// CloseReason says why a tunnel ended. It has a cause from close_cause.def and an explanation as
// text. Streams and dialers report their failures as a CloseReason. Thread: any (values).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

enum class CloseCause : uint8_t {
#define CLOSE_CAUSE(ident, name, meaning) k##ident,
#include "net/close_cause.def"
#undef CLOSE_CAUSE
};

/// The names of the causes, indexed by CloseCause. CloseReason::word completes a name that ends in
/// ':'.
inline constexpr std::array kCloseCauseNames = {
#define CLOSE_CAUSE(ident, name, meaning) std::string_view(name),
#include "net/close_cause.def"
#undef CLOSE_CAUSE
};

struct CloseReason {
  CloseCause cause = CloseCause::kInternal;
  std::string word{};    ///< the text after a cause name that ends in ':'; otherwise empty
  std::string detail{};  ///< an explanation as text; may be empty

  /// The cause as logged, for example "client-fin" or "tls-sent:bad_record_mac".
  std::string text() const {
    return std::string(kCloseCauseNames[static_cast<size_t>(cause)]) + word;
  }
};

}  // namespace culvert
