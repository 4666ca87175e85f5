// SPDX-License-Identifier: GPL-3.0-or-later
// PeerAuth is what one service asks of client certificates: the CAs, revocation lists, depth and
// allow rules. Loaded once for equal contents, then shared by every worker and by the
// configurations to come. Thread: frozen (load: any).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/choices.h"
#include "base/result.h"
#include "tls/peer_auth/peer_identity.h"
#include "tls/peer_auth/peer_rules.h"
#include "tls/peer_auth/revocation_list.h"

namespace culvert {

/// A certificate of client-ca: whatever it has issued is trusted.
struct TrustAnchor {
  std::vector<uint8_t> der;
  std::string subject;
  std::array<uint8_t, 32> nameHash{};  ///< of the subject (PeerCertificate::subjectHash)
  std::array<uint8_t, 32> issuerHash{};
  std::array<uint8_t, 20> keyId{};   ///< subjectKeyIdentifier, computed where there is none
  std::array<uint8_t, 32> keyPin{};  ///< of its key, which no other CA has
  ShortId caId{};                    ///< its name and key
  ShortId certificateId{};
  SerialKey serial{};
  int64_t notBefore = 0;
  int64_t notAfter = 0;
  bool nameConstraints = false;
  bool signsLists = false;  ///< its keyUsage allows cRLSign
  bool revoked = false;     ///< by its own issuer: what it has issued is refused
  /// Which of PeerAuth::lists its own issuer has made, where that is an anchor, too: once one has
  /// expired nobody knows whether it is revoked.
  std::vector<size_t> issuerLists;
};

struct PeerAuth {
  VerifyClient mode = VerifyClient::kRequired;
  unsigned depth = 0;     ///< intermediates between a client's certificate and a trust anchor
  bool pinsOnly = false;  ///< no client-ca: the rules name keys, and nothing else counts
  std::vector<TrustAnchor> anchors;
  bool checksRevocation = false;      ///< crl is set, whether or not its lists could be used
  std::vector<RevocationList> lists;  ///< verified, or expired; one for each anchor at most
  PeerRules rules;
  std::array<uint8_t, 32> contentHash{};
};

/// Where it comes from: files, and the rules in words.
struct PeerAuthSource {
  VerifyClient mode = VerifyClient::kOff;
  unsigned depth = 0;
  std::vector<std::string> caFiles;
  std::vector<std::string> crlFiles;
  struct Rule {
    PeerRule kind;
    std::string text;
  };
  std::vector<Rule> rules;
};

/// What is to be said of one of the files.
struct PeerAuthRemark {
  bool ofCrl = false;  ///< a file of crl, else of client-ca
  size_t index = 0;    ///< which of them
  std::string text;    ///< names the file
};

struct PeerAuthLoaded {
  std::shared_ptr<const PeerAuth> auth;  ///< nothing where there are errors
  std::vector<PeerAuthRemark> errors;
  std::vector<PeerAuthRemark> warnings;
};

/// Nothing, or why this build of wolfSSL cannot verify clients.
Result<void> peerAuthPossible();

/// Reads the files and verifies what is in them; may be called again at any time, and gives
/// `before` (may be nullptr) back where nothing has changed. The mode must not be kOff.
PeerAuthLoaded loadPeerAuth(const PeerAuthSource& source, int64_t now,
                            const std::shared_ptr<const PeerAuth>& before);

}  // namespace culvert
