// SPDX-License-Identifier: GPL-3.0-or-later
// PeerProof is what one session keeps of its client's certificate: the verdict that wolfSSL's
// verify callback reached, and the few words that the log and the backend are told. It exists only
// where a service asks for client certificates. Thread: loop.
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
  /// Makes sessions of the context ask for a certificate; its own certificate manager stays empty.
  static void demand(WOLFSSL_CTX* ctx, VerifyClient mode);

  /// Puts the proof of this session in the hands of wolfSSL; it outlives the session.
  PeerProof(WOLFSSL* ssl, std::shared_ptr<const PeerVerifier> verifier);

  /// The client sent a certificate, it verified and it may pass.
  bool verified() const { return state_ == State::kVerified; }
  bool refused() const { return state_ == State::kRefused; }
  /// Whether a handshake that wolfSSL calls done may count: nothing was left undecided.
  bool holds() const;
  VerifyClient mode() const { return mode_; }
  /// Within the handshake: the client is judged by this one from now on.
  void judgeBy(std::shared_ptr<const PeerVerifier> verifier);
  /// Whether the client may still pass as things stand now. A shortage of the operator's (an
  /// expired list) speaks against nobody who was let in before.
  PeerVerdict judgeAgain(const PeerVerifier& verifier, int64_t now) const;
  /// The handshake is done: lets go of the CAs and lists, which may be large and old by then.
  void handshakeDone() { verifier_.reset(); }

  /// Of a certificate that came, whether or not it verified.
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
  bool suspended_ = false;  // wolfSSL's own verification, within one Certificate message
  PeerVerdict verdict_;
  std::unique_ptr<const PeerIdentity> identity_;
};

}  // namespace culvert
