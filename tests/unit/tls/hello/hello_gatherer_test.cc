// SPDX-License-Identifier: GPL-3.0-or-later
// HelloGatherer: the same answer however the bytes arrive, at the first byte that settles it.
#include "tls/hello/hello_gatherer.h"

#include <gtest/gtest.h>

#include "tls/protocol/alert_number.h"
#include "unit/tls/support/hello_builder.h"

namespace culvert {
namespace {

std::string describe(const HelloResult& result, const ClientHello& hello) {
  std::string out = std::to_string(static_cast<int>(result.status)) + "/" +
                    std::to_string(result.alert) + "/" + std::string(result.reason);
  if (result.status != HelloStatus::kComplete) return out;
  out += " " + hello.serverName + " " + std::to_string(hello.legacyVersion) + " " +
         std::to_string(hello.message.size());
  for (size_t i = 0; i < hello.cipherSuites.size(); ++i)
    out += "," + std::to_string(hello.cipherSuites[i]);
  hello.forEachKeyShare([&](uint16_t group, std::span<const uint8_t> key) {
    out += ";" + std::to_string(group) + ":" + std::to_string(key.size());
  });
  hello.forEachProtocol([&](std::string_view name) { out += "|" + std::string(name); });
  return out;
}

TEST(HelloGatherer, GivesTheSameResultForEverySplitIntoSegments) {
  for (const Bytes& whole :
       {HelloBuilder::modern().records(), HelloBuilder::modern().records(1),
        HelloBuilder::tls12().records(100), HelloBuilder::modern().records(1000)}) {
    ClientHello expected;
    HelloGatherer oneShot;
    std::string want = describe(oneShot.feed(whole, expected), expected);
    ASSERT_EQ(want[0], '1') << want;
    for (size_t at = 1; at<whole.size(); at += whole.size()> 4000 ? 37 : 1) {
      HelloGatherer gatherer;
      ClientHello hello;
      ASSERT_EQ(gatherer.feed(std::span(whole).first(at), hello).status, HelloStatus::kNeedMore)
          << at;
      ASSERT_EQ(describe(gatherer.feed(whole, hello), hello), want) << at;
      ASSERT_EQ(gatherer.consumed(), whole.size());
    }
    HelloGatherer byteWise;
    ClientHello hello;
    HelloResult result;
    for (size_t size = 1; size <= whole.size(); ++size) {
      Bytes moved(whole.begin(),
                  whole.begin() + static_cast<long>(size));  // the caller's buffer may move
      if (size < whole.size()) {
        ASSERT_EQ(byteWise.feed(moved, hello).status, HelloStatus::kNeedMore) << size;
      } else {
        result = byteWise.feed(whole, hello);
      }
    }
    EXPECT_EQ(describe(result, hello), want);
  }
}

TEST(HelloGatherer, HandsOnASplitHelloAsOneRecord) {
  HelloBuilder builder = HelloBuilder::modern();
  Bytes bytes = builder.records(1) + Bytes{20, 3, 3, 0, 1, 1};  // early data or the like may follow
  HelloGatherer gatherer;
  ClientHello hello;
  ASSERT_EQ(gatherer.feed(bytes, hello).status, HelloStatus::kComplete);
  EXPECT_EQ(gatherer.consumed(), bytes.size() - 6);
  auto preface = gatherer.preface(bytes);
  EXPECT_EQ(Bytes(preface.begin(), preface.end()), builder.records());
  // In one record the caller's own bytes are handed on.
  bytes = builder.records();
  HelloGatherer single;
  ASSERT_EQ(single.feed(bytes, hello).status, HelloStatus::kComplete);
  EXPECT_EQ(single.preface(bytes).data(), bytes.data());
  EXPECT_EQ(single.preface(bytes).size(), bytes.size());
}

struct Garbage {
  const char* name;
  std::string bytes;
  FirstBytes guess;
  uint8_t alert;
};

TEST(HelloGatherer, AnswersGarbageAtOnce) {
  const Garbage cases[] = {
      {"http", "GET / HTTP/1.1\r\n", FirstBytes::kHttp, Alert::unexpected_message},
      {"http, three bytes", "GET", FirstBytes::kHttp, Alert::unexpected_message},
      {"http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FirstBytes::kHttp2, Alert::unexpected_message},
      {"ssh", "SSH-2.0-OpenSSH_9.2\r\n", FirstBytes::kSsh, Alert::unexpected_message},
      {"proxy v1", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", FirstBytes::kProxyV1,
       Alert::unexpected_message},
      {"proxy v2", std::string("\r\n\r\n\0\r\nQUIT\n\x21", 13), FirstBytes::kProxyV2,
       Alert::unexpected_message},
      {"sslv2", std::string("\x80\x2e\x01\x03\x01\x00\x15", 7), FirstBytes::kSslv2,
       Alert::protocol_version},
      {"smtp", "EHLO there\r\n", FirstBytes::kSmtp, Alert::unexpected_message},
      {"rdp", std::string("\x03\x00\x00\x13\x0e\xe0", 6), FirstBytes::kRdp,
       Alert::unexpected_message},
      {"zeros", std::string(4, '\0'), FirstBytes::kNul, Alert::unexpected_message},
      {"text", "hello", FirstBytes::kText, Alert::unexpected_message},
      {"one byte of text", "h", FirstBytes::kText, Alert::unexpected_message},
      {"noise", "\xff\xfe\xfd", FirstBytes::kUnknown, Alert::unexpected_message},
  };
  for (const Garbage& one : cases) {
    ClientHello hello;
    HelloResult result = parseClientHello(text(one.bytes), hello);
    EXPECT_EQ(result.status, HelloStatus::kNotTls) << one.name;
    EXPECT_EQ(result.guess, one.guess) << one.name;
    EXPECT_EQ(result.alert, one.alert) << one.name;
    EXPECT_FALSE(result.reason.empty()) << one.name;
    HelloGatherer gatherer;  // the first byte alone decides
    EXPECT_EQ(gatherer.feed(text(one.bytes.substr(0, 1)), hello).status, HelloStatus::kNotTls)
        << one.name;
  }
}

struct BadRecords {
  const char* name;
  Bytes bytes;
  uint8_t alert;
};

TEST(HelloGatherer, RefusesBadRecordsAtTheFirstByteThatSettlesIt) {
  Bytes hello = HelloBuilder::modern().message();
  const BadRecords cases[] = {
      {"alert first", {21, 3, 1, 0, 2, 2, 40}, Alert::unexpected_message},
      {"application data first", {23, 3, 3, 0}, Alert::unexpected_message},
      {"change cipher spec first", {20, 3, 3, 0, 1, 1}, Alert::unexpected_message},
      {"major version", {22, 4}, Alert::protocol_version},
      {"length, by its first byte", {22, 3, 1, 0x48}, Alert::record_overflow},
      {"length 16385", {22, 3, 1, 0x40, 1}, Alert::record_overflow},
      {"empty record", {22, 3, 1, 0, 0}, Alert::unexpected_message},
      {"not a ClientHello", {22, 3, 1, 0, 4, 2}, Alert::unexpected_message},
      {"16 MiB message", {22, 3, 1, 0, 4, 1, 1}, Alert::illegal_parameter},
      {"message of 65537 bytes", {22, 3, 1, 0, 4, 1, 0, 0xff, 0xfd}, Alert::illegal_parameter},
      {"record longer than the message",
       {22, 3, 1, 0x02, 0, 1, 0, 0, 0x40},
       Alert::unexpected_message},
      {"interrupted", HelloBuilder::split(hello, 100) + Bytes{}, 0},
  };
  for (const BadRecords& one : cases) {
    if (one.alert == 0) continue;
    for (size_t size = 1; size < one.bytes.size(); ++size) {
      ClientHello out;
      HelloGatherer gatherer;
      Bytes part(one.bytes.begin(), one.bytes.begin() + static_cast<long>(size));
      HelloResult result = gatherer.feed(part, out);
      if (result.status == HelloStatus::kMalformed) {
        EXPECT_EQ(result.alert, one.alert) << one.name;
      } else {
        EXPECT_EQ(result.status, HelloStatus::kNeedMore) << one.name;
      }
    }
    ClientHello out;
    HelloResult result = parseClientHello(one.bytes, out);
    EXPECT_EQ(result.status, HelloStatus::kMalformed) << one.name;
    EXPECT_EQ(result.alert, one.alert) << one.name << ": " << result.reason;
  }
  Bytes interrupted = HelloBuilder::split(hello, 100);
  interrupted.resize(105);
  for (uint8_t type : {20, 21, 23}) {
    ClientHello out;
    HelloResult result = parseClientHello(interrupted + Bytes{type, 3, 3, 0, 1}, out);
    EXPECT_EQ(result.status, HelloStatus::kMalformed);
    EXPECT_EQ(result.alert, Alert::unexpected_message);
  }
}

TEST(HelloGatherer, BoundsTheNumberOfRecordsAndTheSize) {
  HelloBuilder big = HelloBuilder::modern();
  big.add(21, Bytes(kMaxHelloRecords, 0));
  ClientHello hello;
  HelloGatherer gatherer;
  Bytes bytes = big.records(1);
  HelloResult result = gatherer.feed(bytes, hello);
  EXPECT_EQ(result.status, HelloStatus::kMalformed);
  EXPECT_EQ(result.alert, Alert::unexpected_message);
  EXPECT_EQ(gatherer.records(), kMaxHelloRecords);
  // The largest hello that is accepted, and one byte more.
  HelloBuilder largest = HelloBuilder::modern();
  size_t room = kMaxHelloMessage - largest.message().size() - 4;
  largest.add(21, Bytes(room, 0));
  ASSERT_EQ(largest.message().size(), kMaxHelloMessage);
  EXPECT_EQ(parseClientHello(largest.records(), hello).status, HelloStatus::kComplete);
  HelloGatherer split;
  bytes = largest.records(16);
  EXPECT_EQ(split.feed(bytes, hello).status, HelloStatus::kComplete);
  largest.set(21, Bytes(room + 1, 0));
  EXPECT_EQ(parseClientHello(largest.records(16000), hello).status, HelloStatus::kMalformed);
}

TEST(HelloGatherer, SurvivesFlippedBytes) {
  Bytes whole = HelloBuilder::modern().records();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (uint8_t flip : {0x01, 0x80, 0xff}) {
      Bytes bent = whole;
      bent[at] ^= flip;
      ClientHello hello;
      HelloGatherer gatherer;
      HelloResult result = gatherer.feed(bent, hello);
      if (result.status == HelloStatus::kMalformed) {
        EXPECT_NE(result.alert, 0) << at;
      }
      ClientHello again;
      HelloGatherer second;
      (void)second.feed(std::span(bent).first(bent.size() / 2), again);
      EXPECT_EQ(describe(second.feed(bent, again), again), describe(result, hello)) << at;
    }
  }
}

}  // namespace
}  // namespace culvert
