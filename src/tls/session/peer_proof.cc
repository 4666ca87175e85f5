// SPDX-License-Identifier: GPL-3.0-or-later
// See peer_proof.h. wolfSSL verifies a peer's chain against the context's certificate manager and
// adds every verified CA to the manager, for all later peers. culvert therefore leaves the
// manager empty. wolfSSL then fails to verify the chain and calls onVerify with the whole chain,
// and culvert decides. After that decision, culvert turns wolfSSL's own verification off until
// wolfSSL reads the peer's own certificate, which wolfSSL reads last.
#include "tls/session/peer_proof.h"

#include <algorithm>
#include <ctime>
#include <new>

#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/session/wolf_alert.h"

namespace culvert {

namespace {

int modeOf(VerifyClient mode) {
  return mode == VerifyClient::kRequired ? WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                         : WOLFSSL_VERIFY_PEER;
}

/// True for an error that wolfSSL reports only because it has no CAs, and for an error that culvert
/// has already judged. For every other error, culvert refuses the client.
bool isOurs(int error, bool pinsOnly) {
  switch (error) {
    case 0:
    case ASN_NO_SIGNER_E:
    case ASN_SELF_SIGNED_E:
      return true;
    case ASN_AFTER_DATE_E:
    case ASN_BEFORE_DATE_E:
      return pinsOnly;
    default:
      return false;
  }
}

/// Returns the alert for an error of wolfSSL. If the error table has no alert for the error,
/// returns bad_certificate.
uint8_t alertOf(int error) {
  if (tlsErrorName(error) == "internal") return Alert::bad_certificate;
  return alertForError(error).value_or(Alert::bad_certificate);
}

}  // namespace

void PeerProof::demand(WOLFSSL_CTX* ctx, VerifyClient mode) {
  wolfSSL_CTX_set_verify(ctx, modeOf(mode), onVerify);
}

PeerProof::PeerProof(WOLFSSL* ssl, std::shared_ptr<const PeerVerifier> verifier,
                     std::unique_ptr<const ExpectedPeer> expected)
    : ssl_(ssl),
      mode_(verifier->auth().mode),
      verifier_(std::move(verifier)),
      expected_(std::move(expected)) {
  wolfSSL_SetCertCbCtx(ssl, this);
}

bool PeerProof::holds() const {
  if (suspended_ || state_ == State::kRefused) return false;
  return state_ == State::kVerified || mode() == VerifyClient::kOptional;
}

void PeerProof::judgeBy(std::shared_ptr<const PeerVerifier> verifier) {
  mode_ = verifier->auth().mode;
  verifier_ = std::move(verifier);
}

PeerVerdict PeerProof::judgeAgain(const PeerVerifier& verifier, int64_t now) const {
  if (state_ == State::kVerified) return verifier.judgeAgain(*identity_, now);
  if (state_ == State::kNoCertificate && verifier.auth().mode == VerifyClient::kRequired)
    return {Alert::handshake_failure,
            "client has no certificate, but the new settings require one"};
  return {};
}

int PeerProof::onVerify(int, WOLFSSL_X509_STORE_CTX* store) {
  auto* self = static_cast<PeerProof*>(store->userCtx);
  if (self == nullptr) return 0;
  try {
    return self->judge(*store) ? 1 : 0;
  } catch (const std::bad_alloc&) {  // the exception must not pass through wolfSSL's C code
    self->state_ = State::kRefused;
    self->verdict_ = {Alert::internal_error};
    return 0;
  }
}

/// wolfSSL calls this function for each certificate that wolfSSL cannot verify, and in any case
/// once for the client's own certificate, even if the client sent no certificate.
bool PeerProof::judge(WOLFSSL_X509_STORE_CTX& store) {
  if (store.totalCerts == 0) {
    // Before release 5.9, wolfSSL reports no error if a TLS 1.2 client sends no certificate.
    if (store.error == 0 && mode() != VerifyClient::kOptional)
      refuse(Alert::handshake_failure, "client sent no certificate");
    return store.error == 0 && mode() == VerifyClient::kOptional;
  }
  const bool leaf = store.error_depth == 0;
  if (leaf && suspended_) {
    wolfSSL_set_verify(ssl_, modeOf(mode()), onVerify);
    suspended_ = false;
  }
  if (state_ == State::kNoCertificate) decide(store);
  if (state_ != State::kVerified) return false;
  if (!isOurs(store.error, verifier_ != nullptr && verifier_->auth().pinsOnly)) {
    refuse(alertOf(store.error), tlsErrorText(store.error));
    return false;
  }
  if (!leaf && !suspended_) {
    wolfSSL_set_verify(ssl_, WOLFSSL_VERIFY_NONE, onVerify);
    suspended_ = true;
  }
  return true;
}

void PeerProof::decide(WOLFSSL_X509_STORE_CTX& store) {
  std::vector<std::span<const uint8_t>> chain;
  for (int i = 0; i < store.totalCerts; ++i)
    chain.emplace_back(store.certs[i].buffer, store.certs[i].length);
  auto leaf = chain.empty() ? std::nullopt : readPeerCertificate(chain.front());
  if (!verifier_)
    return refuse(Alert::unexpected_message, "client sent a certificate after the handshake");
  if (!leaf) {
    const std::string_view who = wordsOf(verifier_->auth().purpose).peer;
    return refuse(Alert::bad_certificate, std::string(who) + "'s certificate cannot be read");
  }
  PeerPath path;
  PeerVerdict verdict = verifier_->verify(chain, *leaf, std::time(nullptr), path);
  if (verdict && expected_) verdict = expected_->judge(*leaf);
  if (verdict) verifier_->auth().rules.putMatchesFirst(*leaf);
  identity_ = std::make_unique<PeerIdentity>(*leaf, verdict ? &path : nullptr);
  if (!verdict) {
    refuse(verdict.alert, std::move(verdict.reason));
    verdict_.ours = verdict.ours;
    return;
  }
  state_ = State::kVerified;
}

void PeerProof::refuse(uint8_t alert, std::string reason) {
  state_ = State::kRefused;
  verdict_ = {alert, std::move(reason)};
  sendFatalAlert(ssl_, alert);  // before wolfSSL sends an alert of its own choice
}

}  // namespace culvert
