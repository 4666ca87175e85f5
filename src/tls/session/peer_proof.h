// SPDX-License-Identifier: GPL-3.0-or-later
// PeerProof keeps what one session knows of its client's certificate: the verdict that wolfSSL's
// verify callback reached, and the fields for the log and the backend. It exists only if the
// service requests client certificates. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tls/peer_auth/peer_identity.h"
#include "tls/peer_auth/peer_verifier.h"

struct WOLFSSL;
struct WOLFSSL_CTX;
struct WOLFSSL_X509_STORE_CTX;

namespace culvert {

class PeerProof {
 public:
  /// Makes sessions of the context request a certificate; the context's certificate manager stays
  /// empty.
  static void demand(WOLFSSL_CTX* ctx, VerifyClient mode);

  /// Registers this proof with the wolfSSL session. The proof must outlive the session.
  PeerProof(WOLFSSL* ssl, std::shared_ptr<const PeerVerifier> verifier);

  /// The client sent a certificate, it was verified, and the client is accepted.
  bool verified() const { return state_ == State::kVerified; }
  bool refused() const { return state_ == State::kRefused; }
  /// True if a handshake that wolfSSL reports as done counts as done: no decision is pending.
  bool holds() const;
  VerifyClient mode() const { return mode_; }
  /// Called during the handshake: from now on `verifier` judges the client.
  void judgeBy(std::shared_ptr<const PeerVerifier> verifier);
  /// Whether the client would still be accepted under `verifier` at time `now`. A fault of the
  /// operator (an expired CRL) does not count against a client that was accepted before.
  PeerVerdict judgeAgain(const PeerVerifier& verifier, int64_t now) const;
  /// The handshake is done: releases the CAs and CRLs, which may be large and outdated.
  void handshakeDone() { verifier_.reset(); }

  /// Set for every certificate received, whether or not it was verified.
  const PeerIdentity* identity() const { return identity_.get(); }
  const PeerVerdict& verdict() const { return verdict_; }

 private:
  enum class State : uint8_t { kNoCertificate, kVerified, kRefused };

  static int onVerify(int verified, WOLFSSL_X509_STORE_CTX* store);
  bool judge(WOLFSSL_X509_STORE_CTX& store);
  void decide(WOLFSSL_X509_STORE_CTX& store);
  void refuse(uint8_t alert, std::string reason);

  WOLFSSL* const ssl_;
  VerifyClient mode_;
  std::shared_ptr<const PeerVerifier> verifier_;
  State state_ = State::kNoCertificate;
  bool suspended_ = false;  // wolfSSL's own verification is off, within one Certificate message
  PeerVerdict verdict_;
  std::unique_ptr<const PeerIdentity> identity_;
};

}  // namespace culvert
