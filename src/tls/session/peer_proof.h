// SPDX-License-Identifier: GPL-3.0-or-later
// PeerProof judges the client certificate of one session in wolfSSL's verify callback. It keeps the
// verdict, and the certificate's fields for the log and the backend. It exists only if the service
// requests client certificates. Thread: loop.
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
  /// Makes sessions of the context request a client certificate. Adds no CAs to the context.
  static void demand(WOLFSSL_CTX* ctx, VerifyClient mode);

  /// Registers this proof with the wolfSSL session. The proof must outlive the session.
  PeerProof(WOLFSSL* ssl, std::shared_ptr<const PeerVerifier> verifier);

  /// The client sent a certificate, the certificate was verified, and the client is accepted.
  bool verified() const { return state_ == State::kVerified; }
  bool refused() const { return state_ == State::kRefused; }
  /// Call when wolfSSL reports the handshake as done. Returns false if the client was refused, if a
  /// required certificate is missing, or if the verification did not finish.
  bool holds() const;
  VerifyClient mode() const { return mode_; }
  /// Call during the handshake. From then on `verifier` judges the client.
  void judgeBy(std::shared_ptr<const PeerVerifier> verifier);
  /// Whether the client would still be accepted under `verifier` at time `now`. An error of the
  /// operator, such as an expired CRL, is not a reason to refuse a client that was accepted before.
  PeerVerdict judgeAgain(const PeerVerifier& verifier, int64_t now) const;
  /// Call when the handshake is done. Releases the CAs and CRLs, because they may be large and
  /// outdated.
  void handshakeDone() { verifier_.reset(); }

  /// The client certificate received, whether or not it was verified; nullptr: none was received.
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
  bool suspended_ = false;  // wolfSSL's verification is off until the client's own certificate
  PeerVerdict verdict_;
  std::unique_ptr<const PeerIdentity> identity_;
};

}  // namespace culvert
