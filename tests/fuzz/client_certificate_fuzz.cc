// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes what is read out of a client's certificates, and out of revocation lists: names can be
// shown, serial numbers are found again, and the verifier gets to a verdict. The mutator starts
// from a sound certificate and a sound list and keeps their lengths right, so no corpus is kept.
//
// modules: tls/peer_auth tls/credentials
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "der_mutator.h"
#include "tls/credentials/self_signed.h"
#include "tls/library/tls_library.h"
#include "tls/peer_auth/peer_verifier.h"
#include "tls/peer_auth/revocation_list.h"
#include "tls/x509/certificate_info.h"
#include "tls/x509/signed_data.h"

namespace culvert {
namespace {

constexpr size_t kLongestInput = 4096;

void require(bool condition) {
  if (!condition) std::abort();
}

void requireShowable(const std::string& name) {
  require(name.size() <= kLongestDn + std::string_view("..").size());
  require(std::none_of(name.begin(), name.end(),
                       [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }));
}

const Der& soundCertificate() {
  static const Der der = [] {
    require(initTlsLibrary().has_value());
    const auto made = makeSelfSigned({"www.example.org", "10.0.0.1"});
    const auto bytes = made->credentials->chainDer().front();
    return Der(bytes.begin(), bytes.end());
  }();
  return der;
}

const Der& soundList() {
  static const Der der = [] {
    constexpr uint8_t kUtf8 = 0x0c, kUtcTime = 0x17, kBits = 0x03;
    constexpr uint8_t kInteger = DerReader::kInteger, kOid = DerReader::kOid;
    const Der algorithm = derSequence({derText(kOid, "\x2a\x86\x48\xce\x3d\x04\x03\x02")});
    const Der name = derSequence({derSequence(
        {derSequence({derText(kOid, "\x55\x04\x03"), derText(kUtf8, "a CA")})}, DerReader::kSet)});
    const auto entry = [](const char* serial) {
      return derSequence(
          {derText(kInteger, serial), derText(kUtcTime, "260101000000Z"),
           derSequence({derSequence(
               {derText(kOid, "\x55\x1d\x15"), derText(DerReader::kOctets, "\x0a\x01\x01")})})});
    };
    const Der keyId = derSequence({derText(0x80, "12345678901234567890")});
    const Der extensions = derSequence(
        {derSequence(
            {derSequence({derText(kOid, "\x55\x1d\x23"), derItem(DerReader::kOctets, keyId)})})},
        DerReader::context(0));
    const Der body =
        derSequence({derItem(kInteger, {1}), algorithm, name, derText(kUtcTime, "260101000000Z"),
                     derText(DerReader::kTime, "20360101000000Z"),
                     derSequence({entry("\x11\x22"), entry("\x05"), entry("\x7f")}), extensions});
    return derSequence({body, algorithm, derItem(kBits, {0, 1, 2, 3})});
  }();
  return der;
}

std::shared_ptr<const PeerAuth> someAuth() {
  auto auth = std::make_shared<PeerAuth>();
  const auto sound = readPeerCertificate(soundCertificate());
  const auto list = readRevocationList(soundList());
  require(sound && list && list->serials.size() == 3);
  TrustAnchor anchor;
  anchor.der = soundCertificate();
  anchor.nameHash = sound->subjectHash;
  anchor.keyPin = sound->keyPin;
  anchor.notAfter = INT64_MAX;
  auth->anchors.push_back(std::move(anchor));
  auth->depth = 3;
  for (const auto& [kind, text] : {std::pair{PeerRule::kCn, "x"},
                                   {PeerRule::kDns, "*.example.org"},
                                   {PeerRule::kUri, "spiffe://t/**"},
                                   {PeerRule::kIp, "10.0.0.0/8"}})
    require(auth->rules.add(kind, text).has_value());
  return auth;
}

void fuzzSignature(std::span<const uint8_t> bytes) {
  DerReader file(bytes);
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  if (const auto data = readSignedData(parts)) {
    (void)verifySignature(*data, publicKeyOf(bytes));
    (void)verifySignature(*data, publicKeyOf(soundCertificate()));
  }
}

void fuzzCertificate(std::span<const uint8_t> bytes) {
  static const auto auth = someAuth();
  (void)readCertificate(bytes);
  const auto read = readPeerCertificate(bytes);
  if (!read) return;
  requireShowable(read->subject);
  requireShowable(read->issuer);
  for (const auto& address : read->addresses) require(address.size() == 4 || address.size() == 16);
  (void)auth->rules.allows(*read);
  const std::span<const uint8_t> chain[] = {bytes, soundCertificate(), bytes};
  const PeerVerifier verifier(auth);
  PeerPath path;
  const PeerVerdict verdict = verifier.verify(chain, *read, 1'800'000'000, path);
  require(static_cast<bool>(verdict) == verdict.reason.empty());
  const PeerIdentity kept(*read, &path);
  require(kept.subject() == read->subject && kept.fingerprint() == read->fingerprint);
  require(kept.path().steps.size() == path.steps.size());
  (void)verifier.judgeAgain(kept, 1'800'000'000);
  fuzzSignature(bytes);
}

void fuzzList(std::span<const uint8_t> bytes) {
  const auto list = readRevocationList(bytes);
  if (!list) return;
  requireShowable(list->issuer);
  require(std::is_sorted(list->serials.begin(), list->serials.end()));
  for (const SerialKey& serial : list->serials) require(list->revokes(serial));
}

}  // namespace
}  // namespace culvert

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)culvert::soundCertificate();
  culvert::fuzzCertificate({data, size});
  culvert::fuzzList({data, size});
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t room);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t room, unsigned seed) {
  using namespace culvert;
  if (seed % 16 == 0) return LLVMFuzzerMutate(data, size, room);
  Der input(data, data + size);
  if (size < 40 || seed % 129 == 0) input = seed % 2 == 0 ? soundCertificate() : soundList();
  const Der changed = DerMutator::mutate(input, seed, [](Der body) {
    const size_t before = body.size();
    body.resize(before + 64);
    body.resize(LLVMFuzzerMutate(body.data(), before, body.size()));
    return body;
  });
  if (changed.size() > std::min(room, kLongestInput)) return LLVMFuzzerMutate(data, size, room);
  std::copy(changed.begin(), changed.end(), data);
  return changed.size();
}
