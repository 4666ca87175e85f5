// SPDX-License-Identifier: GPL-3.0-or-later
// A ProxyDialog is what culvert says to a proxy, on a fresh connection to it, until the proxy has
// connected to the backend. A ProxyDialog is a pure state machine: it gets bytes and appends bytes,
// and makes no system call. It holds at most kLongestHead bytes of the proxy. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proxy/proxy_auth.h"

namespace culvert {

struct [[nodiscard]] ProxyStep {
  enum class Next : uint8_t {
    kMore,    ///< send toProxy, then wait for more bytes; all bytes are consumed
    kDone,    ///< the proxy has connected; toProxy got bytes only if it answered ahead of its turn
    kFailed,  ///< close the connection; `detail` says why
  };
  Next next = Next::kMore;
  /// With kDone, the bytes from here on are the backend's own: they belong to the tunnel.
  size_t consumed = 0;
  /// One clause for the log: printable, bounded, and without credentials. "" without a failure.
  std::string detail{};
};

class ProxyDialog {
 public:
  /// The longest head of one HTTP response, in bytes.
  static constexpr size_t kLongestHead = 8 * 1024;
  /// The most interim responses (1xx) before the final response.
  static constexpr unsigned kMostInterim = 8;

  virtual ~ProxyDialog() = default;

  /// Called once, before any other call, when the connection to the proxy is established. Both
  /// functions append to `toProxy`. The owner empties it after it has sent the bytes. They may
  /// contain the credentials, so the owner empties it with wipeText().
  virtual void begin(std::string& toProxy) = 0;

  /// Handles bytes of the proxy. Any split of the bytes gives the same result. After kDone or
  /// kFailed the dialog consumes nothing and returns the same result again.
  virtual ProxyStep fromProxy(std::span<const uint8_t> bytes, std::string& toProxy) = 0;

  /// For the log, if the connection or the time ends first: what the dialog waits for, for example
  /// "the proxy has not answered CONNECT".
  virtual std::string progress() const = 0;
};

/// Credentials are shared, because a reload may replace them while a dialog uses them. nullptr if
/// via-auth-file is not set.
using SharedCredentials = std::shared_ptr<const ProxyCredentials>;

/// Makes the dialog for the backend `host` and `port`. `host` is a name, which the proxy resolves,
/// or an address literal (IPv6 without brackets). Fails if the proxy cannot be asked for this host:
/// the error is one clause. It depends on the host alone, so the configuration can be checked.
Result<std::unique_ptr<ProxyDialog>> makeHttpConnect(std::string_view host, uint16_t port,
                                                     SharedCredentials credentials);
Result<std::unique_ptr<ProxyDialog>> makeSocks5(std::string_view host, uint16_t port,
                                                SharedCredentials credentials);

}  // namespace culvert
