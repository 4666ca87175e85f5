// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the steps of the dialogs whose protocols consist of messages and not of lines: LDAP, XMPP,
// PostgreSQL and MySQL. Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/words.h"
#include "starttls/dialog.h"

namespace culvert {

/// The first byte of a TLS record that carries a ClientHello. Byte 0 of no message of LDAP, XMPP
/// and PostgreSQL has this value, so culvert can tell TLS without STARTTLS from these protocols.
constexpr char kFirstByteOfTls = 0x16;

inline DialogStep messageStep(DialogStep::Next next, size_t consumed) {
  DialogStep step;
  step.next = next;
  step.consumed = consumed;
  return step;
}

inline DialogStep messageMore(size_t consumed) {
  return messageStep(DialogStep::Next::kMore, consumed);
}

inline DialogStep messageFail(DialogFault fault, std::string detail) {
  DialogStep step;
  step.next = DialogStep::Next::kFail;
  step.fault = fault;
  step.detail = std::move(detail);
  return step;
}

/// Makes a text of the peer fit for the log.
inline std::string messageQuote(std::string_view text) { return printable(text, 200); }

}  // namespace culvert
