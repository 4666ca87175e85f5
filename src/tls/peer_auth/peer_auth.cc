// SPDX-License-Identifier: GPL-3.0-or-later
// Loading and checking of client CAs and revocation lists.
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
constexpr int64_t kClockSkew = 300;  // between a CA's clock and ours, seconds

/// Adds the length too, so that two parts are never taken for one.
void addPart(Sha256Hasher& sha, Bytes part) {
  sha.addInteger(part.size());
  sha.add(part);
}

class Loader {
 public:
  Loader(const PeerAuthSource& source, int64_t now) : source_(source), now_(now) {}

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

  /// The DER units of a file: its PEM blocks with one of these labels, or the file itself.
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
      caError(0, fmt::format("{} certificates of client CAs, at most {} are allowed",
                             auth_->anchors.size(), kMostAnchors));
  }

  /// One bad certificate does not take the rest of a bundle with it.
  void judgeRefused(size_t file, bool othersAreThere) {
    for (std::string& text : refusedCertificates_) {
      if (othersAreThere)
        out_.warnings.push_back({false, file, std::move(text) + "; it is left out"});
      else
        caError(file, std::move(text));
    }
  }

  void refuseAnchor(size_t file, size_t number, std::string_view why) {
    refusedCertificates_.push_back(
        fmt::format("{}: certificate {} {}", source_.caFiles[file], number, why));
  }

  /// `number` is its place in the file, from 1.
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
                          fmt::format("({}) is no CA certificate (basicConstraints CA, keyUsage "
                                      "keyCertSign)",
                                      names->subject));
    if (!info->keyFault.empty())
      return refuseAnchor(
          file, number,
          fmt::format("({}) cannot verify clients, its key is of a kind that cannot "
                      "be used: {}",
                      names->subject, info->keyFault));
    if (names->unheldConstraints)
      return refuseAnchor(file, number,
                          fmt::format("({}) has nameConstraints of a kind that wolfSSL {} cannot "
                                      "hold its clients to",
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
    if (now_ > anchor.notAfter || now_ < anchor.notBefore)
      out_.warnings.push_back(
          {false, file,
           fmt::format("{}: {} {} ({}): its clients are refused", path, names->subject,
                       now_ > anchor.notAfter ? "has expired" : "is not valid yet",
                       utcText(now_ > anchor.notAfter ? anchor.notAfter : anchor.notBefore))});
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
                        ": no revocation list found: a PEM block -----BEGIN X509 CRL----- or "
                        "DER is expected");
      for (const auto& der : *ders) readOneList(i, der);
    }
  }

  void readOneList(size_t file, const std::vector<uint8_t>& der) {
    const std::string& path = source_.crlFiles[file];
    auto list = readRevocationList(der);
    if (!list) return crlError(file, path + ": is no revocation list that can be read");
    list->path = path;
    if (list->nextUpdate == 0)
      return crlError(file, fmt::format("{}: the list of {} does not say when the next one comes "
                                        "(nextUpdate)",
                                        path, list->issuer));
    if (list->partial)
      return crlError(file, fmt::format("{}: the list of {} has a critical extension: lists of "
                                        "changes, or for some certificates only, cannot be used",
                                        path, list->issuer));
    if (!findSigner(file, *list, der)) return;
    auth_->lists.push_back(std::move(*list));
    listFiles_.push_back(file);
  }

  void warnOfList(size_t file, const RevocationList& list, std::string_view text) {
    if (caBroken_) return;  // it may only follow from that
    out_.warnings.push_back(
        {true, file, fmt::format("{}: the list of {} {}", list.path, list.issuer, text)});
  }

  /// Whose list it is: of every anchor of its issuer's name whose key has signed it.
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
                 "is of no use: its issuer is not in client-ca, so it cannot be verified");
    else if (!keyKnown)
      warnOfList(file, list,
                 "is of no use: it is signed with another key than client-ca has for its issuer");
    else if (!maySign)
      warnOfList(
          file, list,
          "is of no use: the keyUsage of its issuer does not allow it to sign lists (cRLSign)");
    else
      refusedLists_.push_back({file, std::move(list), std::move(failure), false});
    return false;
  }

  /// Empty, or why the list does not count for this anchor. wolfSSL looks at the dates first, and
  /// not at the signature of a list that has expired: so the signature is verified here, and by
  /// wolfSSL only where the algorithm is not known here.
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
      return fmt::format("is from the future (thisUpdate {}, now it is {})",
                         utcText(list.thisUpdate), utcText(now_));
    return {};
  }

  /// With this anchor alone, for wolfSSL takes the first of a name.
  static int verifyList(const TrustAnchor& anchor, const std::vector<uint8_t>& der) {
    const CertManager manager(wolfSSL_CertManagerNew());
    if (manager == nullptr) return MEMORY_E;
    // Old releases do not take an anchor outside its dates, whose clients are refused anyhow.
    if (addAnchor(manager.get(), anchor.der) != WOLFSSL_SUCCESS) return ASN_CRL_NO_SIGNER_E;
    return wolfSSL_CertManagerLoadCRLBuffer(manager.get(), der.data(),
                                            static_cast<long>(der.size()), WOLFSSL_FILETYPE_ASN1);
  }

  /// Lists that cannot be believed: an error, unless there is a sound one of each CA of that name.
  void settleRefused() {
    for (RefusedList& one : refusedLists_) {
      const bool replaced = std::ranges::all_of(auth_->anchors, [&](const TrustAnchor& anchor) {
        return anchor.nameHash != one.list.issuerHash || !anchor.signsLists ||
               hasList(*auth_, anchor);
      });
      one.isError = !replaced;
      if (replaced)
        warnOfList(one.file, one.list, one.reason + "; another one of its issuer counts");
      else
        crlError(one.file,
                 fmt::format("{}: the list of {} {}", one.list.path, one.list.issuer, one.reason));
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
                   fmt::format("is older ({}) than the one in use until now: who was revoked since "
                               "may pass again",
                               utcText(list.thisUpdate)));
    }
  }

  /// Of several lists of one CA the newest counts, and two of one time count together.
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
                   together ? "is of the same time as that in " + other.path + ": both count"
                            : "is older than that in " + other.path + ", which counts");
      }
    }
    for (size_t i = 0; i < lists.size(); ++i)
      if (!lists[i].keyPins.empty() && now_ > lists[i].nextUpdate)
        warnOfList(listFiles_[i], lists[i],
                   fmt::format("has expired ({}): all clients of this issuer, and of CAs that it "
                               "has issued, are refused until there is a new one",
                               utcText(lists[i].nextUpdate)));
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

  /// The list of a CA that was in use gives way only to one from the same file, or to one that is
  /// not older: a file whose list cannot be used any more is broken.
  void refuseLostLists(const PeerAuth& before) {
    for (const RevocationList& old : before.lists) {
      const auto file = std::ranges::find(source_.crlFiles, old.path);
      if (file == source_.crlFiles.end()) continue;
      for (const TrustAnchor& anchor : auth_->anchors) {
        if (!old.isOf(anchor.nameHash, anchor.keyPin) || isFollowed(old, anchor)) continue;
        if (hasRefused(old, true)) continue;  // is an error already
        crlError(static_cast<size_t>(file - source_.crlFiles.begin()),
                 hasList(*auth_, anchor)
                     ? fmt::format("{}: holds no list of {} any more that can be used, and that of "
                                   "another file is older: who was revoked since would pass again",
                                   old.path, anchor.subject)
                     : fmt::format("{}: holds no list of {} any more that can be used: all its "
                                   "clients would be refused",
                                   old.path, anchor.subject));
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

  /// Whether a list in the name of this one's issuer could not be believed.
  bool hasRefused(const RevocationList& old, bool asError) const {
    return std::ranges::any_of(refusedLists_, [&](const RefusedList& one) {
      return one.list.issuerHash == old.issuerHash && (one.isError || !asError);
    });
  }

  void warnOfNoList() {
    if (source_.crlFiles.empty()) return;
    for (const TrustAnchor& anchor : auth_->anchors)
      if (!hasList(*auth_, anchor))
        out_.warnings.push_back(
            {true, 0,
             "no file holds a list of " + anchor.subject + ": clients that it issued are refused"});
  }

  /// A CA in the middle that its own issuer has revoked lets nobody in any more, however old the
  /// list is that says so.
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
        out_.warnings.push_back(
            {false, 0, anchor.subject + " is revoked by its issuer: its clients are refused"});
    }
  }

  /// Whether the list is of the anchor that has issued this one.
  bool madeByIssuer(size_t list, const TrustAnchor& anchor) const {
    return std::any_of(auth_->anchors.begin(), auth_->anchors.end(),
                       [&](const TrustAnchor& issuer) {
                         return auth_->lists[list].isOf(issuer.nameHash, issuer.keyPin) &&
                                hasIssued(issuer, anchor);
                       });
  }

  /// In doubt it has.
  static bool hasIssued(const TrustAnchor& issuer, const TrustAnchor& anchor) {
    const CertManager manager(wolfSSL_CertManagerNew());
    if (manager == nullptr || addAnchor(manager.get(), issuer.der) != WOLFSSL_SUCCESS) return true;
    ParsedCert cert(anchor.der);
    const int result = cert.parse(CERT_TYPE, VERIFY, manager.get());
    return result != ASN_NO_SIGNER_E && result != ASN_SELF_SIGNED_E && result != ASN_SIG_CONFIRM_E;
  }

  void addRules() {
    for (const auto& rule : source_.rules)
      (void)auth_->rules.add(rule.kind, rule.text);  // sound: checked with the configuration
  }

  const PeerAuthSource& source_;
  const int64_t now_;
  std::vector<SecretBytes> caBytes_, crlBytes_;
  struct RefusedList {
    size_t file;
    RevocationList list;
    std::string reason;
    bool isError = false;
  };
  std::vector<std::string> refusedCertificates_;  // certificates of the file at hand
  bool caBroken_ = false;
  std::vector<size_t> listFiles_;          // of auth_->lists while they are read
  std::vector<RefusedList> refusedLists_;  // in the name of a CA that signs lists
  CertManager manager_;
  std::shared_ptr<PeerAuth> auth_;
  PeerAuthLoaded out_;
};

}  // namespace

/// Without it the callback that decides (peer_proof.h) would hear of failures only, and a client
/// without a certificate would be none. scripts/wolfssl.sh sets it, Debian's library has it from
/// its OpenSSL layer; both say so in options.h.
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
