// SPDX-License-Identifier: GPL-3.0-or-later
// RecordCipher: the trace of RFC 8448, traces that Python's cryptography made, sequence numbers,
// explicit nonces, forged records, and no access outside the record.
#include "tls/record/record_cipher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/big_endian.h"
#include "base/hex.h"
#include "guarded_memory.h"
#include "unit/tls/support/peer_records.h"
#include "unit/tls/support/rfc8448.h"

namespace culvert {
namespace {

using Bytes = RecordBytes;

Bytes fromHex(std::string_view digits) {
  const auto bytes = decodeHex(digits);
  EXPECT_TRUE(bytes.has_value()) << digits;
  return bytes.value_or(Bytes{});
}

/// Both ends of one direction.
struct Ends {
  Ends(const SessionCipher& cipher, const DirectionKeys& keys)
      : sealer(cache, cipher, keys), opener(cache, cipher, keys) {}
  Bytes seal(uint8_t type, const Bytes& content) {
    Bytes record(content.size() + sealer.overhead());
    EXPECT_TRUE(sealer.seal(type, content, record.data()));
    return record;
  }
  /// Returns what was opened: in TLS 1.3 with the content type.
  std::optional<Bytes> open(Bytes record) {
    uint8_t* out = record.data() + std::min(opener.bodyStart(), record.size());
    const std::optional<size_t> size = opener.open(record, out);
    if (!size) return std::nullopt;
    return Bytes(out, out + *size);
  }
  KeyCache cache;
  RecordCipher sealer;
  RecordCipher opener;
};

/// What RecordCipher::open returns for a record of `content`.
Bytes innerOf(const SessionCipher& cipher, Bytes content, uint8_t type) {
  if (cipher.tls13) content.push_back(type);
  return content;
}

// --- RFC 8448, section 3 ----------------------------------------------------------------------

DirectionKeys rfc8448Keys(const Rfc8448Direction& direction) {
  DirectionKeys keys;
  std::ranges::copy(fromHex(direction.secret), keys.secret.begin());
  std::ranges::copy(fromHex(direction.key), keys.key.begin());
  std::ranges::copy(fromHex(direction.iv), keys.iv.begin());
  return keys;
}

TEST(RecordCipherRfc8448, EveryRecord) {
  for (const Rfc8448Direction& direction : kRfc8448) {
    SCOPED_TRACE(direction.name);
    Ends ends({}, rfc8448Keys(direction));
    for (const Rfc8448Record& record : direction.records) {
      const Bytes content = fromHex(record.content), sealed = fromHex(record.sealed);
      EXPECT_EQ(ends.seal(record.type, content), sealed);
      EXPECT_EQ(ends.open(sealed), innerOf({}, content, record.type));
    }
  }
}

TEST(RecordCipherRfc8448, EveryProvider) {
  for (const AeadProvider* provider : {&wolfcryptAead(), vaesAead()}) {
    if (provider == nullptr || !provider->offers(AeadKind::kAes128Gcm)) continue;
    SCOPED_TRACE(provider->name());
    for (const Rfc8448Direction& direction : kRfc8448) {
      ExpandedKey key;
      ASSERT_TRUE(provider->expand(AeadKind::kAes128Gcm, fromHex(direction.key), key));
      AeadNonce nonce;
      ASSERT_TRUE(decodeHex(direction.iv, nonce));
      for (const Rfc8448Record& record : direction.records) {
        const Bytes content = fromHex(record.content), expected = fromHex(record.sealed);
        Bytes sealed(expected.begin(), expected.begin() + 5);
        sealed.resize(expected.size());
        ASSERT_TRUE(provider->seal(key, nonce, std::span(expected).first(5), content, record.type,
                                   sealed.data() + 5));
        EXPECT_EQ(sealed, expected);
        nonce.back() = static_cast<uint8_t>(nonce.back() ^ record.number ^ (record.number + 1));
      }
    }
  }
}

// --- traces made by Python's cryptography 38 ---------------------------------------------------

// The secret is 40 41 42 ..; key and IV are derived from it with the labels "key" and "iv". TLS 1.2
// uses the same key and IV.
struct Trace {
  AeadKind aead;
  const char* key;
  const char* iv;
  const char* data13;     ///< bytes 1 to 19, sequence number 0
  const char* close13;    ///< close_notify, sequence number 0x0102030405060708
  const char* updated13;  ///< bytes 1 to 19, sequence number 0, after a KeyUpdate
  const char* data12;     ///< bytes 1 to 19, sequence number 0, explicit nonce 2^64 - 2
  const char* close12;    ///< close_notify, 0x0102030405060708, nonce 0x1122334455667788
};
constexpr Trace kTraces[] = {
    {AeadKind::kAes128Gcm, "54ff8cb00f433b8c65731bce8170ee3b", "380b541dc252b1f0618aea80",
     "1703030024f6ba2c3f99d5e58d2533a96d0c39b2febd978d05b6f75b0d2bafb297cac6dff27fb057c4",
     "170303001377db5f33ea0dbd1eb901ffb2fc069b93904f9f",
     "1703030024c322a3031f4594256dd3eec87dbf6cb834fe8866742f7bba523282f12ba567f6d8e1dc6d",
     "170303002bfffffffffffffffe8cb99d700c8c1cfb28fcbf2222c03b072e5e737d1fcda1221a1ed73661ddb65d07"
     "d3b4",
     "150303001a1122334455667788add0b3cdae29159e4d8987b57d723397bdcc"},
    {AeadKind::kAes256Gcm, "32f584230ad7bd6ea025e6e6cc16e757358c962ebc8196f5433acae983fb668b",
     "0e7c7d30272bc74a0c9833b2",
     "170303002486d81dd42f338efb642a9d276a8e29affc492a8485b4bc59605889837cb4b9a5dc4c350e",
     "17030300134ee3ff4cf8cc6a44fbbb7058799fa79e4b90f8",
     "1703030024083eb765acfe47c50fcdce481616609e7abfdd27f4c2ebc96c7a452b84f237c34c35e112",
     "170303002bfffffffffffffffe0d31ea593725570df01cf869d08a53fb34893f364aeb9148082815d0af53f1266b"
     "90ec",
     "150303001a1122334455667788a84a544fc276b691392d99c36316f2cdc4a9"},
    {AeadKind::kChaCha20Poly1305,
     "c38a77665cc2c3e5ee40f5a93e41e3766d1096763860b329865168833b5d337e", "380b541dc252b1f0618aea80",
     "1703030024fbcba414bea32378639dbafa5a61d88f8b1b7bf18318f3d7367c49b306e927ca35051f8a",
     "17030300132fe6b74c5a081bf69121b8ea574bbe427b50fb",
     "1703030024f4e31355d188dd4a79e29c16e48dabd0a7ab8c39edd2d1e816983d72025610436a15771b",
     "1703030023fbcba414bea32378639dbafa5a61d88f8b1b7bf4073bcc0e16e7ab894f186a5c4693e7",
     "15030300122fe69d1cae91991a4c83337368ce75db54b3"},
};

constexpr uint64_t kTraceSequence = 0x0102030405060708;

DirectionKeys traceKeys(const Trace& trace) {
  DirectionKeys keys;
  for (size_t i = 0; i < keys.secret.size(); ++i) keys.secret[i] = static_cast<uint8_t>(0x40 + i);
  std::ranges::copy(fromHex(trace.key), keys.key.begin());
  std::ranges::copy(fromHex(trace.iv), keys.iv.begin());
  return keys;
}

SessionCipher traceCipher(const Trace& trace, bool tls13) {
  return {trace.aead, tls13, static_cast<uint8_t>(trace.aead == AeadKind::kAes256Gcm ? 48 : 32)};
}

void expectRecord(Ends& ends, const SessionCipher& cipher, uint8_t type, const Bytes& content,
                  const char* expected) {
  EXPECT_EQ(encodeHex(ends.seal(type, content)), expected);
  EXPECT_EQ(ends.open(fromHex(expected)), innerOf(cipher, content, type));
}

TEST(RecordCipherTraces, EverySuite) {
  Bytes text(19);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<uint8_t>(i + 1);
  for (const Trace& trace : kTraces) {
    for (const bool tls13 : {true, false}) {
      SCOPED_TRACE(nameOf({trace.aead, tls13, TlsRole::kServer}));
      const SessionCipher cipher = traceCipher(trace, tls13);
      DirectionKeys keys = traceKeys(trace);
      keys.nextNonce = 0xfffffffffffffffe;
      Ends ends(cipher, keys);
      expectRecord(ends, cipher, kApplicationData, text, tls13 ? trace.data13 : trace.data12);
      if (tls13) {
        ASSERT_TRUE(ends.sealer.update() && ends.opener.update());
        expectRecord(ends, cipher, kApplicationData, text, trace.updated13);
      }
      keys.sequence = kTraceSequence;
      keys.nextNonce = 0x1122334455667788;
      Ends later(cipher, keys);
      expectRecord(later, cipher, kAlertRecord, {1, 0}, tls13 ? trace.close13 : trace.close12);
    }
  }
}

// --- every suite against the peer of the tests -------------------------------------------------

class RecordCipherTest : public testing::TestWithParam<RecordSuite> {
 protected:
  RecordCipherTest() { makeKeys(GetParam(), keys_); }
  Bytes sealBy(RecordCipher& cipher, uint8_t type, const Bytes& content) {
    Bytes record(content.size() + cipher.overhead());
    EXPECT_TRUE(cipher.seal(type, content, record.data()));
    return record;
  }
  bool explicitNonce() const {
    return !keys_.cipher.tls13 && keys_.cipher.aead != AeadKind::kChaCha20Poly1305;
  }

  SessionKeys keys_;
  KeyCache cache_;
  ByteSource source_{1};
};

TEST_P(RecordCipherTest, Overhead) {
  const RecordCipher cipher(cache_, keys_.cipher, keys_.in);
  EXPECT_EQ(cipher.bodyStart(), explicitNonce() ? 13u : 5u);
  EXPECT_EQ(cipher.overhead(), keys_.cipher.tls13 ? 22u : explicitNonce() ? 29u : 21u);
}

TEST_P(RecordCipherTest, SealsWhatThePeerOpens) {
  RecordCipher cipher(cache_, keys_.cipher, keys_.in);
  PeerRecords peer(keys_.cipher, keys_.in);
  for (const size_t size : {0, 1, 2, 15, 16, 17, 100, 1369, 16383, 16384}) {
    const uint8_t type = size % 2 == 0 ? kApplicationData : kAlertRecord;
    const Bytes content = source_.bytes(size), record = sealBy(cipher, type, content);
    std::span<const uint8_t> rest = record;
    const auto opened = peer.open(rest);
    ASSERT_TRUE(opened.has_value()) << size;
    EXPECT_TRUE(rest.empty());
    EXPECT_EQ(opened->type, type);
    EXPECT_EQ(opened->content, content);
    EXPECT_EQ(cipher.sequence(), peer.keys.sequence);
  }
}

TEST_P(RecordCipherTest, OpensWhatThePeerSeals) {
  RecordCipher cipher(cache_, keys_.cipher, keys_.in);
  PeerRecords peer(keys_.cipher, keys_.in);
  for (const bool inPlace : {true, false}) {
    for (const size_t size : {0, 1, 2, 15, 16, 17, 100, 1369, 16384}) {
      const Bytes content = source_.bytes(size);
      Bytes record = peer.seal(kApplicationData, content);
      Bytes other(record.size());
      uint8_t* out = inPlace ? record.data() + cipher.bodyStart() : other.data();
      const std::optional<size_t> opened = cipher.open(record, out);
      const Bytes expected = innerOf(keys_.cipher, content, kApplicationData);
      ASSERT_EQ(opened, expected.size());
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), out));
    }
  }
}

TEST_P(RecordCipherTest, ExplicitNoncesCountUp) {
  if (!explicitNonce()) return;
  for (const uint64_t first :
       {uint64_t{0}, uint64_t{0xff}, uint64_t{0x1234567890abcdef}, UINT64_MAX - 1}) {
    keys_.in.nextNonce = first;
    keys_.in.sequence = 5;  // another number than the nonce
    RecordCipher cipher(cache_, keys_.cipher, keys_.in);
    for (uint64_t i = 0; i < 4; ++i) {
      const Bytes record = sealBy(cipher, kApplicationData, {1});
      EXPECT_EQ(bigEndian(std::span(record).subspan(5, 8)), first + i);
    }
  }
}

TEST_P(RecordCipherTest, SequenceNumbersDoNotWrap) {
  keys_.in.sequence = UINT64_MAX - 1;
  RecordCipher sealer(cache_, keys_.cipher, keys_.in);
  RecordCipher opener(cache_, keys_.cipher, keys_.in);
  PeerRecords peer(keys_.cipher, keys_.in);
  Bytes record = sealBy(sealer, kApplicationData, {1, 2});
  EXPECT_EQ(record, peer.seal(kApplicationData, {1, 2})) << "the last number but one counts";
  EXPECT_TRUE(opener.open(record, record.data() + opener.bodyStart()));
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(sealer.seal(kApplicationData, {}, record.data()));
    Bytes next = peer.seal(kApplicationData, {1, 2});
    EXPECT_FALSE(opener.open(next, next.data() + opener.bodyStart()));
    EXPECT_EQ(sealer.sequence(), UINT64_MAX);
    EXPECT_EQ(opener.sequence(), UINT64_MAX);
  }
}

TEST_P(RecordCipherTest, AForgedRecordChangesNothing) {
  RecordCipher cipher(cache_, keys_.cipher, keys_.in);
  PeerRecords peer(keys_.cipher, keys_.in);
  const Bytes content = source_.bytes(20), record = peer.seal(kApplicationData, content);
  Bytes out(record.size());
  for (size_t bit = 0; bit < 8 * record.size(); ++bit) {
    Bytes forged = record;
    forged[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    if (!keys_.cipher.tls13 && (bit / 8 == 3 || bit / 8 == 4)) continue;  // the size is its own
    EXPECT_FALSE(cipher.open(forged, out.data())) << bit;
    EXPECT_EQ(cipher.sequence(), 0u);
  }
  for (size_t size = 0; size < record.size(); ++size)
    EXPECT_FALSE(cipher.open(std::span(record).first(size), out.data())) << size;
  EXPECT_EQ(cipher.open(record, out.data()),
            innerOf(keys_.cipher, content, kApplicationData).size());
}

TEST_P(RecordCipherTest, RecordsAreOpenedOnceAndInOrder) {
  RecordCipher cipher(cache_, keys_.cipher, keys_.in);
  PeerRecords peer(keys_.cipher, keys_.in);
  const Bytes first = peer.seal(kApplicationData, {1}), second = peer.seal(kApplicationData, {2});
  Bytes out(first.size());
  EXPECT_FALSE(cipher.open(second, out.data()));
  EXPECT_TRUE(cipher.open(first, out.data()));
  EXPECT_FALSE(cipher.open(first, out.data()));
  EXPECT_TRUE(cipher.open(second, out.data()));
}

TEST_P(RecordCipherTest, UpdatesFollowTheKeySchedule) {
  if (!keys_.cipher.tls13) return;
  RecordCipher sealer(cache_, keys_.cipher, keys_.in);
  PeerRecords peer(keys_.cipher, keys_.in);
  for (int i = 0; i < 20; ++i) {
    const Bytes content = source_.bytes(10);
    const Bytes record = sealBy(sealer, kApplicationData, content);
    EXPECT_EQ(record, peer.seal(kApplicationData, content)) << i;
    if (i % 3 == 0) {
      ASSERT_TRUE(sealer.update());
      peer.update();
      EXPECT_EQ(sealer.sequence(), 0u);
    }
  }
}

// --- guard pages -------------------------------------------------------------------------------

TEST_P(RecordCipherTest, AccessesNothingOutside) {
  const GuardedMemory payloads(17000), records(17000), opened(17000);
  for (const bool high : {true, false}) {
    for (size_t size = 0; size <= 16384; size += size < 300 ? 1 : size < 4096 ? 61 : 1021) {
      RecordCipher sealer(cache_, keys_.cipher, keys_.in);
      RecordCipher opener(cache_, keys_.cipher, keys_.in);
      const Bytes content = source_.bytes(size);
      const std::span<uint8_t> payload = payloads.take(size, high);
      std::ranges::copy(content, payload.begin());
      const std::span<uint8_t> record = records.take(size + sealer.overhead(), high);
      ASSERT_TRUE(sealer.seal(kApplicationData, payload, record.data()));
      const Bytes copy(record.begin(), record.end());
      const Bytes expected = innerOf(keys_.cipher, content, kApplicationData);
      const std::span<uint8_t> out = opened.take(expected.size(), high);
      ASSERT_EQ(opener.open(record, out.data()), expected.size()) << size;
      ASSERT_TRUE(std::ranges::equal(out, expected)) << size;
      // The same record once more, in place.
      ASSERT_TRUE(std::ranges::equal(record, copy)) << "opening elsewhere changes no input";
      RecordCipher inPlace(cache_, keys_.cipher, keys_.in);
      uint8_t* start = record.data() + inPlace.bodyStart();
      ASSERT_EQ(inPlace.open(record, start), expected.size()) << size;
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), start)) << size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Suites, RecordCipherTest, testing::ValuesIn(everyRecordSuite()),
                         [](const auto& info) { return nameOf(info.param); });

}  // namespace
}  // namespace culvert
