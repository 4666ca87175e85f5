// SPDX-License-Identifier: GPL-3.0-or-later
// Enumerations for options with a fixed set of values. The names of the values are in
// option_table.cc. The modules that implement these options use the same enumerations. Thread: any
// (values).
#pragma once

#include <cstdint>
#include <string_view>

namespace culvert {

/// culvert replaces kAuto before it opens the log: a daemon logs to syslog, any other process to
/// stderr.
enum class LogTarget : uint8_t { kAuto, kSyslog, kStderr, kStdout, kFile };
enum class LogFormat : uint8_t { kText, kJson };
enum class ProxyVersion : uint8_t { kOff, kV1, kV2 };
enum class StapleMode : uint8_t {
  kOff,
  kAuto,   ///< use a response file; also fetch for a certificate that requires stapling
  kFile,   ///< use only a response file
  kFetch,  ///< use a response file; fetch if the file is missing or expires soon
};
enum class VerifyClient : uint8_t { kOff, kOptional, kRequired };
enum class RevokedEnd : uint8_t { kClose, kKeep };
enum class TruncationEnd : uint8_t { kReset, kFin };
/// Whether a PROXY header precedes the bytes of a client.
enum class AcceptProxy : uint8_t { kOff, kRequired, kOptional };
/// How culvert orders the addresses of a service's backends.
enum class Balance : uint8_t { kFirst, kRoundRobin, kLeast, kRandom2, kSourceHash };
/// How culvert checks whether a backend works.
enum class HealthCheck : uint8_t { kOff, kTcp, kTls, kSend, kHttp, kRedis, kPgsql, kSmtp };
/// What happens to clients of a service while all its backends are down.
enum class WhenDown : uint8_t { kWait, kReject, kUnlisten };
/// What the process needs to be ready for clients.
enum class ReadyNeeds : uint8_t { kListeners, kBackends };
/// Where a client comes from: the same host, or another one.
enum class SourceType : uint8_t { kAny, kLocal, kExternal };
/// Whether a connection begins with a TLS ClientHello.
enum class MatchTransport : uint8_t { kAny, kTls, kRaw };
/// What a service does with TLS at the client's end.
enum class ClientTls : uint8_t { kOn, kOff, kPassthrough };
/// The protocol in which a connection changes from plain text to TLS.
enum class StartTls : uint8_t {
  kOff,
  kSmtp,
  kLmtp,
  kImap,
  kPop3,
  kSieve,
  kFtp,
  kNntp,
  kLdap,
  kXmpp,
  kPgsql,
  kMysql,
};
/// As in the configuration, in the order of StartTls.
inline constexpr std::string_view kStartTlsNames[] = {"off",  "smtp",  "lmtp",  "imap",
                                                      "pop3", "sieve", "ftp",   "nntp",
                                                      "ldap", "xmpp",  "pgsql", "mysql"};

}  // namespace culvert
