// SPDX-License-Identifier: GPL-3.0-or-later
// PeerAuth is what one service requires of client certificates: CAs, CRLs, depth and allow rules.
// Equal contents are loaded once, then shared by every worker and by later configurations. Thread:
// frozen (load: any).
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

/// A certificate of client-ca: culvert trusts whatever it has issued.
struct TrustAnchor {
  std::vector<uint8_t> der;
  std::string subject;
  std::array<uint8_t, 32> nameHash{};  ///< of the subject (PeerCertificate::subjectHash)
  std::array<uint8_t, 32> issuerHash{};
  std::array<uint8_t, 20> keyId{};   ///< subjectKeyIdentifier, computed if absent
  std::array<uint8_t, 32> keyPin{};  ///< of its key, unique to this CA
  ShortId caId{};                    ///< its name and key
  ShortId certificateId{};
  SerialKey serial{};
  int64_t notBefore = 0;
  int64_t notAfter = 0;
  bool nameConstraints = false;
  bool signsLists = false;  ///< its keyUsage allows cRLSign
  bool revoked = false;     ///< by its own issuer: its clients are refused
  /// Indices into PeerAuth::lists: the CRLs of this anchor's own issuer, if that is an anchor too.
  /// Once such a CRL has expired, culvert cannot tell whether this anchor is revoked.
  std::vector<size_t> issuerLists;
};

struct PeerAuth {
  VerifyClient mode = VerifyClient::kRequired;
  unsigned depth = 0;     ///< most intermediates between client certificate and trust anchor
  bool pinsOnly = false;  ///< no client-ca: only the keys named by the rules count
  std::vector<TrustAnchor> anchors;
  bool checksRevocation = false;      ///< crl is set, even if its CRLs are unusable
  std::vector<RevocationList> lists;  ///< verified, maybe expired; at most one for each anchor
  PeerRules rules;
  std::array<uint8_t, 32> contentHash{};
};

/// Where a PeerAuth comes from: files, and the allow rules as text.
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

/// A remark about one of the files.
struct PeerAuthRemark {
  bool ofCrl = false;  ///< a file of crl, else of client-ca
  size_t index = 0;    ///< which of them
  std::string text;    ///< names the file
};

struct PeerAuthLoaded {
  std::shared_ptr<const PeerAuth> auth;  ///< nullptr if there are errors
  std::vector<PeerAuthRemark> errors;
  std::vector<PeerAuthRemark> warnings;
};

/// An error that says why this build of wolfSSL cannot verify clients, if it cannot.
Result<void> peerAuthPossible();

/// Reads and verifies the files. May be called again at any time: returns `before` (may be nullptr)
/// if nothing has changed. The mode must not be kOff.
PeerAuthLoaded loadPeerAuth(const PeerAuthSource& source, int64_t now,
                            const std::shared_ptr<const PeerAuth>& before);

}  // namespace culvert
