// SPDX-License-Identifier: GPL-3.0-or-later
// PeerVerifier judges the certificates that a peer sends, a client or a server. Its only state is a
// reference to a PeerAuth, so the certificates of one peer cannot affect another. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tls/peer_auth/peer_auth.h"

struct WOLFSSL_CERT_MANAGER;

namespace culvert {

struct PeerVerdict {
  uint8_t alert = 0;     ///< 0 if the peer is verified and allowed
  std::string reason{};  ///< one sentence, or empty if the peer is accepted
  bool ours = false;     ///< the operator must act, because a CA or a CRL has expired
  explicit operator bool() const { return alert == 0; }
};

class PeerVerifier {
 public:
  explicit PeerVerifier(std::shared_ptr<const PeerAuth> auth) : auth_(std::move(auth)) {}

  /// Judges a peer's chain at time `now`. `chain` must begin with the peer's own certificate;
  /// the CA certificates may be in any order. `leaf` must be the result of readPeerCertificate()
  /// for the peer's own certificate. If the peer is accepted, verify() stores its path in
  /// `taken`. With pinsOnly, the stored path has no steps.
  PeerVerdict verify(std::span<const std::span<const uint8_t>> chain, const PeerCertificate& leaf,
                     int64_t now, PeerPath& taken) const;

  /// Judges a client that was accepted before, by the path that verify() stored then.
  PeerVerdict judgeAgain(const PeerIdentity& client, int64_t now) const;

  const PeerAuth& auth() const { return *auth_; }

 private:
  struct Link;
  struct Path;
  using ManagerHandle = WOLFSSL_CERT_MANAGER*;

  void findPaths(const std::vector<Link>& links, std::vector<size_t>& way, std::vector<bool>& seen,
                 std::vector<Path>& found, bool& tooLong) const;
  PeerVerdict noPath(const Link& leaf, bool tooLong, int64_t now) const;
  PeerVerdict verifyPath(const std::vector<Link>& links, const Path& path, int64_t now) const;
  static PeerVerdict outOfDate(const Link& link, int64_t now);
  PeerVerdict verifyOne(const Link& link, bool leaf, ManagerHandle manager, int64_t now) const;
  PeerVerdict checkRevoked(const Link& link, const std::array<uint8_t, 32>& issuerPin,
                           int64_t now) const;
  PeerVerdict checkAnchor(const TrustAnchor& anchor, int64_t now) const;
  static void fillPath(const std::vector<Link>& links, const Path& path, PeerPath& taken);
  PeerVerdict judgeSteps(const PeerIdentity& client, const PeerPath& path, size_t count,
                         const TrustAnchor& anchor, int64_t now) const;
  const RevocationList* listOf(const ShortId& issuer) const;
  const PeerWords& words() const { return wordsOf(auth_->purpose); }

  const std::shared_ptr<const PeerAuth> auth_;
};

/// The verifiers of one worker. verifierFor() makes a verifier when a context first needs it. A
/// verifier exists as long as a context uses it.
class PeerVerifiers {
 public:
  std::shared_ptr<PeerVerifier> verifierFor(const std::shared_ptr<const PeerAuth>& auth);
  size_t size() const { return list_.size(); }

 private:
  std::vector<std::weak_ptr<PeerVerifier>> list_;
};

}  // namespace culvert
