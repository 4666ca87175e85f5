// SPDX-License-Identifier: GPL-3.0-or-later
// Describes the errors of wolfSSL in a session: the name for the log, the text, the alert to send,
// and what the caller must do next. The table is tls_error.def. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

/// Returns the short stable name of a wolfSSL error ("bad-record", "no-common-suite", ...), for
/// `cause=tls-error:<name>`.
std::string_view tlsErrorName(int wolfError);
/// Returns a sentence about the error. The sentence comes from the table or, if the table has no
/// entry, from wolfSSL's text and number.
std::string tlsErrorText(int wolfError);

/// Returns the fatal alert that RFC 8446 6.2 requires after this error. Returns nothing if no alert
/// is needed, for example after want-read or if the peer has closed.
std::optional<uint8_t> alertForError(int wolfError);

/// Sorts a wolfSSL error by what the caller must do next: wait, end cleanly, or fail.
enum class TlsEvent : uint8_t { kWantRead, kWantWrite, kCleanEnd, kTruncated, kReset, kFailed };
TlsEvent classifyError(int wolfError);

}  // namespace culvert
