// SPDX-License-Identifier: GPL-3.0-or-later
// A session whose keys were taken out of wolfSSL goes on: a wolfSSL peer and culvert's records
// understand each other, in both directions and roles, wherever the ciphertext is cut.
#include "tls/session/session_export.h"

#include <gtest/gtest.h>

#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/tls_names.h"
#include "tls/record/record_writer.h"
#include "unit/tls/support/memory_handshake.h"
#include "unit/tls/support/replay.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

using Bytes = RecordBytes;

const char* suiteOf(const RecordSuite& suite) {
  static constexpr const char* kTls13[] = {"TLS13-AES128-GCM-SHA256", "TLS13-AES256-GCM-SHA384",
                                           "TLS13-CHACHA20-POLY1305-SHA256"};
  static constexpr const char* kTls12[] = {"ECDHE-ECDSA-AES128-GCM-SHA256",
                                           "ECDHE-ECDSA-AES256-GCM-SHA384",
                                           "ECDHE-ECDSA-CHACHA20-POLY1305"};
  return (suite.tls13 ? kTls13 : kTls12)[static_cast<size_t>(suite.aead)];
}

ClientOptions optionsOf(const RecordSuite& suite) {
  ClientOptions options;
  options.minVersion = options.maxVersion = suite.tls13 ? kTls13 : kTls12;
  options.suites = suiteOf(suite);
  return options;
}

/// An established session: this side exported its keys, the other side stays with wolfSSL.
class SessionExport : public testing::TestWithParam<RecordSuite> {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(initTlsLibrary().has_value()); }

  void SetUp() override {
    ASSERT_TRUE(handshake_.run()) << handshake_.failure().detail;
    ASSERT_TRUE(handshake_.exchange());
    WOLFSSL* own = isServer() ? handshake_.server() : handshake_.client();
    peer_ = isServer() ? handshake_.client() : handshake_.server();
    const ExportResult result = exportSession(own, keys_);
    if (result == ExportResult::kLibrary && recordsText() == "wolfSSL")
      GTEST_SKIP() << "this wolfSSL exports no sessions";
    ASSERT_EQ(result, ExportResult::kDone);
    wolfSSL_SetIOReadCtx(peer_, static_cast<TlsIoContext*>(&io_));
    wolfSSL_SetIOWriteCtx(peer_, static_cast<TlsIoContext*>(&io_));
  }
  bool isServer() const { return GetParam().role == TlsRole::kServer; }

  /// What wolfSSL sends next.
  Bytes takeSent() {
    Bytes bytes(fromPeer_.begin(), fromPeer_.end());
    fromPeer_.clear();
    return bytes;
  }
  void write(const Bytes& content) {
    const int size = static_cast<int>(content.size());
    ASSERT_EQ(wolfSSL_write(peer_, content.data(), size), size);
  }
  /// Lets wolfSSL read `wire`. Returns the payload; the last error is in `error_`.
  Bytes readBy(std::span<const uint8_t> wire) {
    toPeer_.insert(toPeer_.end(), wire.begin(), wire.end());
    Bytes got(128 * 1024);
    size_t size = 0;
    for (;;) {
      const int read = wolfSSL_read(peer_, got.data() + size, static_cast<int>(got.size() - size));
      if (read <= 0) {
        error_ = wolfSSL_get_error(peer_, read);
        break;
      }
      size += static_cast<size_t>(read);
    }
    got.resize(size);
    return got;
  }

  /// About 40 records of wolfSSL, among them KeyUpdates. Payload has up to `most` bytes.
  Recording record(size_t most) {
    Recording recording;
    for (int i = 0; i < 40; ++i) {
      // wolfSSL requests a KeyUpdate in return, and sends no second one before it has come.
      if (GetParam().tls13 && i == 10) {
        EXPECT_EQ(wolfSSL_update_keys(peer_), WOLFSSL_SUCCESS);
      } else {
        const Bytes content = source_.bytes(1 + source_.below(most));
        write(content);
        recording.plaintext.insert(recording.plaintext.end(), content.begin(), content.end());
      }
    }
    wolfSSL_shutdown(peer_);
    recording.wire = takeSent();
    recording.end = ReadKind::kEnd;
    return recording;
  }

  TestTls settings_ = testSettings();
  MemoryHandshake handshake_{optionsOf(GetParam()), settings_};
  WOLFSSL* peer_ = nullptr;
  Pipe toPeer_;
  Pipe fromPeer_;
  MemoryIo io_{{}, &toPeer_, &fromPeer_};
  SessionKeys keys_;
  KeyCache cache_;
  BufferPool pool_;
  ByteSource source_{20261130};
  int error_ = 0;
};

TEST_P(SessionExport, SaysWhatWasNegotiated) {
  EXPECT_EQ(keys_.role, GetParam().role);
  EXPECT_EQ(keys_.cipher.aead, GetParam().aead);
  EXPECT_EQ(keys_.cipher.tls13, GetParam().tls13);
  EXPECT_EQ(keys_.cipher.hashSize, GetParam().aead == AeadKind::kAes256Gcm ? 48 : 32);
  EXPECT_EQ(keys_.sendLimit, kMaxPlaintext);
  EXPECT_EQ(keys_.inputLimit, kMaxPlaintext);
}

TEST_P(SessionExport, ExportsTheSameTwice) {
  SessionKeys again;
  ASSERT_EQ(exportSession(isServer() ? handshake_.server() : handshake_.client(), again),
            ExportResult::kDone);
  EXPECT_EQ(again.in.key, keys_.in.key);
  EXPECT_EQ(again.out.iv, keys_.out.iv);
  EXPECT_EQ(again.out.sequence, keys_.out.sequence);
  EXPECT_EQ(again.out.nextNonce, keys_.out.nextNonce);
}

TEST_P(SessionExport, BothEndsExportTheSameKeys) {
  SessionKeys other;
  ASSERT_EQ(exportSession(peer_, other), ExportResult::kDone);
  const size_t secret = keys_.cipher.tls13 ? keys_.cipher.hashSize : 0;
  const size_t key = aeadKeySize(keys_.cipher.aead);
  for (const auto& [a, b] : {std::pair(&keys_.in, &other.out), std::pair(&keys_.out, &other.in)}) {
    EXPECT_TRUE(std::equal(a->secret.begin(), a->secret.begin() + secret, b->secret.begin()));
    EXPECT_TRUE(std::equal(a->key.begin(), a->key.begin() + key, b->key.begin()));
    EXPECT_EQ(a->iv, b->iv);
    EXPECT_EQ(a->sequence, b->sequence);
  }
}

TEST_P(SessionExport, WaitsForTheRestOfARecord) {
  WOLFSSL* own = isServer() ? handshake_.server() : handshake_.client();
  Pipe in, out;
  MemoryIo io{{}, &in, &out};
  wolfSSL_SetIOReadCtx(own, static_cast<TlsIoContext*>(&io));
  wolfSSL_SetIOWriteCtx(own, static_cast<TlsIoContext*>(&io));
  write({'a', 'b', 'c'});
  const Bytes record = takeSent();
  char text[16];
  SessionKeys keys;
  for (size_t i = 0; i + 1 < record.size(); ++i) {
    in.push_back(record[i]);
    ASSERT_EQ(wolfSSL_read(own, text, sizeof text), -1);
    ASSERT_EQ(exportSession(own, keys), ExportResult::kPending) << i;
  }
  in.push_back(record.back());
  ASSERT_EQ(wolfSSL_read(own, text, 1), 1);
  EXPECT_EQ(exportSession(own, keys), ExportResult::kPending) << "two bytes are unread";
  ASSERT_EQ(wolfSSL_read(own, text, sizeof text), 2);
  ASSERT_EQ(exportSession(own, keys), ExportResult::kDone);
  EXPECT_EQ(keys.in.sequence, keys_.in.sequence + 1);
}

TEST_P(SessionExport, ReadsWolfSslCutAtEveryByte) {
  const Recording recording = record(60);
  Replay(keys_, recording).everyCutIntoTwo();
}

TEST_P(SessionExport, ReadsWolfSslInManyPieces) {
  const Recording recording = record(5000);
  Replay replay(keys_, recording);
  for (const size_t most : {1, 4, 50, 1000, 20'000}) replay.randomCuts(3, most, source_);
}

TEST_P(SessionExport, WolfSslReadsRecordsOfCulvert) {
  RecordWriter writer(cache_, keys_);
  OutputBuffer out(1);
  Bytes expected;
  for (int i = 0; i < 40; ++i) {
    if (keys_.cipher.tls13 && i % 8 == 5) {
      ASSERT_TRUE(writer.keyUpdate(out));
    } else {
      const Bytes content = source_.bytes(1 + source_.below(i % 10 == 0 ? 16384 : 300));
      ASSERT_TRUE(writer.payload(content, out));
      expected.insert(expected.end(), content.begin(), content.end());
    }
  }
  // wolfSSL reads every cut, too, so the wire goes there in pieces.
  Bytes got;
  for (size_t at = 0; at < out.size();) {
    const size_t size = std::min(1 + source_.below(3000), out.size() - at);
    const Bytes read = readBy(out.bytes().subspan(at, size));
    ASSERT_EQ(error_, WOLFSSL_ERROR_WANT_READ) << at;
    got.insert(got.end(), read.begin(), read.end());
    at += size;
  }
  EXPECT_TRUE(got == expected);
  out.clear();
  ASSERT_TRUE(writer.alert(RecordWriter::kWarning, Alert::close_notify, out));
  EXPECT_TRUE(readBy(out.bytes()).empty());
  EXPECT_EQ(error_, WOLFSSL_ERROR_ZERO_RETURN);
}

TEST_P(SessionExport, BothDirectionsInTurns) {
  RecordWriter writer(cache_, keys_);
  RecordReader reader(cache_, pool_, keys_);
  RingBuffer fifo(pool_, 64 * 1024);
  OutputBuffer out(1);
  int requests = 0;
  for (int i = 0; i < 60; ++i) {
    if (GetParam().tls13 && i % 5 == 0) {
      ASSERT_EQ(wolfSSL_update_keys(peer_), WOLFSSL_SUCCESS);
    }
    const Bytes question = source_.bytes(1 + source_.below(2000));
    write(question);
    Bytes wire = takeSent();
    expectMore(reader.read(0, wire, fifo, TimePoint{}));
    ASSERT_TRUE(std::ranges::equal(fifo.readable(), question));
    fifo.clear();
    if (reader.takeUpdateRequest()) {
      ++requests;
      ASSERT_TRUE(writer.keyUpdate(out));
    }
    const Bytes answer = source_.bytes(1 + source_.below(2000));
    ASSERT_TRUE(writer.payload(answer, out));
    ASSERT_EQ(readBy(out.bytes()), answer);
    ASSERT_EQ(error_, WOLFSSL_ERROR_WANT_READ);
    out.clear();
  }
  EXPECT_EQ(requests != 0, GetParam().tls13);
  EXPECT_EQ(pool_.leasedBytes(), 0u);
}

TEST_P(SessionExport, WolfSslReportsTheAlertsOfCulvert) {
  RecordWriter writer(cache_, keys_);
  OutputBuffer out(1);
  ASSERT_TRUE(writer.alert(RecordWriter::kFatal, Alert::internal_error, out));
  EXPECT_TRUE(readBy(out.bytes()).empty());
  EXPECT_EQ(alertsSeen(peer_).received, Alert::internal_error);
}

#ifdef HAVE_MAX_FRAGMENT
TEST_P(SessionExport, LimitsOfMaxFragmentLength) {
  MemoryHandshake handshake(optionsOf(GetParam()), settings_);
  ASSERT_EQ(wolfSSL_UseMaxFragment(handshake.client(), WOLFSSL_MFL_2_9), WOLFSSL_SUCCESS);
  ASSERT_TRUE(handshake.run() && handshake.exchange());
  for (WOLFSSL* ssl : {handshake.server(), handshake.client()}) {
    SessionKeys keys;
    ASSERT_EQ(exportSession(ssl, keys), ExportResult::kDone);
    const int limit = GetParam().tls13 ? 16384 : 512;  // wolfSSL negotiates it in TLS 1.2 only
    EXPECT_EQ(keys.sendLimit, limit);
    EXPECT_EQ(keys.inputLimit, limit);
  }
}
#endif

INSTANTIATE_TEST_SUITE_P(Suites, SessionExport, testing::ValuesIn(everyRecordSuite()),
                         [](const auto& info) { return nameOf(info.param); });

// --- what cannot be exported -------------------------------------------------------------------

class SessionExportTest : public TlsTest {};

TEST_F(SessionExportTest, NoSessionBeforeTheHandshake) {
  WOLFSSL_CTX* context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
  WOLFSSL* ssl = wolfSSL_new(context);
  SessionKeys keys;
  EXPECT_EQ(exportSession(ssl, keys), ExportResult::kLibrary);
  wolfSSL_free(ssl);
  wolfSSL_CTX_free(context);
}

TEST_F(SessionExportTest, NoSessionOfACbcSuite) {
  ClientOptions options;
  options.minVersion = options.maxVersion = kTls12;
  options.suites = "ECDHE-ECDSA-AES128-SHA256";
  TestTls settings = testSettings();
  settings.ciphers = *checkCipherList(options.suites);
  MemoryHandshake handshake(options, settings);
  ASSERT_TRUE(handshake.run()) << handshake.failure().detail;
  SessionKeys keys;
  EXPECT_EQ(exportSession(handshake.server(), keys), ExportResult::kLibrary);
}

}  // namespace
}  // namespace culvert
