// SPDX-License-Identifier: GPL-3.0-or-later
// CloseReason: the one word out of the closed list that says why a tunnel ended, with words for a
// person beside it. close_reason.def is the list. Thread: any (values).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/byte_stream.h"

namespace culvert {

enum class CloseCause : uint8_t {
#define X(ident, name, meaning) k##ident,
#include "tunnel/close_reason.def"
#undef X
};

/// Indexed by CloseCause; names that take a word end in ':'.
inline constexpr std::array kCloseCauseNames = {
#define X(ident, name, meaning) std::string_view(name),
#include "tunnel/close_reason.def"
#undef X
};

struct CloseReason {
  CloseCause cause = CloseCause::kInternal;
  std::string word{};    ///< what completes a name that ends in ':'
  std::string detail{};  ///< for a person; may be empty

  /// As it stands in the log: "client-fin", "tls-sent:bad_record_mac".
  std::string text() const {
    return std::string(kCloseCauseNames[static_cast<size_t>(cause)]) + word;
  }
};

/// The reason behind a stream's failure; an unknown cause is kInternal (a bug).
CloseReason reasonOf(const StreamFailure& failure);

}  // namespace culvert
