// SPDX-License-Identifier: GPL-3.0-or-later
// PeerAuth contains the requirements on the certificates of peers: CAs, CRLs, depth and allow rules.
// The peers are the clients of one service, or the servers (backends) of one or more services. All
// workers share the object, and a later configuration with the same requirements shares it too.
// Thread: frozen (load: any).
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

/// Whose certificates a PeerAuth judges.
enum class PeerPurpose : uint8_t { kClients, kServers };

/// The words of messages about peers of one purpose. The option keys are in them.
struct PeerWords {
  std::string_view peer;      ///< "client"
  std::string_view peers;     ///< "clients"
  std::string_view caKey;     ///< "client-ca"
  std::string_view crlKey;    ///< "crl"
  std::string_view depthKey;  ///< "verify-depth"
  std::string_view pinKey;    ///< "allow-spki"
};
const PeerWords& wordsOf(PeerPurpose purpose);

/// A CA certificate of client-ca or backend-ca. culvert trusts the certificates that this CA has issued.
struct TrustAnchor {
  std::vector<uint8_t> der;
  std::string subject;
  std::array<uint8_t, 32> nameHash{};  ///< hash of the subject, see PeerCertificate
  std::array<uint8_t, 32> issuerHash{};
  std::array<uint8_t, 20> keyId{};   ///< subjectKeyIdentifier; computed from the key if absent
  std::array<uint8_t, 32> keyPin{};  ///< hash of the CA's key
  ShortId caId{};                    ///< caIdOf() of nameHash and keyPin
  ShortId certificateId{};
  SerialKey serial{};
  int64_t notBefore = 0;
  int64_t notAfter = 0;
  bool nameConstraints = false;
  bool signsLists = false;  ///< the CA's keyUsage allows cRLSign
  bool revoked = false;     ///< the CA's issuer has revoked the CA, so culvert refuses its clients
  /// If this anchor's issuer is an anchor too, the CRLs of the issuer, as indices into
  /// PeerAuth::lists. If such a CRL has expired, culvert cannot know whether this anchor is
  /// revoked.
  std::vector<size_t> issuerLists;
};

struct PeerAuth {
  PeerPurpose purpose = PeerPurpose::kClients;
  VerifyClient mode = VerifyClient::kRequired;
  unsigned depth = 0;         ///< most CAs between the peer's certificate and the trust anchor
  bool pinsOnly = false;      ///< there are no CAs, so only the pins count
  bool systemBundle = false;  ///< the CAs are those of the system
  std::vector<TrustAnchor> anchors;
  bool checksRevocation = false;      ///< the option crl is set, even if no CRL is usable
  std::vector<RevocationList> lists;  ///< verified, but may have expired; at most one per anchor
  PeerRules rules;
  std::array<uint8_t, 32> contentHash{};
};

/// The input from which a PeerAuth is loaded: file names, and the allow rules as text.
struct PeerAuthSource {
  PeerPurpose purpose = PeerPurpose::kClients;
  /// The CAs are the system's bundle: culvert ignores those that it cannot use, without a word.
  bool systemBundle = false;
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

/// An error or a warning about one of the files that were loaded.
struct PeerAuthRemark {
  bool ofCrl = false;  ///< true for a file of crlFiles, false for a file of caFiles
  size_t index = 0;    ///< the file's index in crlFiles or caFiles
  std::string text;    ///< names the file
};

struct PeerAuthLoaded {
  std::shared_ptr<const PeerAuth> auth;  ///< nullptr if there are errors
  std::vector<PeerAuthRemark> errors;
  std::vector<PeerAuthRemark> warnings;
};

/// Fails if this build of wolfSSL cannot verify clients. The error text says why.
Result<void> peerAuthPossible();

/// Reads and verifies the files of `source`. If nothing has changed since `before` was loaded,
/// returns `before`, which may be nullptr. The mode must not be kOff.
PeerAuthLoaded loadPeerAuth(const PeerAuthSource& source, int64_t now,
                            const std::shared_ptr<const PeerAuth>& before);

}  // namespace culvert
