// SPDX-License-Identifier: GPL-3.0-or-later
// Loads and checks the CAs and the CRLs for the certificates of peers.
#include "tls/peer_auth/peer_auth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/bytes.h"
#include "tls/credentials/credentials.h"
#include "tls/library/sha256.h"
#include "tls/library/tls_library.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/x509/cert_manager.h"
#include "tls/x509/certificate_info.h"
#include "tls/x509/der_reader.h"
#include "tls/x509/pem.h"
#include "tls/x509/signed_data.h"

namespace culvert {

namespace {

using Bytes = std::span<const uint8_t>;

constexpr size_t kLongestCaFile = size_t{16} << 20;
constexpr size_t kLongestCrlFile = size_t{64} << 20;
constexpr size_t kMostAnchors = 1000;
constexpr int64_t kClockSkew = 300;  // allowed difference to a CA's clock, in seconds

/// Adds the length of `part` to the hash, then `part` itself. Because of the lengths, ("ab", "c")
/// and ("a", "bc") have different hashes.
void addPart(Sha256Hasher& sha, Bytes part) {
  sha.addInteger(part.size());
  sha.add(part);
}

class Loader {
 public:
  Loader(const PeerAuthSource& source, int64_t now)
      : source_(source), words_(wordsOf(source.purpose)), now_(now) {}

  PeerAuthLoaded load(const std::shared_ptr<const PeerAuth>& before) {
    readFiles();
    if (!out_.errors.empty()) return std::move(out_);
    auth_ = std::make_shared<PeerAuth>();
    auth_->contentHash = hash();
    manager_.reset(wolfSSL_CertManagerNew());
    if (manager_ == nullptr) {
      caError(0, "no certificate manager: out of memory");
      return std::move(out_);
    }
    readAnchors();
    caBroken_ = !out_.errors.empty();
    readLists();
    if (before != nullptr) warnOfOlder(*before);
    settleLists();
    settleRefused();
    if (before != nullptr) refuseLostLists(*before);
    if (!out_.errors.empty()) return std::move(out_);
    warnOfNoList();
    markRevoked();
    addRules();
    auth_->purpose = source_.purpose;
    auth_->systemBundle = source_.systemBundle;
    auth_->mode = source_.mode;
    auth_->depth = source_.depth;
    auth_->pinsOnly = source_.caFiles.empty();
    auth_->checksRevocation = !source_.crlFiles.empty();
    const bool same = before != nullptr && before->contentHash == auth_->contentHash;
    out_.auth = same ? before : std::shared_ptr<const PeerAuth>(std::move(auth_));
    return std::move(out_);
  }

 private:
  void caError(size_t index, std::string text) {
    out_.errors.push_back({false, index, std::move(text)});
  }
  void crlError(size_t index, std::string text) {
    out_.errors.push_back({true, index, std::move(text)});
  }

  void readFiles() {
    for (size_t i = 0; i < source_.caFiles.size(); ++i) {
      auto bytes = readSecretFile(source_.caFiles[i], kLongestCaFile);
      if (!bytes) caError(i, bytes.error().text);
      caBytes_.push_back(bytes ? std::move(*bytes) : SecretBytes());
    }
    for (size_t i = 0; i < source_.crlFiles.size(); ++i) {
      auto bytes = readSecretFile(source_.crlFiles[i], kLongestCrlFile);
      if (!bytes) crlError(i, bytes.error().text);
      crlBytes_.push_back(bytes ? std::move(*bytes) : SecretBytes());
    }
  }

  std::array<uint8_t, 32> hash() const {
    Sha256Hasher sha;
    sha.addInteger(static_cast<uint64_t>(source_.purpose));
    sha.addInteger(source_.systemBundle ? 1 : 0);
    sha.addInteger(static_cast<uint64_t>(source_.mode));
    sha.addInteger(source_.depth);
    for (const auto* files : {&caBytes_, &crlBytes_}) {
      sha.addInteger(files->size());
      for (const SecretBytes& file : *files) addPart(sha, file.span());
    }
    for (const std::string& path : source_.crlFiles) addPart(sha, asBytes(path));
    for (const auto& rule : source_.rules) {
      sha.addInteger(static_cast<uint64_t>(rule.kind));
      addPart(sha, asBytes(rule.text));
    }
    return sha.finish();
  }

  /// Returns the DER items in a file: the PEM blocks with a label that `wanted` accepts, or the
  /// whole file if it is DER.
  Result<std::vector<std::vector<uint8_t>>> units(const std::string& path, const SecretBytes& file,
                                                  bool (*wanted)(std::string_view label)) {
    std::vector<std::vector<uint8_t>> all;
    auto blocks = scanPem(file.text());
    if (!blocks) return fail(path + ": " + blocks.error().text);
    if (blocks->empty() && file.data()[0] == DerReader::kSequence) {
      all.emplace_back(file.span().begin(), file.span().end());
      return all;
    }
    for (const PemBlock& block : *blocks) {
      if (!wanted(block.label)) continue;
      auto der = decodePem(block);
      if (!der) return fail(path + ": " + der.error().text);
      all.emplace_back(der->span().begin(), der->span().end());
    }
    return all;
  }

  void readAnchors() {
    for (size_t i = 0; i < source_.caFiles.size(); ++i) {
      const std::string& path = source_.caFiles[i];
      auto ders = units(path, caBytes_[i], isCertificateLabel);
      if (!ders) {
        caError(i, ders.error().text);
        continue;
      }
      if (ders->empty())
        caError(i, path +
                       ": no certificate found: a PEM block -----BEGIN CERTIFICATE----- is "
                       "expected");
      const size_t before = auth_->anchors.size();
      refusedCertificates_.clear();
      for (size_t k = 0; k < ders->size(); ++k) readAnchor(i, k + 1, (*ders)[k]);
      judgeRefused(i, auth_->anchors.size() != before);
    }
    if (auth_->anchors.size() > kMostAnchors)
      caError(0, fmt::format("{} certificates in {}, at most {} are allowed", auth_->anchors.size(),
                             words_.caKey, kMostAnchors));
  }

  /// Reports the refused certificates of a file. If the file also has usable certificates, the
  /// reports are warnings, else errors.
  void judgeRefused(size_t file, bool othersAreThere) {
    if (othersAreThere && source_.systemBundle) return;
    for (std::string& text : refusedCertificates_) {
      if (othersAreThere)
        out_.warnings.push_back({false, file, std::move(text) + "; culvert ignores it"});
      else
        caError(file, std::move(text));
    }
  }

  void refuseAnchor(size_t file, size_t number, std::string_view why) {
    refusedCertificates_.push_back(
        fmt::format("{}: certificate {} {}", source_.caFiles[file], number, why));
  }

  /// `number` is the position of the certificate in the file, counted from 1.
  void readAnchor(size_t file, size_t number, const std::vector<uint8_t>& der) {
    const std::string& path = source_.caFiles[file];
    const auto info = readCertificate(der);
    const auto names = readPeerCertificate(der);
    if (!info || !names)
      return refuseAnchor(file, number, info ? "is malformed" : info.error().text);
    auto cert = std::make_unique<ParsedCert>(der);
    const int result = cert->parse(CA_TYPE, NO_VERIFY, nullptr);
    const DecodedCert& c = **cert;
    const bool maySign =
        c.isCA != 0 && (c.extKeyUsageSet == 0 || (c.extKeyUsage & KEYUSE_KEY_CERT_SIGN) != 0);
    if (result != 0 || !maySign)
      return refuseAnchor(file, number,
                          fmt::format("({}) is not a CA certificate (basicConstraints CA, keyUsage "
                                      "keyCertSign)",
                                      names->subject));
    if (!info->keyFault.empty())
      return refuseAnchor(
          file, number,
          fmt::format("({}) cannot verify {}, because wolfSSL does not support its key: {}",
                      names->subject, words_.peers, info->keyFault));
    if (names->unheldConstraints)
      return refuseAnchor(file, number,
                          fmt::format("({}) has nameConstraints of a kind that wolfSSL {} cannot "
                                      "enforce",
                                      names->subject, tlsLibraryVersion()));
    TrustAnchor anchor;
    anchor.der = der;
    anchor.subject = names->subject;
    anchor.nameHash = names->subjectHash;
    std::memcpy(anchor.keyId.data(), c.extSubjKeyId,
                std::min(anchor.keyId.size(), sizeof(c.extSubjKeyId)));
    anchor.issuerHash = names->issuerHash;
    anchor.keyPin = names->keyPin;
    anchor.caId = caIdOf(anchor.nameHash, anchor.keyPin);
    anchor.certificateId = certificateIdOf(der);
    anchor.serial = names->serialKey;
    anchor.signsLists = c.extKeyUsageSet == 0 || (c.extKeyUsage & KEYUSE_CRL_SIGN) != 0;
    anchor.notBefore = info->notBefore;
    anchor.notAfter = info->notAfter;
    anchor.nameConstraints = cert->hasNameConstraints();
    if ((now_ > anchor.notAfter || now_ < anchor.notBefore) && !source_.systemBundle)
      out_.warnings.push_back(
          {false, file,
           fmt::format("{}: {} {} ({}): its {} are refused", path, names->subject,
                       now_ > anchor.notAfter ? "has expired" : "is not valid yet",
                       utcText(now_ > anchor.notAfter ? anchor.notAfter : anchor.notBefore),
                       words_.peers)});
    if (const int added = addAnchor(manager_.get(), der);
        added != WOLFSSL_SUCCESS && now_ <= anchor.notAfter && now_ >= anchor.notBefore)
      return refuseAnchor(file, number,
                          fmt::format("({}): {}", names->subject, tlsErrorText(added)));
    auth_->anchors.push_back(std::move(anchor));
  }

  void readLists() {
    for (size_t i = 0; i < source_.crlFiles.size(); ++i) {
      const std::string& path = source_.crlFiles[i];
      auto ders = units(path, crlBytes_[i], [](std::string_view label) {
        return label == "X509 CRL" || label == "CRL";
      });
      if (!ders) {
        crlError(i, ders.error().text);
        continue;
      }
      if (ders->empty())
        crlError(i, path +
                        ": no CRL found: a PEM block -----BEGIN X509 CRL----- or "
                        "DER is expected");
      for (const auto& der : *ders) readOneList(i, der);
    }
  }

  void readOneList(size_t file, const std::vector<uint8_t>& der) {
    const std::string& path = source_.crlFiles[file];
    auto list = readRevocationList(der);
    if (!list) return crlError(file, path + ": is not a readable CRL");
    list->path = path;
    if (list->nextUpdate == 0)
      return crlError(file, fmt::format("{}: the CRL of {} does not say when the next one is due "
                                        "(nextUpdate)",
                                        path, list->issuer));
    if (list->partial)
      return crlError(file,
                      fmt::format("{}: the CRL of {} has a critical extension: delta CRLs and "
                                  "partitioned CRLs are not supported",
                                  path, list->issuer));
    if (!findSigner(file, *list, der)) return;
    auth_->lists.push_back(std::move(*list));
    listFiles_.push_back(file);
  }

  void warnOfList(size_t file, const RevocationList& list, std::string_view text) {
    if (caBroken_) return;  // the CRL's issuer may be in the unreadable CA file
    out_.warnings.push_back(
        {true, file, fmt::format("{}: the CRL of {} {}", list.path, list.issuer, text)});
  }

  /// Finds the anchors to which the CRL belongs. Such an anchor must have the name of the CRL's
  /// issuer, and the anchor's key must have signed the CRL.
  bool findSigner(size_t file, RevocationList& list, const std::vector<uint8_t>& der) {
    bool named = false, keyKnown = false, maySign = false;
    std::string failure;
    for (const TrustAnchor& anchor : auth_->anchors) {
      if (anchor.nameHash != list.issuerHash) continue;
      named = true;
      if (list.issuerKeyId.size() == anchor.keyId.size() &&
          !std::equal(anchor.keyId.begin(), anchor.keyId.end(), list.issuerKeyId.begin()))
        continue;
      keyKnown = true;
      maySign = maySign || anchor.signsLists;
      if (!anchor.signsLists || list.isOf(anchor.nameHash, anchor.keyPin)) continue;
      if (std::string reason = refusalOf(anchor, list, der); !reason.empty())
        failure = std::move(reason);
      else
        list.keyPins.push_back(anchor.keyPin);
    }
    if (!list.keyPins.empty()) return true;
    if (!named)
      warnOfList(file, list,
                 fmt::format("is ignored: its issuer is not in {}, so it cannot be verified",
                             words_.caKey));
    else if (!keyKnown)
      warnOfList(
          file, list,
          fmt::format("is ignored: {} has its issuer with a different key only", words_.caKey));
    else if (!maySign)
      warnOfList(file, list,
                 "is ignored: the keyUsage of its issuer does not allow signing CRLs (cRLSign)");
    else
      refusedLists_.push_back({file, std::move(list), std::move(failure), false});
    return false;
  }

  /// Returns why culvert refuses the CRL for this anchor, or an empty string if culvert accepts it.
  /// culvert verifies the signature itself, because wolfSSL does not verify an expired CRL. wolfSSL
  /// verifies the CRL only if culvert does not support the signature algorithm.
  std::string refusalOf(const TrustAnchor& anchor, const RevocationList& list,
                        const std::vector<uint8_t>& der) const {
    DerReader file(der);
    DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
    const auto data = readSignedData(parts);
    const SignatureVerdict verdict =
        data ? verifySignature(*data, publicKeyOf(anchor.der)) : SignatureVerdict::kFalse;
    if (verdict == SignatureVerdict::kWeak) return "is signed with MD5 or SHA-1";
    if (verdict == SignatureVerdict::kFalse)
      return "does not verify: its signature was not made by its issuer";
    if (verdict == SignatureVerdict::kUnknown) {
      if (now_ > list.nextUpdate)
        return "does not verify: it has expired and its signature algorithm is not known";
      if (const int result = verifyList(anchor, der); result != WOLFSSL_SUCCESS)
        return "does not verify: " + tlsErrorText(result);
    }
    if (list.thisUpdate > now_ + kClockSkew)
      return fmt::format("is not valid yet (thisUpdate {}, the time is {})",
                         utcText(list.thisUpdate), utcText(now_));
    return {};
  }

  /// Verifies the CRL with wolfSSL. wolfSSL uses the first anchor with the issuer's name, so the
  /// certificate manager contains only the anchor to check.
  static int verifyList(const TrustAnchor& anchor, const std::vector<uint8_t>& der) {
    const CertManager manager(wolfSSL_CertManagerNew());
    if (manager == nullptr) return MEMORY_E;
    // Old wolfSSL releases refuse an anchor that is not valid now. Then the CRL has no effect,
    // because culvert refuses the clients of such an anchor in any case.
    if (addAnchor(manager.get(), anchor.der) != WOLFSSL_SUCCESS) return ASN_CRL_NO_SIGNER_E;
    return wolfSSL_CertManagerLoadCRLBuffer(manager.get(), der.data(),
                                            static_cast<long>(der.size()), WOLFSSL_FILETYPE_ASN1);
  }

  /// Reports the CRLs that failed verification. Such a CRL is an error, unless each CA with the
  /// issuer's name has another CRL that was verified.
  void settleRefused() {
    for (RefusedList& one : refusedLists_) {
      const bool replaced = std::ranges::all_of(auth_->anchors, [&](const TrustAnchor& anchor) {
        return anchor.nameHash != one.list.issuerHash || !anchor.signsLists ||
               hasList(*auth_, anchor);
      });
      one.isError = !replaced;
      if (replaced)
        warnOfList(one.file, one.list, one.reason + "; culvert uses another CRL of its issuer");
      else
        crlError(one.file,
                 fmt::format("{}: the CRL of {} {}", one.list.path, one.list.issuer, one.reason));
    }
  }

  void warnOfOlder(const PeerAuth& before) {
    for (size_t i = 0; i < auth_->lists.size(); ++i) {
      const RevocationList& list = auth_->lists[i];
      const bool older = std::ranges::any_of(before.lists, [&list](const RevocationList& old) {
        return list.thisUpdate < old.thisUpdate &&
               std::ranges::any_of(list.keyPins,
                                   [&](const auto& pin) { return old.isOf(list.issuerHash, pin); });
      });
      if (older)
        warnOfList(listFiles_[i], list,
                   fmt::format("is older ({}) than the CRL in use: certificates revoked since then "
                               "are accepted again",
                               utcText(list.thisUpdate)));
    }
  }

  /// If a CA has several CRLs, keeps the newest CRL. If several CRLs have the newest date, merges
  /// these CRLs.
  void settleLists() {
    std::vector<RevocationList>& lists = auth_->lists;
    for (size_t i = 0; i < lists.size(); ++i) {
      for (size_t k = 0; k < lists.size() && !lists[i].keyPins.empty(); ++k) {
        RevocationList& other = lists[k];
        const bool together = other.thisUpdate == lists[i].thisUpdate && k < i;
        if (k == i || (other.thisUpdate <= lists[i].thisUpdate && !together)) continue;
        const size_t taken = std::erase_if(lists[i].keyPins, [&](const auto& pin) {
          return other.isOf(lists[i].issuerHash, pin);
        });
        if (taken == 0) continue;
        if (together) merge(other, lists[i]);
        warnOfList(listFiles_[i], lists[i],
                   together
                       ? "has the same date as the one in " + other.path + ": culvert uses both"
                       : "is older than the one in " + other.path + ": culvert uses the newer");
      }
    }
    for (size_t i = 0; i < lists.size(); ++i)
      if (!lists[i].keyPins.empty() && now_ > lists[i].nextUpdate)
        warnOfList(listFiles_[i], lists[i],
                   fmt::format("has expired ({}): culvert refuses all {} of this issuer and of "
                               "CAs that it issued, until there is a new CRL",
                               utcText(lists[i].nextUpdate), words_.peers));
    std::erase_if(lists, [](const RevocationList& list) { return list.keyPins.empty(); });
  }

  static void merge(RevocationList& into, const RevocationList& from) {
    std::vector<SerialKey> both;
    std::set_union(into.serials.begin(), into.serials.end(), from.serials.begin(),
                   from.serials.end(), std::back_inserter(both));
    into.serials = std::move(both);
    into.nextUpdate = std::min(into.nextUpdate, from.nextUpdate);
    into.merged = true;
  }

  static bool hasList(const PeerAuth& auth, const TrustAnchor& anchor) {
    return std::ranges::any_of(auth.lists, [&anchor](const RevocationList& list) {
      return list.isOf(anchor.nameHash, anchor.keyPin);
    });
  }

  /// Reports an error if a reload loses a CRL. A CRL may be replaced only by a CRL from the same
  /// file or by a CRL that is not older.
  void refuseLostLists(const PeerAuth& before) {
    for (const RevocationList& old : before.lists) {
      const auto file = std::ranges::find(source_.crlFiles, old.path);
      if (file == source_.crlFiles.end()) continue;
      for (const TrustAnchor& anchor : auth_->anchors) {
        if (!old.isOf(anchor.nameHash, anchor.keyPin) || isFollowed(old, anchor)) continue;
        if (hasRefused(old, true)) continue;  // the failed CRL has already been reported
        crlError(
            static_cast<size_t>(file - source_.crlFiles.begin()),
            hasList(*auth_, anchor)
                ? fmt::format("{}: no longer has a usable CRL of {}, and the one in another file "
                              "is older: certificates revoked since then would be accepted again",
                              old.path, anchor.subject)
                : fmt::format(
                      "{}: no longer has a usable CRL of {}: culvert would refuse all its {}",
                      old.path, anchor.subject, words_.peers));
      }
    }
  }

  bool isFollowed(const RevocationList& old, const TrustAnchor& anchor) const {
    const bool doubtful = hasRefused(old, false);
    if (old.merged && doubtful) return false;
    return std::ranges::any_of(auth_->lists, [&](const RevocationList& list) {
      return list.isOf(anchor.nameHash, anchor.keyPin) &&
             (list.thisUpdate >= old.thisUpdate || (list.path == old.path && !doubtful));
    });
  }

  /// Returns whether a CRL with the issuer name of `old` failed verification. If `asError` is true,
  /// counts only failures that were reported as errors.
  bool hasRefused(const RevocationList& old, bool asError) const {
    return std::ranges::any_of(refusedLists_, [&](const RefusedList& one) {
      return one.list.issuerHash == old.issuerHash && (one.isError || !asError);
    });
  }

  void warnOfNoList() {
    if (source_.crlFiles.empty()) return;
    for (const TrustAnchor& anchor : auth_->anchors)
      if (!hasList(*auth_, anchor))
        out_.warnings.push_back({true, 0,
                                 fmt::format("no file has a CRL of {}: culvert refuses its {}",
                                             anchor.subject, words_.peers)});
  }

  /// Marks the anchors that their issuer has revoked. A revoked anchor must not verify clients,
  /// even if the CRL that revokes it has expired.
  void markRevoked() {
    for (TrustAnchor& anchor : auth_->anchors)
      for (size_t i = 0; i < auth_->lists.size(); ++i)
        if (auth_->lists[i].issuerHash == anchor.issuerHash && madeByIssuer(i, anchor))
          anchor.issuerLists.push_back(i);
    for (TrustAnchor& anchor : auth_->anchors) {
      anchor.revoked =
          std::any_of(anchor.issuerLists.begin(), anchor.issuerLists.end(),
                      [&](size_t i) { return auth_->lists[i].revokes(anchor.serial); });
      if (anchor.revoked)
        out_.warnings.push_back({false, 0,
                                 fmt::format("{} is revoked by its issuer: its {} are refused",
                                             anchor.subject, words_.peers)});
    }
  }

  /// Returns whether the CRL with index `list` was issued by the issuer of `anchor`.
  bool madeByIssuer(size_t list, const TrustAnchor& anchor) const {
    return std::any_of(auth_->anchors.begin(), auth_->anchors.end(),
                       [&](const TrustAnchor& issuer) {
                         return auth_->lists[list].isOf(issuer.nameHash, issuer.keyPin) &&
                                hasIssued(issuer, anchor);
                       });
  }

  /// Returns whether `issuer` issued `anchor`. Also returns true if culvert cannot check this
  /// because memory runs out.
  static bool hasIssued(const TrustAnchor& issuer, const TrustAnchor& anchor) {
    const CertManager manager(wolfSSL_CertManagerNew());
    if (manager == nullptr || addAnchor(manager.get(), issuer.der) != WOLFSSL_SUCCESS) return true;
    ParsedCert cert(anchor.der);
    const int result = cert.parse(CERT_TYPE, VERIFY, manager.get());
    return result != ASN_NO_SIGNER_E && result != ASN_SELF_SIGNED_E && result != ASN_SIG_CONFIRM_E;
  }

  void addRules() {
    for (const auto& rule : source_.rules)
      (void)auth_->rules.add(rule.kind, rule.text);  // cannot fail: the rules were checked
  }

  const PeerAuthSource& source_;
  const PeerWords& words_;
  const int64_t now_;
  std::vector<SecretBytes> caBytes_, crlBytes_;
  struct RefusedList {
    size_t file;
    RevocationList list;
    std::string reason;
    bool isError = false;
  };
  std::vector<std::string> refusedCertificates_;  // error texts about the current file
  bool caBroken_ = false;
  std::vector<size_t> listFiles_;          // while loading: the file of each CRL
  std::vector<RefusedList> refusedLists_;  // failed verification; the issuer is an anchor
  CertManager manager_;
  std::shared_ptr<PeerAuth> auth_;
  PeerAuthLoaded out_;
};

}  // namespace

const PeerWords& wordsOf(PeerPurpose purpose) {
  static constexpr PeerWords kClientWords{.peer = "client",
                                          .peers = "clients",
                                          .caKey = "client-ca",
                                          .crlKey = "crl",
                                          .depthKey = "verify-depth",
                                          .pinKey = "allow-spki"};
  static constexpr PeerWords kServerWords{.peer = "backend",
                                          .peers = "backends",
                                          .caKey = "backend-ca",
                                          .crlKey = "backend-crl",
                                          .depthKey = "backend-verify-depth",
                                          .pinKey = "backend-spki"};
  return purpose == PeerPurpose::kClients ? kClientWords : kServerWords;
}

/// Without WOLFSSL_ALWAYS_VERIFY_CB, wolfSSL calls the verify callback (peer_proof.h) only for
/// failures, so culvert would not notice that a certificate is missing. scripts/wolfssl.sh sets
/// that build option, and Debian's library gets it with the OpenSSL layer. In both builds,
/// options.h defines the option.
Result<void> peerAuthPossible() {
#ifdef WOLFSSL_ALWAYS_VERIFY_CB
  return {};
#else
  return fail("wolfSSL " + tlsLibraryVersion() +
              " as it was built (without WOLFSSL_ALWAYS_VERIFY_CB) cannot verify clients: only off "
              "is possible");
#endif
}

PeerAuthLoaded loadPeerAuth(const PeerAuthSource& source, int64_t now,
                            const std::shared_ptr<const PeerAuth>& before) {
  return Loader(source, now).load(before);
}

}  // namespace culvert
