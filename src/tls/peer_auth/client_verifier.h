// SPDX-License-Identifier: GPL-3.0-or-later
// ClientVerifier decides on the certificates that a client sends. It has nothing of its own but a
// hold on the ClientAuth, so nothing that one client sends helps another. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tls/peer_auth/client_auth.h"

struct WOLFSSL_CERT_MANAGER;

namespace culvert {

struct ClientVerdict {
  uint8_t alert = 0;     ///< 0: verified and allowed
  std::string reason{};  ///< of a refusal, one sentence
  bool ours = false;     ///< the operator has to do something: a CA or a CRL has expired
  explicit operator bool() const { return alert == 0; }
};

class ClientVerifier {
 public:
  explicit ClientVerifier(std::shared_ptr<const ClientAuth> auth) : auth_(std::move(auth)) {}

  /// Judges a client's chain (as sent: its own certificate first, the others in any order) at
  /// `now`. `leaf` is what readClientCertificate() says of the first. The path of one that may pass
  /// goes to `taken`; it has no steps where the key alone counts.
  ClientVerdict verify(std::span<const std::span<const uint8_t>> chain,
                       const ClientCertificate& leaf, int64_t now, ClientPath& taken) const;

  /// Judges a client that was let in before, by the path that it had then.
  ClientVerdict judgeAgain(const ClientIdentity& client, int64_t now) const;

  const ClientAuth& auth() const { return *auth_; }

 private:
  struct Link;
  struct Path;
  using ManagerHandle = WOLFSSL_CERT_MANAGER*;

  void findPaths(const std::vector<Link>& links, std::vector<size_t>& way, std::vector<bool>& seen,
                 std::vector<Path>& found, bool& tooLong) const;
  ClientVerdict noPath(const Link& leaf, bool tooLong, int64_t now) const;
  ClientVerdict verifyPath(const std::vector<Link>& links, const Path& path, int64_t now) const;
  ClientVerdict verifyOne(const Link& link, bool leaf, ManagerHandle manager, int64_t now) const;
  ClientVerdict checkRevoked(const Link& link, const std::array<uint8_t, 32>& issuerPin,
                             int64_t now) const;
  ClientVerdict checkAnchor(const TrustAnchor& anchor, int64_t now) const;
  static void fillPath(const std::vector<Link>& links, const Path& path, ClientPath& taken);
  ClientVerdict judgeSteps(const ClientIdentity& client, const ClientPath& path, size_t count,
                           const TrustAnchor& anchor, int64_t now) const;
  const RevocationList* listOf(const ShortId& issuer) const;

  const std::shared_ptr<const ClientAuth> auth_;
};

/// The verifiers of one worker, made at first use; each lives as long as a context needs it.
class ClientVerifiers {
 public:
  std::shared_ptr<ClientVerifier> verifierFor(const std::shared_ptr<const ClientAuth>& auth);
  size_t size() const { return list_.size(); }

 private:
  std::vector<std::weak_ptr<ClientVerifier>> list_;
};

}  // namespace culvert
