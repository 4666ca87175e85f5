// SPDX-License-Identifier: GPL-3.0-or-later
// RecordReader and handshake messages after the handshake: KeyUpdate, NewSessionTicket, requests of
// a renegotiation, and floods of records without payload (RFC 8446 4.6 and 5.1, RFC 5246 7.4.1).
#include <gtest/gtest.h>

#include <functional>

#include "tls/protocol/alert_number.h"
#include "tls/record/record_reader.h"
#include "unit/tls/support/reading_session.h"

namespace culvert {
namespace {

using Bytes = RecordBytes;

const Bytes kUpdate = {kKeyUpdate, 0, 0, 1, 0};
const Bytes kRequest = {kKeyUpdate, 0, 0, 1, 1};

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes part(const Bytes& bytes, size_t from, size_t to) {
  return {bytes.begin() + static_cast<ptrdiff_t>(from), bytes.begin() + static_cast<ptrdiff_t>(to)};
}
Bytes message(uint8_t type, size_t length) {
  Bytes bytes = {type, 0, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
  bytes.resize(4 + length, 0x18);
  return bytes;
}

class RecordMessages : public testing::TestWithParam<RecordSuite> {
 protected:
  bool tls13() const { return GetParam().tls13; }
  bool isClient() const { return GetParam().role == TlsRole::kClient; }
  /// A message that this role accepts and that changes nothing but a flag.
  Bytes harmless() const {
    if (tls13()) return isClient() ? message(kNewSessionTicket, 60) : Bytes{};
    return isClient() ? message(kHelloRequest, 0) : message(kClientHello, 60);
  }
};

class KeyUpdates : public RecordMessages {};
class Renegotiation : public RecordMessages {};

// --- KeyUpdate ---------------------------------------------------------------------------------

TEST_P(KeyUpdates, NewKeysFollow) {
  ReadingSession session(GetParam());
  session.expectAlive();
  expectMore(session.get(kHandshakeRecord, kUpdate));
  session.peer.update();
  session.expectAlive();
  session.expectAlive();
  EXPECT_FALSE(session.reader.takeUpdateRequest());
}

TEST_P(KeyUpdates, OldKeysAreRefused) {
  ReadingSession session(GetParam());
  expectMore(session.get(kHandshakeRecord, kUpdate));
  expectRefused(session.get(kApplicationData, {1}), Alert::bad_record_mac);
}

TEST_P(KeyUpdates, NewKeysBeforeTheMessageAreRefused) {
  ReadingSession session(GetParam());
  session.peer.update();
  expectRefused(session.get(kApplicationData, {1}), Alert::bad_record_mac);
}

TEST_P(KeyUpdates, RequestsAreReportedOnce) {
  ReadingSession session(GetParam());
  for (int i = 0; i < 3; ++i) {
    expectMore(session.get(kHandshakeRecord, kRequest));
    session.peer.update();
  }
  expectMore(session.get(kHandshakeRecord, kUpdate));
  session.peer.update();
  EXPECT_TRUE(session.reader.takeUpdateRequest()) << "a KeyUpdate without request takes none back";
  EXPECT_FALSE(session.reader.takeUpdateRequest());
  session.expectAlive();
}

TEST_P(KeyUpdates, EverySplitIntoRecords) {
  for (size_t first = 1; first < kRequest.size(); ++first) {
    for (size_t second = first; second < kRequest.size(); ++second) {
      for (const size_t padding : {0, 1, 300}) {
        ReadingSession session(GetParam());
        expectMore(session.get(kHandshakeRecord, part(kRequest, 0, first), padding));
        if (second != first)
          expectMore(session.get(kHandshakeRecord, part(kRequest, first, second), padding));
        EXPECT_FALSE(session.reader.takeUpdateRequest());
        expectMore(session.get(kHandshakeRecord, part(kRequest, second, 5), padding));
        EXPECT_TRUE(session.reader.takeUpdateRequest());
        session.peer.update();
        session.expectAlive();
      }
    }
  }
}

TEST_P(KeyUpdates, ByteByByte) {
  ReadingSession session(GetParam());
  for (const uint8_t byte : kUpdate) expectMore(session.get(kHandshakeRecord, {byte}));
  session.peer.update();
  session.expectAlive();
}

TEST_P(KeyUpdates, NothingMayFollowInTheRecord) {
  for (const Bytes& more : {kUpdate, kRequest, Bytes{0}, Bytes{kKeyUpdate}, Bytes(100, 0),
                            message(kNewSessionTicket, 10)}) {
    ReadingSession session(GetParam());
    expectRefused(session.get(kHandshakeRecord, kUpdate + more), Alert::unexpected_message);
  }
  ReadingSession session(GetParam());  // the same, and the first message is split
  expectMore(session.get(kHandshakeRecord, part(kUpdate, 0, 2)));
  expectRefused(session.get(kHandshakeRecord, part(kUpdate, 2, 5) + kUpdate),
                Alert::unexpected_message);
}

TEST_P(KeyUpdates, ValuesAndLengths) {
  for (int value = 2; value < 256; ++value) {
    ReadingSession session(GetParam());
    expectRefused(session.get(kHandshakeRecord, {kKeyUpdate, 0, 0, 1, static_cast<uint8_t>(value)}),
                  Alert::illegal_parameter);
  }
  for (const Bytes& wrong : {Bytes{kKeyUpdate, 0, 0, 0}, Bytes{kKeyUpdate, 0, 0, 2, 0, 0},
                             Bytes{kKeyUpdate, 0, 1, 0}, Bytes{kKeyUpdate, 1, 0, 1, 0}}) {
    ReadingSession session(GetParam());
    expectRefused(session.get(kHandshakeRecord, wrong), Alert::decode_error);
  }
}

TEST_P(KeyUpdates, ManyAndThenPayload) {
  ReadingSession session(GetParam());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 32; ++i) {
      expectMore(session.get(kHandshakeRecord, i % 2 == 0 ? kUpdate : kRequest));
      session.peer.update();
    }
    session.expectAlive();
  }
}

TEST_P(KeyUpdates, BetweenPayloadInOneRead) {
  ReadingSession session(GetParam());
  Bytes bytes;
  for (uint8_t i = 0; i < 20; ++i) {
    bytes = bytes + session.peer.seal(kApplicationData, {i});
    bytes = bytes + session.peer.seal(kHandshakeRecord, kUpdate);
    session.peer.update();
  }
  expectMore(session.read(bytes));
  const Bytes got = session.drain();
  ASSERT_EQ(got.size(), 20u);
  for (uint8_t i = 0; i < 20; ++i) EXPECT_EQ(got[i], i);
}

TEST_P(KeyUpdates, OtherMessagesAreRefused) {
  for (int type = 0; type < 256; ++type) {
    if (type == kKeyUpdate || (isClient() && type == kNewSessionTicket)) continue;
    ReadingSession session(GetParam());
    expectRefused(session.get(kHandshakeRecord, message(static_cast<uint8_t>(type), 10)),
                  Alert::unexpected_message);
  }
}

TEST_P(KeyUpdates, TicketsForTheClient) {
  const Bytes ticket = message(kNewSessionTicket, 200);
  if (!isClient()) {
    ReadingSession session(GetParam());
    expectRefused(session.get(kHandshakeRecord, ticket), Alert::unexpected_message);
    return;
  }
  for (size_t cut = 1; cut < ticket.size(); cut += 7) {
    ReadingSession session(GetParam());
    expectMore(session.get(kHandshakeRecord, part(ticket, 0, cut)));
    expectMore(session.get(kHandshakeRecord, part(ticket, cut, ticket.size()) + ticket));
    expectMore(session.get(kHandshakeRecord, ticket + ticket + part(ticket, 0, cut), 9));
    expectMore(session.get(kHandshakeRecord, part(ticket, cut, ticket.size()) + kRequest));
    EXPECT_TRUE(session.reader.takeUpdateRequest());
    session.peer.update();
    session.expectAlive();
  }
}

TEST_P(KeyUpdates, ALongTicketOverManyRecords) {
  if (!isClient()) return;
  ReadingSession session(GetParam());
  Bytes ticket = {kNewSessionTicket, 2, 0, 0};  // 128 KiB, the longest
  ticket.resize(4 + 128 * 1024, 0x18);
  for (size_t at = 0; at < ticket.size(); at += 16384)
    expectMore(
        session.get(kHandshakeRecord, part(ticket, at, std::min(at + 16384, ticket.size()))));
  session.expectAlive();
  expectRefused(session.get(kHandshakeRecord, {kNewSessionTicket, 2, 0, 1}), Alert::decode_error);
}

// --- renegotiation -----------------------------------------------------------------------------

TEST_P(Renegotiation, IsReportedOnce) {
  ReadingSession session(GetParam());
  EXPECT_FALSE(session.reader.takeRenegotiation());
  for (int i = 0; i < 3; ++i) expectMore(session.get(kHandshakeRecord, harmless()));
  EXPECT_TRUE(session.reader.takeRenegotiation());
  EXPECT_FALSE(session.reader.takeRenegotiation());
  EXPECT_FALSE(session.reader.takeUpdateRequest());
  session.expectAlive();
}

TEST_P(Renegotiation, EverySplit) {
  const Bytes request = harmless();
  for (size_t cut = 1; cut < request.size(); ++cut) {
    ReadingSession session(GetParam());
    expectMore(session.get(kHandshakeRecord, part(request, 0, cut)));
    EXPECT_FALSE(session.reader.takeRenegotiation());
    expectMore(session.get(kHandshakeRecord, part(request, cut, request.size()) + request));
    EXPECT_TRUE(session.reader.takeRenegotiation());
    session.expectAlive();
  }
}

TEST_P(Renegotiation, OtherMessagesAreRefused) {
  for (int type = 0; type < 256; ++type) {
    if (type == (isClient() ? kHelloRequest : kClientHello)) continue;
    ReadingSession session(GetParam());
    expectRefused(session.get(kHandshakeRecord, message(static_cast<uint8_t>(type), 0)),
                  Alert::unexpected_message);
  }
}

TEST_P(Renegotiation, AlertsMayBeBetweenTheParts) {
  const Bytes request = harmless();
  ReadingSession session(GetParam());
  expectMore(session.get(kHandshakeRecord, part(request, 0, 2)));
  expectMore(session.get(kAlertRecord, {1, Alert::no_renegotiation}));
  expectMore(session.get(kHandshakeRecord, part(request, 2, request.size())));
  EXPECT_TRUE(session.reader.takeRenegotiation());
  expectMore(session.get(kHandshakeRecord, part(request, 0, 2)));
  EXPECT_EQ(session.get(kAlertRecord, {1, Alert::close_notify}).kind, ReadKind::kEnd);
}

// --- both versions -----------------------------------------------------------------------------

TEST_P(RecordMessages, EmptyHandshakeRecordsAreRefused) {
  for (const size_t padding : {0, 10}) {
    ReadingSession session(GetParam());
    expectRefused(session.get(kHandshakeRecord, Bytes{}, padding), Alert::unexpected_message);
  }
}

TEST_P(RecordMessages, PayloadBetweenThePartsIsRefused) {
  const Bytes whole = tls13() ? kUpdate : harmless();
  for (size_t cut = 1; cut < whole.size(); ++cut) {
    for (const Bytes& payload : {Bytes{1}, Bytes{}}) {
      ReadingSession session(GetParam());
      expectMore(session.get(kHandshakeRecord, part(whole, 0, cut)));
      expectRefused(session.get(kApplicationData, payload), Alert::unexpected_message);
      EXPECT_TRUE(session.fifo.empty());
    }
  }
}

TEST_P(RecordMessages, AlertsBetweenThePartsInTls13AreRefused) {
  if (!tls13()) return;
  for (const uint8_t number : {Alert::close_notify, Alert::user_canceled, Alert::internal_error}) {
    ReadingSession session(GetParam());
    expectMore(session.get(kHandshakeRecord, part(kUpdate, 0, 3)));
    expectRefused(session.get(kAlertRecord, {1, number}), Alert::unexpected_message);
  }
}

// --- floods ------------------------------------------------------------------------------------

struct Idle {
  const char* name;
  std::function<Bytes(ReadingSession&)> next;
};

std::vector<Idle> idleRecords(const RecordSuite& suite) {
  std::vector<Idle> kinds = {
      {"empty record", [](ReadingSession& s) { return s.peer.seal(kApplicationData, {}); }}};
  if (suite.tls13) {
    kinds.push_back({"padding", [](ReadingSession& s) {
                       return s.peer.seal(kApplicationData, std::span<const uint8_t>(), 16384);
                     }});
    kinds.push_back({"user_canceled", [](ReadingSession& s) {
                       return s.peer.seal(kAlertRecord, {1, Alert::user_canceled});
                     }});
    kinds.push_back({"KeyUpdate", [](ReadingSession& s) {
                       const Bytes record = s.peer.seal(kHandshakeRecord, kUpdate);
                       s.peer.update();
                       return record;
                     }});
  } else {
    kinds.push_back({"warning", [](ReadingSession& s) {
                       return s.peer.seal(kAlertRecord, {1, Alert::no_renegotiation});
                     }});
    const Bytes request =
        suite.role == TlsRole::kClient ? message(kHelloRequest, 0) : message(kClientHello, 40);
    kinds.push_back({"renegotiation", [request](ReadingSession& s) {
                       return s.peer.seal(kHandshakeRecord, request);
                     }});
  }
  return kinds;
}

TEST_P(RecordMessages, AFloodIsRefused) {
  for (const Idle& idle : idleRecords(GetParam())) {
    for (const Millis gap : {Millis(0), Millis(10), IdleRecords::kPause}) {
      SCOPED_TRACE(std::string(idle.name) + ", " + std::to_string(gap.count()));
      ReadingSession session(GetParam());
      for (int i = 0; i < IdleRecords::kMost; ++i, session.now += gap)
        expectMore(session.read(idle.next(session)));
      const ReadOutcome outcome = session.read(idle.next(session));
      EXPECT_EQ(outcome.kind, ReadKind::kFlood) << nameOf(outcome);
      EXPECT_EQ(outcome.alert, Alert::unexpected_message);
      EXPECT_FALSE(outcome.reason.empty());
    }
  }
}

TEST_P(RecordMessages, PayloadOrTimeEndsTheRow) {
  for (const Idle& idle : idleRecords(GetParam())) {
    SCOPED_TRACE(idle.name);
    ReadingSession session(GetParam());
    for (int round = 0; round < 6; ++round) {
      for (int i = 0; i < IdleRecords::kMost - 1; ++i) expectMore(session.read(idle.next(session)));
      if (round % 2 == 0) {
        session.expectAlive();
      } else {
        session.now += IdleRecords::kPause + Millis(1);
      }
    }
    for (int i = 0; i < 200; ++i, session.now += IdleRecords::kPause + Millis(1))
      expectMore(session.read(idle.next(session)));
  }
}

TEST_P(RecordMessages, FloodsOfMixedRecords) {
  const std::vector<Idle> kinds = idleRecords(GetParam());
  ReadingSession session(GetParam());
  for (size_t i = 0; i < IdleRecords::kMost; ++i)
    expectMore(session.read(kinds[i % kinds.size()].next(session)));
  EXPECT_EQ(session.read(kinds[0].next(session)).kind, ReadKind::kFlood);
}

// --- session tickets ---------------------------------------------------------------------------

class KeptTickets final : public TicketSink {
 public:
  void onTicket(std::span<const uint8_t> body) override {
    all.emplace_back(body.begin(), body.end());
  }
  std::vector<Bytes> all;
};

/// KeyUpdates is the fixture of TLS 1.3. A server gets no tickets.
TEST_P(KeyUpdates, TicketsGoToTheSink) {
  if (!isClient()) return;
  ReadingSession session(GetParam());
  expectMore(session.get(kHandshakeRecord, message(kNewSessionTicket, 60)));
  KeptTickets sink;
  session.reader.setTicketSink(&sink);
  const Bytes ticket = message(kNewSessionTicket, 60);
  const Bytes tooLong = message(kNewSessionTicket, MessageReader::kLongestTicket + 1);
  // Over three records, and with another one in the last of them.
  expectMore(session.get(kHandshakeRecord, part(ticket, 0, 3)));
  expectMore(session.get(kHandshakeRecord, part(ticket, 3, 30)));
  EXPECT_TRUE(sink.all.empty());
  expectMore(session.get(kHandshakeRecord, part(ticket, 30, 64) + message(kNewSessionTicket, 5)));
  ASSERT_EQ(sink.all.size(), 2u);
  EXPECT_EQ(sink.all[0], Bytes(60, 0x18));
  EXPECT_EQ(sink.all[1], Bytes(5, 0x18));
  expectMore(session.get(kHandshakeRecord, tooLong));
  EXPECT_EQ(sink.all.size(), 2u);
  session.expectAlive();
}

INSTANTIATE_TEST_SUITE_P(Suites, RecordMessages, testing::ValuesIn(everyRecordSuite()),
                         [](const auto& info) { return nameOf(info.param); });
INSTANTIATE_TEST_SUITE_P(Suites, KeyUpdates, testing::ValuesIn(recordSuites(true)),
                         [](const auto& info) { return nameOf(info.param); });
INSTANTIATE_TEST_SUITE_P(Suites, Renegotiation, testing::ValuesIn(recordSuites(false)),
                         [](const auto& info) { return nameOf(info.param); });

}  // namespace
}  // namespace culvert
