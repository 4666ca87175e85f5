// SPDX-License-Identifier: GPL-3.0-or-later
// The errors of wolfSSL that a session can meet: their names for the log, their sentences, the alert
// that each requires, and what the caller does next. The table is tls_error.def. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

/// A short stable name of a wolfSSL error ("record-mac", "no-common-suite", ...), for
/// `cause=tls-error:<name>`.
std::string_view tlsErrorName(int wolfError);
/// A sentence for it, ours where we have one, else the library's words and number.
std::string tlsErrorText(int wolfError);

/// The fatal alert that RFC 8446 6.2 asks for after this error, or nothing where none must be sent
/// (want-read, peer gone).
std::optional<uint8_t> alertForError(int wolfError);

/// A wolfSSL error by what the caller does next: wait, end cleanly, or fail.
enum class TlsEvent : uint8_t { kWantRead, kWantWrite, kCleanEnd, kTruncated, kReset, kFailed };
TlsEvent classifyError(int wolfError);

}  // namespace culvert
