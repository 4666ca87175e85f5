// SPDX-License-Identifier: GPL-3.0-or-later
#include "starttls/pgsql_messages.h"

#include <array>

#include "base/big_endian.h"
#include "base/bytes.h"

namespace culvert {
namespace {

// The codes in place of a version (src/include/libpq/pqcomm.h of PostgreSQL).
constexpr uint32_t kPgsqlCancelCode = 80877102, kPgsqlSslCode = 80877103, kPgsqlGssCode = 80877104;
constexpr uint32_t kPgsqlShortest = 8;
// MAX_STARTUP_PACKET_LENGTH of PostgreSQL.
constexpr uint32_t kPgsqlLongest = 10000;
// A CancelRequest has a key of 4 bytes, and of up to 256 bytes since version 3.2 of the protocol.
constexpr uint32_t kPgsqlShortestCancel = 16, kPgsqlLongestCancel = 12 + 256;

void appendPgsqlField(std::string& out, char type, std::string_view text) {
  out.push_back(type);
  out.append(text);
  out.push_back('\0');
}

/// Takes a text that ends with NUL. An unterminated text is taken whole.
std::string_view takePgsqlText(std::string_view& rest) {
  const size_t end = rest.find('\0');
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return text;
}

}  // namespace

PgsqlRead readPgsqlStart(std::string_view bytes, PgsqlStartPacket& packet) {
  // The longest length is below 65536, so any other first byte is wrong at once.
  if (!bytes.empty() && bytes[0] != 0) return PgsqlRead::kBad;
  if (bytes.size() < 4) return PgsqlRead::kMore;
  const uint32_t length = u32At(asBytes(bytes), 0);
  if (length < kPgsqlShortest || length > kPgsqlLongest) return PgsqlRead::kBad;
  if (bytes.size() < 8) return PgsqlRead::kMore;
  const uint32_t code = u32At(asBytes(bytes), 4);
  packet.size = length;
  bool good = false;
  switch (code) {
    case kPgsqlSslCode:
      packet.kind = PgsqlStart::kSsl;
      good = length == kPgsqlShortest;
      break;
    case kPgsqlGssCode:
      packet.kind = PgsqlStart::kGss;
      good = length == kPgsqlShortest;
      break;
    case kPgsqlCancelCode:
      packet.kind = PgsqlStart::kCancel;
      good = length >= kPgsqlShortestCancel && length <= kPgsqlLongestCancel;
      break;
    default:  // the major version is in the high half
      packet.kind = PgsqlStart::kStartup;
      good = code >> 16 == 3;
  }
  return good ? PgsqlRead::kWhole : PgsqlRead::kBad;
}

std::string pgsqlError(std::string_view sqlState, std::string_view message) {
  std::string fields;
  appendPgsqlField(fields, 'S', "FATAL");
  appendPgsqlField(fields, 'V', "FATAL");
  appendPgsqlField(fields, 'C', sqlState);
  appendPgsqlField(fields, 'M', message);
  fields.push_back('\0');
  std::array<uint8_t, 4> length{};
  putBigEndian(length.size() + fields.size(), length);
  return std::string("E").append(asText(length)).append(fields);
}

std::string_view pgsqlErrorText(std::string_view fields) {
  while (!fields.empty() && fields[0] != '\0') {
    const char type = fields[0];
    fields.remove_prefix(1);
    const std::string_view text = takePgsqlText(fields);
    if (type == 'M') return text;
  }
  return {};
}

std::string pgsqlWithoutPlus(std::string_view list) {
  std::string kept;
  while (!list.empty() && list[0] != '\0') {
    const std::string_view name = takePgsqlText(list);
    if (!name.ends_with("-PLUS")) kept.append(name).push_back('\0');
  }
  kept.push_back('\0');
  return kept;
}

}  // namespace culvert
