// SPDX-License-Identifier: GPL-3.0-or-later
// Reads and writes the messages of PostgreSQL's protocol that come before and at authentication
// (PostgreSQL documentation, "Message Flow" and "Message Formats"). Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

/// A client sends SSLRequest and GSSENCRequest once each. This leaves room for retries.
constexpr unsigned kPgsqlMostRequests = 4;

/// What a packet without a type byte asks for: its first field behind the length.
enum class PgsqlStart : uint8_t { kStartup, kSsl, kGss, kCancel };

enum class PgsqlRead : uint8_t {
  kMore,   ///< the message is not complete
  kWhole,  ///< the message is filled
  kBad,    ///< the bytes are not such a message
};

struct PgsqlStartPacket {
  PgsqlStart kind = PgsqlStart::kStartup;
  size_t size = 0;  ///< of the whole packet, in bytes
};
/// Reads the start packet at the front of `bytes`. Its size may be larger than `bytes` has:
/// kWhole says that length and code are there.
PgsqlRead readPgsqlStart(std::string_view bytes, PgsqlStartPacket& packet);

/// Returns an ErrorResponse of severity FATAL.
std::string pgsqlError(std::string_view sqlState, std::string_view message);

/// Reads the message text (field M) of an ErrorResponse, whose fields begin at `fields`.
std::string_view pgsqlErrorText(std::string_view fields);

/// Returns the body of an AuthenticationSASL message (a list of names) without the mechanisms that
/// need channel binding. `list` is what follows the code 10.
std::string pgsqlWithoutPlus(std::string_view list);

}  // namespace culvert
