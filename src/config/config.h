// SPDX-License-Identifier: GPL-3.0-or-later
// The effective configuration as plain values, from which the server is built. Each field has one
// entry in options.def, which gives its key, default, range and text. culvert also compares
// configurations with that table. Thread: frozen once loaded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/choices.h"
#include "base/clock.h"
#include "config/diagnostics.h"

namespace culvert {

/// One item of a list option with its origin, so that a later phase (loading the certificate,
/// binding the address) can still report FILE:LINE. Two items are equal if their texts are equal;
/// origins are not compared.
struct SourcedText {
  std::string text;
  Origin origin;
  friend bool operator==(const SourcedText& a, const SourcedText& b) { return a.text == b.text; }
};
using SourcedList = std::vector<SourcedText>;

/// `log = auto|syslog|stderr|stdout|file:PATH`; auto is stderr in the foreground and syslog with
/// --daemon.
struct LogPlace {
  LogTarget sink = LogTarget::kAuto;
  std::string path;  ///< kFile only
  bool operator==(const LogPlace&) const = default;
};

/// The common part of GlobalOptions and ServiceOptions: the origin of each value that was given.
struct OptionSet {
  std::map<std::string, Origin, std::less<>> origins;  ///< by key; for a list, of its first item
  std::vector<std::string> inherited;                  ///< keys with a value from [defaults]
  Origin sectionOrigin;  ///< the section's header, or the override that made the section

  /// Returns the origin of the key's value, or the origin "default" if the key was not given.
  const Origin& originOf(std::string_view key) const;
  bool isInherited(std::string_view key) const;
};

struct GlobalOptions : OptionSet {
  unsigned workers = 0;  ///< 0 = auto: the CPUs that this process may use
  LogPlace log;
  int logLevel = 6;  ///< syslog's numbers, from 0 (emerg) to 7 (debug)
  LogFormat logFormat = LogFormat::kText;
  std::string syslogFacility = "daemon";
  std::string user;         ///< empty: keep the user
  std::string group;        ///< empty: the user's primary group
  std::string pidFile;      ///< empty: none
  uint64_t maxTunnels = 0;  ///< 0: limited by descriptors only
  Millis drainTimeout{8000};
  std::string ticketSecretFile;  ///< empty: a random secret of this process
  Millis ticketRotation{43'200'000};
};

struct ServiceOptions : OptionSet {
  std::string name;
  bool selfSigned = false;  ///< `cert = self-signed` or --self-signed: no files then

  SourcedList listen;                   ///< checked by Validators::address
  SourcedList backend;                  ///< checked by Validators::address
  SourcedList cert;                     ///< paths, as written
  SourcedList key;                      ///< by position; without a key, the cert file contains it
  SourcedList keyPassphraseFile;        ///< one for all keys, or by position like `key`
  SourcedList serverNames;              ///< as written; compared without case
  std::string policy = "intermediate";  ///< the fields below contain its values
  uint16_t minVersion = 0x0303;
  uint16_t maxVersion = 0x0304;
  SourcedList ciphers, ciphersuites, groups;  ///< empty = built-in order
  SourcedList alpn;                           ///< empty = no ALPN
  VerifyClient verifyClient = VerifyClient::kOff;
  uint64_t verifyDepth = 3;   ///< intermediates
  SourcedList clientCa, crl;  ///< paths
  RevokedEnd onRevoked = RevokedEnd::kClose;
  SourcedList allowCn, allowOu, allowDns, allowUri, allowIp, allowSpki;
  ProxyVersion proxyProtocol = ProxyVersion::kOff;
  // 0 = no limit
  Millis handshakeTimeout{10'000};
  Millis connectTimeout{10'000};
  Millis idleTimeout{3'600'000};
  Millis stallTimeout{300'000};
  Millis halfCloseTimeout{60'000};
  TruncationEnd onTruncation = TruncationEnd::kReset;
  bool connectRetry = true;
  uint64_t fifoSize = 65536;  ///< bytes for each direction
  bool sessionTickets = true;
  bool strictSni = false;
  StapleMode ocspStapling = StapleMode::kAuto;
  std::string ocspResponder;    ///< http:// URL; empty: from certificate
  uint32_t recordSize = 16384;  ///< bytes; 0 = dynamic
  std::string keylogFile;       ///< empty: none
};

struct Config {
  GlobalOptions global;
  std::vector<ServiceOptions> services;  ///< in the order of the file; names are unique

  const ServiceOptions* findService(std::string_view name) const;
};

/// Returns one error for each option that differs and cannot change while culvert runs ("was 2, now
/// 4, needs a restart"). culvert refuses a reload as a whole if there is such an error. If the new
/// configuration does not contain the key, the error names `file`.
Diagnostics restartOnlyChanges(const Config& before, const Config& after, const std::string& file);

/// Returns the text between the brackets of the section's header, for example "global" or "service
/// web".
std::string sectionLabel(const GlobalOptions& options);
std::string sectionLabel(const ServiceOptions& options);

}  // namespace culvert
