// SPDX-License-Identifier: GPL-3.0-or-later
// A recorded session gives the same plaintext, wherever the ciphertext is cut.
#include <gtest/gtest.h>

#include "tls/protocol/alert_number.h"
#include "tls/record/record_writer.h"
#include "unit/tls/support/replay.h"

namespace culvert {
namespace {

using Bytes = RecordBytes;

class RecordSplit : public testing::TestWithParam<RecordSuite> {
 protected:
  RecordSplit() {
    makeKeys(GetParam(), keys_);
    keys_.out = keys_.in;  // the writer is the peer
  }
  bool tls13() const { return GetParam().tls13; }

  /// 40 records of a RecordWriter. Payload has up to `most` bytes.
  Recording byWriter(size_t most) {
    Recording recording;
    OutputBuffer out(1);
    RecordWriter writer(cache_, keys_);
    for (int i = 0; i < 40; ++i) {
      switch (source_.below(8)) {
        case 0:
          if (tls13()) {
            EXPECT_TRUE(writer.keyUpdate(out));
            break;
          }
          [[fallthrough]];
        case 1:
          EXPECT_TRUE(writer.alert(RecordWriter::kWarning,
                                   tls13() ? Alert::user_canceled : Alert::no_renegotiation, out));
          break;
        default: {
          const Bytes content = source_.bytes(source_.below(most + 1));
          EXPECT_TRUE(writer.payload(content, out));
          recording.plaintext.insert(recording.plaintext.end(), content.begin(), content.end());
        }
      }
    }
    EXPECT_TRUE(writer.alert(RecordWriter::kWarning, Alert::close_notify, out));
    recording.wire.assign(out.bytes().begin(), out.bytes().end());
    recording.end = ReadKind::kEnd;
    return recording;
  }

  /// The message that this role may get, in records of `step` bytes; after it perhaps new keys.
  void sealMessage(PeerRecords& peer, size_t step, Bytes& wire) {
    const bool client = GetParam().role == TlsRole::kClient;
    Bytes message = {kKeyUpdate, 0, 0, 1, 1};
    if (!tls13())
      message = client ? Bytes{kHelloRequest, 0, 0, 0} : Bytes{kClientHello, 0, 0, 1, 7};
    for (size_t at = 0; at < message.size(); at += step) {
      const size_t size = std::min(step, message.size() - at);
      append(wire,
             peer.seal(kHandshakeRecord, std::span(message).subspan(at, size), source_.below(20)));
    }
    if (tls13()) peer.update();
  }
  /// Records with padding, empty records, and messages split over records.
  Recording byPeer(size_t most) {
    Recording recording;
    PeerRecords peer(keys_.cipher, keys_.in);
    for (int i = 0; i < 40; ++i) {
      if (i % 5 == 0) sealMessage(peer, 1 + source_.below(5), recording.wire);
      const Bytes content = source_.bytes(i % 4 == 0 ? 0 : 1 + source_.below(most));
      append(recording.wire, peer.seal(kApplicationData, content, source_.below(most)));
      append(recording.plaintext, content);
    }
    return recording;
  }
  static void append(Bytes& to, const Bytes& bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
  }

  SessionKeys keys_;
  KeyCache cache_;
  ByteSource source_{20261130};
};

TEST_P(RecordSplit, EveryCutOfTheWritersRecords) { Replay(keys_, byWriter(60)).everyCutIntoTwo(); }

TEST_P(RecordSplit, EveryCutOfPaddedRecordsAndMessages) {
  Replay(keys_, byPeer(30)).everyCutIntoTwo();
}

TEST_P(RecordSplit, ManyPieces) {
  for (const size_t most : {1, 4, 7, 50, 400})
    Replay(keys_, byWriter(60)).randomCuts(5, most, source_);
  for (const size_t most : {1, 4, 7, 50, 400})
    Replay(keys_, byPeer(30)).randomCuts(5, most, source_);
  for (const size_t most : {1500, 9000, 40'000, 65'000})
    Replay(keys_, byWriter(16384)).randomCuts(3, most, source_);
}

INSTANTIATE_TEST_SUITE_P(Suites, RecordSplit, testing::ValuesIn(everyRecordSuite()),
                         [](const auto& info) { return nameOf(info.param); });

}  // namespace
}  // namespace culvert
