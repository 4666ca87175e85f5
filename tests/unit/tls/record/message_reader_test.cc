// SPDX-License-Identifier: GPL-3.0-or-later
// MessageReader: which handshake messages a peer may send after the handshake, with every type,
// length and split (RFC 8446 4.6, RFC 5246 7.4.1.1 and 7.4.1.2).
#include "tls/record/message_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tls/protocol/alert_number.h"
#include "tls/protocol/wire.h"

namespace culvert {
namespace {

using Bytes = std::vector<uint8_t>;
using Event = MessageReader::Event;
using Step = MessageReader::Step;

constexpr TlsRole kRoles[] = {TlsRole::kServer, TlsRole::kClient};

Bytes message(uint8_t type, size_t length, uint8_t fill = 0) {
  Bytes bytes = {type, static_cast<uint8_t>(length >> 16), static_cast<uint8_t>(length >> 8),
                 static_cast<uint8_t>(length)};
  bytes.resize(bytes.size() + length, fill);
  return bytes;
}

std::string label(bool tls13, TlsRole role) {
  return std::string(tls13 ? "TLS 1.3, " : "TLS 1.2, ") +
         (role == TlsRole::kServer ? "server" : "client");
}

/// Reads `bytes` at once. Expects that nothing is left.
Step readAll(MessageReader& reader, const Bytes& bytes) {
  std::span<const uint8_t> input = bytes;
  const Step step = reader.next(input);
  EXPECT_TRUE(input.empty() || step.event == Event::kRefuse);
  return step;
}

void expectRefused(const Step& step, uint8_t alert) {
  EXPECT_EQ(step.event, Event::kRefuse);
  EXPECT_EQ(step.alert, alert);
  EXPECT_FALSE(step.reason.empty());
}

/// What a peer may send. Everything else is an unexpected_message.
Event allowedEvent(bool tls13, TlsRole role, uint8_t type) {
  if (tls13 && type == kKeyUpdate) return Event::kKeyUpdate;
  if (tls13 && role == TlsRole::kClient && type == kNewSessionTicket) return Event::kTicket;
  if (!tls13 && role == TlsRole::kClient && type == kHelloRequest) return Event::kRenegotiation;
  if (!tls13 && role == TlsRole::kServer && type == kClientHello) return Event::kRenegotiation;
  return Event::kRefuse;
}

size_t lengthOf(uint8_t type) { return type == kKeyUpdate ? 1 : type == kHelloRequest ? 0 : 100; }

TEST(MessageReader, EveryType) {
  for (const bool tls13 : {true, false}) {
    for (const TlsRole role : kRoles) {
      for (int type = 0; type < 256; ++type) {
        SCOPED_TRACE(label(tls13, role) + ", type " + std::to_string(type));
        MessageReader reader(tls13, role);
        const auto t = static_cast<uint8_t>(type);
        const Step step = readAll(reader, message(t, lengthOf(t)));
        const Event expected = allowedEvent(tls13, role, t);
        if (expected == Event::kRefuse) {
          expectRefused(step, Alert::unexpected_message);
        } else {
          EXPECT_EQ(step.event, expected);
          EXPECT_FALSE(reader.pending());
        }
      }
    }
  }
}

TEST(MessageReader, ATypeIsRefusedByItsFirstByte) {
  for (const bool tls13 : {true, false}) {
    for (const TlsRole role : kRoles) {
      for (const uint8_t type : {2, 5, 8, 11, 13, 15, 20, 21, 254}) {
        MessageReader reader(tls13, role);
        expectRefused(readAll(reader, {type}), Alert::unexpected_message);
      }
    }
  }
}

TEST(MessageReader, KeyUpdateValues) {
  for (const TlsRole role : kRoles) {
    for (int value = 0; value < 256; ++value) {
      MessageReader reader(true, role);
      const Step step = readAll(reader, {kKeyUpdate, 0, 0, 1, static_cast<uint8_t>(value)});
      if (value > 1) {
        expectRefused(step, Alert::illegal_parameter);
      } else {
        EXPECT_EQ(step.event, value == 1 ? Event::kUpdateRequested : Event::kKeyUpdate);
      }
    }
  }
}

TEST(MessageReader, KeyUpdateLengths) {
  for (const TlsRole role : kRoles) {
    for (const size_t length : {0, 2, 3, 255, 256, 257, 65535, 65536, 65537, 0xffffff}) {
      MessageReader reader(true, role);
      Bytes bytes = message(kKeyUpdate, length);
      bytes.resize(kMessageHeader);  // refused before the body arrives
      expectRefused(readAll(reader, bytes), Alert::decode_error);
    }
  }
}

TEST(MessageReader, HelloRequestLengths) {
  for (const size_t length : {1, 2, 256, 65536, 0xffffff}) {
    MessageReader reader(false, TlsRole::kClient);
    Bytes bytes = message(kHelloRequest, length);
    bytes.resize(kMessageHeader);
    expectRefused(readAll(reader, bytes), Alert::decode_error);
  }
}

struct LongMessage {
  bool tls13;
  TlsRole role;
  uint8_t type;
  Event event;
};
constexpr LongMessage kLongMessages[] = {
    {true, TlsRole::kClient, kNewSessionTicket, Event::kTicket},
    {false, TlsRole::kServer, kClientHello, Event::kRenegotiation},
};

TEST(MessageReader, LongestBody) {
  for (const LongMessage& m : kLongMessages) {
    for (const size_t length : {0, 1, 2, 65535, 65536, 128 * 1024}) {
      MessageReader reader(m.tls13, m.role);
      EXPECT_EQ(readAll(reader, message(m.type, length, 0xff)).event, m.event) << length;
      EXPECT_FALSE(reader.pending());
    }
    for (const size_t length : {128 * 1024 + 1, 1 << 20, 0xffffff}) {
      MessageReader reader(m.tls13, m.role);
      Bytes bytes = message(m.type, length);
      bytes.resize(kMessageHeader);
      expectRefused(readAll(reader, bytes), Alert::decode_error);
    }
  }
}

/// Reads `bytes` in pieces that end at `cuts`. Returns all events but kNone.
std::vector<Event> readPieces(MessageReader& reader, const Bytes& bytes,
                              const std::vector<size_t>& cuts) {
  std::vector<Event> events;
  size_t at = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i < cuts.size() ? cuts[i] : bytes.size();
    std::span<const uint8_t> input = std::span(bytes).subspan(at, end - at);
    at = end;
    while (!input.empty()) {
      const Step step = reader.next(input);
      if (step.event != Event::kNone) events.push_back(step.event);
      if (step.event == Event::kRefuse) return events;
    }
    if (end < bytes.size() && events.empty()) {
      EXPECT_EQ(reader.pending(), end != 0) << end;
    }
  }
  return events;
}

struct Split {
  const char* name;
  bool tls13;
  TlsRole role;
  Bytes bytes;
  std::vector<Event> events;
};

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<Split> splits() {
  const Bytes update = {kKeyUpdate, 0, 0, 1, 0}, request = {kKeyUpdate, 0, 0, 1, 1};
  const Bytes ticket = message(kNewSessionTicket, 30, 0x18), empty = message(kNewSessionTicket, 0);
  const Bytes hello = message(kClientHello, 40, 1), again = message(kHelloRequest, 0);
  return {
      {"KeyUpdate", true, TlsRole::kServer, update, {Event::kKeyUpdate}},
      {"request", true, TlsRole::kClient, request, {Event::kUpdateRequested}},
      {"tickets",
       true,
       TlsRole::kClient,
       ticket + empty + ticket,
       {Event::kTicket, Event::kTicket, Event::kTicket}},
      {"ticket, KeyUpdate",
       true,
       TlsRole::kClient,
       ticket + update,
       {Event::kTicket, Event::kKeyUpdate}},
      {"ClientHellos",
       false,
       TlsRole::kServer,
       hello + hello,
       {Event::kRenegotiation, Event::kRenegotiation}},
      {"HelloRequests",
       false,
       TlsRole::kClient,
       again + again + again,
       {Event::kRenegotiation, Event::kRenegotiation, Event::kRenegotiation}},
      {"wrong value", true, TlsRole::kServer, {kKeyUpdate, 0, 0, 1, 2}, {Event::kRefuse}},
      {"wrong type", true, TlsRole::kServer, ticket, {Event::kRefuse}},
      {"wrong length", true, TlsRole::kServer, message(kKeyUpdate, 2), {Event::kRefuse}},
  };
}

TEST(MessageReader, EverySplit) {
  for (const Split& split : splits()) {
    SCOPED_TRACE(split.name);
    for (size_t first = 0; first <= split.bytes.size(); ++first) {
      for (size_t second = first; second <= split.bytes.size(); ++second) {
        MessageReader reader(split.tls13, split.role);
        ASSERT_EQ(readPieces(reader, split.bytes, {first, second}), split.events)
            << first << ", " << second;
      }
    }
    std::vector<size_t> every;
    for (size_t i = 1; i < split.bytes.size(); ++i) every.push_back(i);
    MessageReader reader(split.tls13, split.role);
    EXPECT_EQ(readPieces(reader, split.bytes, every), split.events) << "byte by byte";
  }
}

TEST(MessageReader, StopsBehindEachMessage) {
  MessageReader reader(true, TlsRole::kClient);
  const Bytes bytes = message(kNewSessionTicket, 10) + Bytes{kKeyUpdate, 0, 0, 1, 0, 23, 23};
  std::span<const uint8_t> input = bytes;
  EXPECT_EQ(reader.next(input).event, Event::kTicket);
  EXPECT_EQ(input.size(), 7u);
  EXPECT_EQ(reader.next(input).event, Event::kKeyUpdate);
  EXPECT_EQ(input.size(), 2u) << "what follows is left to the caller";
}

TEST(MessageReader, NothingReadsNothing) {
  MessageReader reader(true, TlsRole::kServer);
  EXPECT_EQ(readAll(reader, {}).event, Event::kNone);
  EXPECT_FALSE(reader.pending());
  EXPECT_EQ(readAll(reader, {kKeyUpdate, 0, 0, 1}).event, Event::kNone);
  EXPECT_TRUE(reader.pending());
  EXPECT_EQ(readAll(reader, {}).event, Event::kNone);
  EXPECT_EQ(readAll(reader, {1}).event, Event::kUpdateRequested);
}

// --- session tickets of a server

/// Any split of two tickets and a KeyUpdate: each ticket is whole.
TEST(MessageReader, CollectsATicketInAnySplit) {
  Bytes first = message(kNewSessionTicket, 40);
  for (size_t i = 4; i < first.size(); ++i) first[i] = static_cast<uint8_t>(i);
  const Bytes second = message(kNewSessionTicket, 3, 9);
  Bytes all = first;
  all.insert(all.end(), second.begin(), second.end());
  for (size_t step = 1; step <= all.size(); ++step) {
    MessageReader reader(true, TlsRole::kClient);
    std::vector<Bytes> tickets;
    for (size_t at = 0; at < all.size(); at += step) {
      std::span<const uint8_t> input(all.data() + at, std::min(step, all.size() - at));
      while (!input.empty()) {
        const Step got = reader.next(input);
        if (got.event == Event::kNone) continue;
        ASSERT_EQ(got.event, Event::kTicket);
        const auto ticket = reader.takeTicket();
        ASSERT_TRUE(ticket);
        tickets.push_back(*ticket);
        EXPECT_FALSE(reader.takeTicket()) << "it is taken once";
      }
    }
    ASSERT_EQ(tickets.size(), 2u) << step;
    EXPECT_EQ(tickets[0], Bytes(first.begin() + 4, first.end())) << step;
    EXPECT_EQ(tickets[1], Bytes(3, 9)) << step;
    EXPECT_FALSE(reader.pending());
  }
}

TEST(MessageReader, ATicketThatIsTooLongIsReadOver) {
  for (const size_t length : {size_t{0}, size_t{MessageReader::kLongestTicket},
                              size_t{MessageReader::kLongestTicket} + 1, size_t{100'000}}) {
    MessageReader reader(true, TlsRole::kClient);
    EXPECT_EQ(readAll(reader, message(kNewSessionTicket, length, 7)).event, Event::kTicket);
    const auto ticket = reader.takeTicket();
    EXPECT_EQ(ticket != nullptr, length <= MessageReader::kLongestTicket) << length;
    EXPECT_EQ(ticket ? ticket->size() : length, length);
    // The next one is not affected.
    EXPECT_EQ(readAll(reader, message(kNewSessionTicket, 2, 8)).event, Event::kTicket);
    const auto next = reader.takeTicket();
    ASSERT_TRUE(next);
    EXPECT_EQ(*next, Bytes(2, 8));
  }
}

TEST(MessageReader, OtherMessagesBringNoTicket) {
  MessageReader reader(true, TlsRole::kClient);
  EXPECT_EQ(readAll(reader, message(kNewSessionTicket, 2, 8)).event, Event::kTicket);
  EXPECT_EQ(readAll(reader, message(kKeyUpdate, 1)).event, Event::kKeyUpdate);
  EXPECT_FALSE(reader.takeTicket()) << "a ticket that nobody took is gone";
}

}  // namespace
}  // namespace culvert
