// SPDX-License-Identifier: GPL-3.0-or-later
// PeerProof judges the peer's certificate of one session in wolfSSL's verify callback. It keeps the
// verdict, and the certificate's fields for the log and the backend. A session with a client has a
// PeerProof only if its service requests client certificates. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tls/peer_auth/expected_peer.h"
#include "tls/peer_auth/peer_identity.h"
#include "tls/peer_auth/peer_verifier.h"

struct WOLFSSL;
struct WOLFSSL_CTX;
struct WOLFSSL_X509_STORE_CTX;

namespace culvert {

class PeerProof {
 public:
  /// Makes all sessions of the context request the peer's certificate. Adds no CAs to the context.
  static void demand(WOLFSSL_CTX* ctx, VerifyClient mode);

  /// Registers this proof with the wolfSSL session `ssl`. The proof must outlive the session.
  /// `expected` is the server that culvert means to reach, or nullptr if the peer is a client.
  PeerProof(WOLFSSL* ssl, std::shared_ptr<const PeerVerifier> verifier,
            std::unique_ptr<const ExpectedPeer> expected = nullptr);

  /// True if the peer sent a certificate, the certificate was verified, and the peer is accepted.
  bool verified() const { return state_ == State::kVerified; }
  bool refused() const { return state_ == State::kRefused; }
  /// Call when wolfSSL reports that the handshake is done. Returns false if the client was refused,
  /// if a required certificate is missing, or if the verification did not finish.
  bool holds() const;
  VerifyClient mode() const { return mode_; }
  /// Call during the handshake. Makes `verifier` judge the client from now on.
  void judgeBy(std::shared_ptr<const PeerVerifier> verifier);
  /// Judges an accepted client again: returns the verdict of `verifier` at time `now`. An error of
  /// the operator, such as an expired CRL, does not make the verdict a refusal.
  PeerVerdict judgeAgain(const PeerVerifier& verifier, int64_t now) const;
  /// Call when the handshake is done. Releases the CAs and CRLs, which may be large and would
  /// become outdated. The WOLFSSL may be freed afterwards.
  void handshakeDone() {
    verifier_.reset();
    expected_.reset();
    ssl_ = nullptr;
  }

  /// The certificate that the client sent, verified or not; nullptr if the client sent none.
  const PeerIdentity* identity() const { return identity_.get(); }
  const PeerVerdict& verdict() const { return verdict_; }

 private:
  enum class State : uint8_t { kNoCertificate, kVerified, kRefused };

  static int onVerify(int verified, WOLFSSL_X509_STORE_CTX* store);
  bool judge(WOLFSSL_X509_STORE_CTX& store);
  void decide(WOLFSSL_X509_STORE_CTX& store);
  void refuse(uint8_t alert, std::string reason);

  WOLFSSL* ssl_;
  VerifyClient mode_;
  std::shared_ptr<const PeerVerifier> verifier_;
  std::unique_ptr<const ExpectedPeer> expected_;
  State state_ = State::kNoCertificate;
  bool suspended_ = false;  // wolfSSL does not verify again until the client's own certificate
  PeerVerdict verdict_;
  std::unique_ptr<const PeerIdentity> identity_;
};

}  // namespace culvert
