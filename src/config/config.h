// SPDX-License-Identifier: GPL-3.0-or-later
// The effective configuration as plain values. The server is built from these values. Each field
// has one entry in options.def, which gives its key, default, range and text. The comparison of two
// configurations uses the same entries. Thread: frozen once loaded.
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

/// One item of a list option with its origin, so that a later phase can still report FILE:LINE. Two
/// items with equal texts are equal, even if their origins differ.
struct SourcedText {
  std::string text;
  Origin origin;
  friend bool operator==(const SourcedText& a, const SourcedText& b) { return a.text == b.text; }
};
using SourcedList = std::vector<SourcedText>;

/// The value of `log`. auto means syslog with --daemon, and stderr without it.
struct LogPlace {
  LogTarget sink = LogTarget::kAuto;
  std::string path;  ///< the log file; for kFile only
  bool operator==(const LogPlace&) const = default;
};

/// The common part of GlobalOptions and ServiceOptions: where the values come from.
struct OptionSet {
  /// The origin of each value that was given, by key. A list has the origin of its first item.
  std::map<std::string, Origin, std::less<>> origins;
  std::vector<std::string> inherited;  ///< keys with a value from [defaults]
  Origin sectionOrigin;  ///< the section's header, or the override that created the section

  /// Returns the origin of the key's value, or the origin "default" if the key was not given.
  const Origin& originOf(std::string_view key) const;
  bool isInherited(std::string_view key) const;
};

struct GlobalOptions : OptionSet {
  unsigned workers = 0;  ///< 0 means auto: as many as the CPUs that this process may use
  LogPlace log;
  int logLevel = 6;  ///< the number of syslog's level, from 0 (emerg) to 7 (debug)
  LogFormat logFormat = LogFormat::kText;
  std::string syslogFacility = "daemon";
  std::string user;         ///< if empty, culvert does not change its user
  std::string group;        ///< if empty, the primary group of `user`
  std::string pidFile;      ///< if empty, culvert writes no PID file
  uint64_t maxTunnels = 0;  ///< 0 means that only the descriptor limit counts
  // Here and in ServiceOptions, 0 means "no limit".
  uint64_t maxTunnelsPerSource = 0;
  uint64_t tunnelRate = 0;     ///< tunnels a second from one source
  uint64_t handshakeRate = 0;  ///< full handshakes a second
  uint64_t memoryLimit = 0;    ///< bytes
  std::string include;         ///< pattern of further files; if empty, there are none
  std::string metrics, admin;  ///< addresses of the HTTP servers; if empty, there is none
  ReadyNeeds readyNeeds = ReadyNeeds::kListeners;
  Millis drainTimeout{8000};
  std::string ticketSecretFile;  ///< if empty, a random secret of this process
  Millis ticketRotation{43'200'000};
};

struct ServiceOptions : OptionSet {
  std::string name;
  bool selfSigned = false;  ///< true for `cert = self-signed` and --self-signed

  SourcedList listen;   ///< checked by Validators::listenAddress
  SourcedList backend;  ///< checked by Validators::backendAddress
  SourcedList matchName, matchAlpn, matchSource, matchSourcePort, matchAddress, matchPort;
  SourceType matchSourceType = SourceType::kAny;
  MatchTransport matchTransport = MatchTransport::kAny;
  bool fallback = false;  ///< takes the connections that no other service of the listen takes
  Millis inspectTimeout{10'000};
  AcceptProxy acceptProxy = AcceptProxy::kOff;
  SourcedList acceptProxyFrom;      ///< networks, or "unix"
  SourcedList allowFrom, denyFrom;  ///< networks, or "unix"; if allowFrom is empty, all are allowed
  Balance balance = Balance::kFirst;
  uint64_t backendMaxTunnels = 0;  ///< for each address
  HealthCheck healthCheck = HealthCheck::kOff;
  std::string healthSend, healthExpect;  ///< with escapes, as written
  Millis healthInterval{2000}, healthTimeout{1000};
  uint64_t healthRise = 2, healthFall = 3;
  uint64_t ejectFailures = 5;  ///< 0 means that culvert never ejects a backend
  Millis ejectTime{10'000};
  WhenDown whenBackendDown = WhenDown::kWait;
  uint64_t maxTunnels = 0, maxTunnelsPerSource = 0, tunnelRate = 0, handshakeRate = 0;
  ClientTls tls = ClientTls::kOn;
  StartTls startTls = StartTls::kOff;
  SourcedList cert;                     ///< paths, as written in the configuration
  SourcedList key;                      ///< the first key belongs to the first `cert`, and so on
  SourcedList keyPassphraseFile;        ///< one for all keys, or in the same order as `cert`
  SourcedList serverNames;              ///< names as written; compared without regard to case
  std::string policy = "intermediate";  ///< the preset; the fields below contain its values
  uint16_t minVersion = 0x0303;
  uint16_t maxVersion = 0x0304;
  SourcedList ciphers, ciphersuites, groups;  ///< if empty, the built-in order
  SourcedList alpn;                           ///< if empty, no ALPN
  VerifyClient verifyClient = VerifyClient::kOff;
  uint64_t verifyDepth = 3;   ///< maximum number of intermediates
  SourcedList clientCa, crl;  ///< paths
  RevokedEnd onRevoked = RevokedEnd::kClose;
  SourcedList allowCn, allowOu, allowDns, allowUri, allowIp, allowSpki;
  ProxyVersion proxyProtocol = ProxyVersion::kOff;
  bool backendTls = false;
  StartTls backendStartTls = StartTls::kOff;
  std::string via;          ///< URL of a proxy; if empty, culvert connects directly
  std::string viaAuthFile;  ///< path; if empty, culvert sends the proxy no credentials
  std::string backendName;  ///< if empty, the host of each backend
  bool backendVerify = true;
  SourcedList backendCa;  ///< paths, or "system"; if empty, the system's bundle
  uint64_t backendVerifyDepth = 3;
  SourcedList backendCrl, backendSpki;
  std::string backendCert, backendKey;  ///< paths; if empty, culvert shows no certificate
  SourcedList backendAlpn;
  std::string backendPolicy = "intermediate";
  TruncationEnd backendOnTruncation = TruncationEnd::kReset;
  // In the timeouts below, 0 means "no limit".
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
  std::string ocspResponder;    ///< http:// URL; if empty, the URL in the certificate
  uint32_t recordSize = 16384;  ///< bytes; 0 means dynamic
  std::string keylogFile;       ///< if empty, no key log
};

struct Config {
  GlobalOptions global;
  std::vector<ServiceOptions> services;  ///< in the order of the files; names are unique
  size_t includedFiles = 0;              ///< number of files read because of `include`

  const ServiceOptions* findService(std::string_view name) const;
};

/// Returns one error for each option that differs and that a reload cannot change ("was 2, now 4,
/// needs a restart"). If there is such an error, culvert refuses the whole reload. If the new
/// configuration does not contain the key, the origin of the error is the configuration file
/// `file`.
Diagnostics restartOnlyChanges(const Config& before, const Config& after, const std::string& file);

/// Returns the text between the brackets of the section's header, for example "global" or "service
/// web".
std::string sectionLabel(const GlobalOptions& options);
std::string sectionLabel(const ServiceOptions& options);

}  // namespace culvert
