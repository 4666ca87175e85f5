// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/hello/first_bytes.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace culvert {

namespace {

enum class Case : uint8_t { kExact, kAny };

struct Opening {
  std::string_view text;
  FirstBytes guess;
  Case letters = Case::kExact;
};

constexpr std::string_view kProxyV2("\r\n\r\n\0\r\nQUIT\n", 12);

/// The openings of common protocols. An entry matches if at least three bytes match. The first
/// match in the table wins.
constexpr Opening kOpenings[] = {
    {"GET ", FirstBytes::kHttp},
    {"POST ", FirstBytes::kHttp},
    {"HEAD ", FirstBytes::kHttp},
    {"PUT ", FirstBytes::kHttp},
    {"DELETE ", FirstBytes::kHttp},
    {"OPTIONS ", FirstBytes::kHttp},
    {"CONNECT ", FirstBytes::kHttp},
    {"TRACE ", FirstBytes::kHttp},
    {"PATCH ", FirstBytes::kHttp},
    {"PRI * HTTP", FirstBytes::kHttp2},
    {"REGISTER sip", FirstBytes::kSip},
    {"INVITE sip", FirstBytes::kSip},
    {"SSH-", FirstBytes::kSsh},
    {"PROXY ", FirstBytes::kProxyV1},
    {kProxyV2, FirstBytes::kProxyV2},
    {"EHLO ", FirstBytes::kSmtp, Case::kAny},
    {"HELO ", FirstBytes::kSmtp, Case::kAny},
    {"LHLO ", FirstBytes::kSmtp, Case::kAny},
    {"MAIL FROM:", FirstBytes::kSmtp, Case::kAny},
    {"CAPA\r\n", FirstBytes::kPop3, Case::kAny},
    {"STLS\r\n", FirstBytes::kPop3, Case::kAny},
    {"APOP ", FirstBytes::kPop3, Case::kAny},
    {"CAPABILITIES", FirstBytes::kNntp, Case::kAny},
    {"MODE READER", FirstBytes::kNntp, Case::kAny},
    {"AUTH TLS", FirstBytes::kFtp, Case::kAny},
    {"AUTH SSL", FirstBytes::kFtp, Case::kAny},
    {"FEAT\r\n", FirstBytes::kFtp, Case::kAny},
    {"USER ", FirstBytes::kFtpOrPop3, Case::kAny},
    {"CAP LS", FirstBytes::kIrc, Case::kAny},
    {"NICK ", FirstBytes::kIrc, Case::kAny},
    {"<?xml", FirstBytes::kXmpp},
    {"<stream:stream", FirstBytes::kXmpp},
    {"PING\r\n", FirstBytes::kRedis, Case::kAny},
    {"AMQP", FirstBytes::kAmqp},
    {std::string_view("\x03\x00\x00", 3), FirstBytes::kRdp},
};

bool fits(const Opening& opening, std::string_view text) {
  const size_t common = std::min(text.size(), opening.text.size());
  if (common < 3) return false;
  const std::string_view want = opening.text.substr(0, common), have = text.substr(0, common);
  return opening.letters == Case::kAny ? equalNoCase(have, want) : have == want;
}

/// True if `text` starts like an IMAP client: a tag, then a command, for example "a1 CAPABILITY".
bool isImap(std::string_view text) {
  const size_t blank = text.find(' ');
  if (blank == 0 || blank > 20 || !std::all_of(text.begin(), text.begin() + long(blank), isAlnum))
    return false;
  for (std::string_view command :
       {"CAPABILITY", "STARTTLS", "LOGIN ", "AUTHENTICATE ", "ID ", "NOOP"})
    if (equalNoCase(text.substr(blank + 1, command.size()), command)) return true;
  return false;
}

using Bytes = std::span<const uint8_t>;

bool hasAt(Bytes bytes, size_t offset, std::initializer_list<uint8_t> want) {
  return bytes.size() >= offset + want.size() &&
         std::equal(want.begin(), want.end(), bytes.begin() + long(offset));
}

/// True for an LDAPMessage with a bind, search or extended request. An LDAPMessage starts with a
/// SEQUENCE, an INTEGER of one byte, and the operation.
bool isLdap(Bytes bytes) {
  if (bytes[0] != 0x30 || bytes.size() < 2) return false;
  const size_t at = bytes[1] < 0x80 ? 2 : 2 + (bytes[1] & 0x7f);
  return hasAt(bytes, at, {0x02, 0x01}) &&
         (hasAt(bytes, at + 3, {0x60}) || hasAt(bytes, at + 3, {0x63}) ||
          hasAt(bytes, at + 3, {0x77}));
}

/// Recognizes PostgreSQL: a length, then a request code (for TLS or GSS) or the protocol version
/// 3.0.
FirstBytes guessPostgres(Bytes bytes) {
  if (bytes[0] != 0 || bytes[1] != 0) return FirstBytes::kUnknown;
  if (hasAt(bytes, 3, {0x08, 0x04, 0xd2, 0x16, 0x2f}) ||
      hasAt(bytes, 3, {0x08, 0x04, 0xd2, 0x16, 0x30}))
    return FirstBytes::kPostgresSslRequest;
  const bool cancels = hasAt(bytes, 3, {0x10, 0x04, 0xd2, 0x16, 0x2e});
  return cancels || hasAt(bytes, 4, {0x00, 0x03, 0x00, 0x00}) ? FirstBytes::kPostgres
                                                              : FirstBytes::kUnknown;
}

/// True for MongoDB: the length, request id and response id, then an opcode that opens a
/// connection.
bool isMongo(Bytes bytes) {
  return hasAt(bytes, 12, {0xdd, 0x07, 0, 0}) || hasAt(bytes, 12, {0xd4, 0x07, 0, 0});
}

bool isSocks(Bytes bytes) {
  return (bytes[0] == 5 && bytes[1] != 0 && bytes.size() == size_t(2) + bytes[1]) ||
         (bytes[0] == 4 && bytes[1] == 1 && bytes.size() >= 9);
}

FirstBytes guessBinary(Bytes bytes) {
  if (bytes.size() < 3) return FirstBytes::kUnknown;
  if (bytes[0] == 0xff && bytes[1] >= 0xfb && bytes[1] <= 0xfe && bytes[2] < 0x80)
    return FirstBytes::kTelnet;
  // An SSLv2 CLIENT-HELLO has two bytes of length with the high bit set, then message type 1.
  if ((bytes[0] & 0x80) != 0 && bytes[2] == 1) return FirstBytes::kSslv2;
  if (const FirstBytes found = guessPostgres(bytes); found != FirstBytes::kUnknown) return found;
  if (isMongo(bytes)) return FirstBytes::kMongo;
  if (isLdap(bytes)) return FirstBytes::kLdap;
  if (hasAt(bytes, 0, {0x12, 0x01, 0x00})) return FirstBytes::kTds;
  if (bytes[0] == 0x10 && (hasAt(bytes, 4, {'M', 'Q'}) || hasAt(bytes, 5, {'M', 'Q'})))
    return FirstBytes::kMqtt;
  if (isSocks(bytes)) return FirstBytes::kSocks;
  return FirstBytes::kUnknown;
}

struct Words {
  FirstBytes guess;
  std::string_view text;
};

#define TLS_FIRST "; TLS has to come first, culvert does not speak STARTTLS"

constexpr Words kWords[] = {
    {FirstBytes::kUnknown, "the first bytes are not TLS"},
    {FirstBytes::kHttp, "client speaks plain HTTP, not TLS"},
    {FirstBytes::kHttp2, "client speaks plain HTTP/2, not TLS"},
    {FirstBytes::kSip, "client speaks plain SIP, not TLS"},
    {FirstBytes::kSsh, "client speaks SSH, not TLS"},
    {FirstBytes::kSslv2, "client sends an SSLv2 hello, which no TLS service accepts"},
    {FirstBytes::kProxyV1,
     "client sends a PROXY protocol header (v1), not TLS; proxy-protocol is for the backend only"},
    {FirstBytes::kProxyV2,
     "client sends a PROXY protocol header (v2), not TLS; proxy-protocol is for the backend only"},
    {FirstBytes::kSmtp, "client speaks plain SMTP, not TLS" TLS_FIRST " (smtps)"},
    {FirstBytes::kImap, "client speaks plain IMAP, not TLS" TLS_FIRST " (imaps)"},
    {FirstBytes::kPop3, "client speaks plain POP3, not TLS" TLS_FIRST " (pop3s)"},
    {FirstBytes::kFtp, "client speaks plain FTP, not TLS" TLS_FIRST " (implicit ftps)"},
    {FirstBytes::kFtpOrPop3, "client speaks plain FTP or POP3, not TLS" TLS_FIRST},
    {FirstBytes::kNntp, "client speaks plain NNTP, not TLS" TLS_FIRST " (nntps)"},
    {FirstBytes::kIrc, "client speaks plain IRC, not TLS"},
    {FirstBytes::kXmpp, "client speaks plain XMPP, not TLS" TLS_FIRST " (direct TLS)"},
    {FirstBytes::kLdap, "client speaks plain LDAP, not TLS" TLS_FIRST " (ldaps)"},
    {FirstBytes::kPostgresSslRequest,
     "client sends PostgreSQL's SSLRequest, not TLS; TLS has to come first (sslnegotiation=direct, "
     "PostgreSQL 17)"},
    {FirstBytes::kPostgres, "client speaks PostgreSQL without TLS"},
    {FirstBytes::kTds, "client speaks TDS (SQL Server), not TLS"},
    {FirstBytes::kMongo, "client speaks MongoDB without TLS"},
    {FirstBytes::kRedis, "client speaks redis without TLS"},
    {FirstBytes::kAmqp, "client speaks AMQP without TLS"},
    {FirstBytes::kMqtt, "client speaks MQTT without TLS"},
    {FirstBytes::kSocks, "client speaks SOCKS, not TLS"},
    {FirstBytes::kTelnet, "client speaks Telnet, not TLS"},
    {FirstBytes::kRdp, "client speaks RDP, not TLS"},
    {FirstBytes::kNul, "client sends zero bytes, not TLS"},
    {FirstBytes::kText, "client sends plain text, not TLS"},
};

#undef TLS_FIRST

}  // namespace

FirstBytes guessFirstBytes(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const Opening& opening : kOpenings)
    if (fits(opening, text)) return opening.guess;
  if (const FirstBytes found = guessBinary(bytes); found != FirstBytes::kUnknown) return found;
  if (bytes[0] == 0) return FirstBytes::kNul;
  if (isImap(text)) return FirstBytes::kImap;
  if (text[0] == '*' && text.size() >= 2 && isDigit(text[1])) return FirstBytes::kRedis;
  const bool printable =
      (bytes[0] >= 0x20 && bytes[0] < 0x7f) || bytes[0] == '\r' || bytes[0] == '\n';
  return printable ? FirstBytes::kText : FirstBytes::kUnknown;
}

std::string_view firstBytesWords(FirstBytes guess) {
  for (const Words& one : kWords)
    if (one.guess == guess) return one.text;
  return kWords[0].text;
}

}  // namespace culvert
