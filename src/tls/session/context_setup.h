// SPDX-License-Identifier: GPL-3.0-or-later
// The steps that build a WOLFSSL_CTX, which contexts for clients and for backends have in common,
// and the state of a context. Only tls_context.cc and backend_context.cc include this file.
// Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tls/library/key_log.h"
#include "tls/library/wolfssl.h"
#include "tls/session/tls_context.h"

namespace culvert {

/// The state exists until the context is dropped and its last session is freed. `sessions` need not
/// be atomic, because only one worker uses the context.
struct TlsContextState {
  WOLFSSL_CTX* ctx = nullptr;
  size_t sessions = 0;
  bool dropped = false;
  std::optional<TicketGuard> tickets;
  std::vector<std::string> alpn;
  uint16_t maxVersion = kTls13;
  std::vector<uint16_t> groups;  // only groups that wolfSSL supports
  std::shared_ptr<const KeyLog> keyLog;
  std::shared_ptr<const StapleSlot> staple;  // nullptr if the context does not staple
  std::shared_ptr<const PeerVerifier> verifier;

  void maybeFree() {
    if (!dropped || sessions != 0) return;
    wolfSSL_CTX_free(ctx);
    delete this;
  }
};

/// Returns an error that names the step and wolfSSL's reason.
Result<void> failStep(std::string_view step, int result);
Result<void> loadCredentials(WOLFSSL_CTX* ctx, const Credentials& credentials);
/// Returns the suites of TLS 1.2 and TLS 1.3. With `key`, only those that a certificate with this
/// kind of key can serve.
std::vector<uint16_t> suitesFor(const TlsSettings& settings, std::optional<KeyType> key);
/// Sets the minimum version, the suites of `list` and the groups.
Result<void> setParameters(WOLFSSL_CTX* ctx, const TlsSettings& settings,
                           std::optional<KeyType> key, const std::vector<uint16_t>& list);

}  // namespace culvert
