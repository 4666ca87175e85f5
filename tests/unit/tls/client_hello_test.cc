// SPDX-License-Identifier: GPL-3.0-or-later
// The gatherer and parser of first flights: sound hellos, every kind of malformed one with its
// alert, and the same result however the bytes arrive.
#include "tls/client_hello.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/tls/hello_builder.h"
#include "tls/alert_number.h"
#include "tls/hello_gatherer.h"
#include "tls/tls_names.h"

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

HelloResult parse(const Bytes& bytes, ClientHello& hello) { return parseClientHello(bytes, hello); }

HelloResult parse(const HelloBuilder& builder) {
  ClientHello hello;
  return parse(builder.records(), hello);
}

TEST(ClientHello, ReadsAModernHello) {
  ClientHello hello;
  Bytes bytes = HelloBuilder::modern().records();
  HelloResult result = parse(bytes, hello);
  ASSERT_EQ(result.status, HelloStatus::kComplete) << result.reason;
  EXPECT_EQ(hello.serverName, "www.example.org");
  EXPECT_EQ(hello.legacyVersion, 0x0303);
  EXPECT_EQ(hello.highestVersion(), kTls13);
  EXPECT_TRUE(hello.offersVersion(kTls12));
  EXPECT_FALSE(hello.offersVersion(kTls11));
  EXPECT_EQ(hello.cipherSuites.size(), 5u);
  EXPECT_TRUE(hello.cipherSuites.contains(0xc02f));
  EXPECT_FALSE(hello.cipherSuites.contains(0x002f));
  EXPECT_TRUE(hello.groups.contains(0x11ec));
  EXPECT_EQ(hello.signatureAlgorithms[0], 0x0403);
  EXPECT_TRUE(hello.hasKeyShare);
  EXPECT_TRUE(hello.hasPskModes);
  EXPECT_EQ(hello.ticket12Length, 0);
  EXPECT_TRUE(hello.onlyNullCompression);
  EXPECT_TRUE(hello.offersProtocol("http/1.1"));
  EXPECT_FALSE(hello.offersProtocol("http"));
  std::string shares;
  hello.forEachKeyShare([&](uint16_t group, std::span<const uint8_t> key) {
    shares += std::to_string(group) + ":" + std::to_string(key.size()) + " ";
  });
  EXPECT_EQ(shares, "4588:1216 29:32 ");
}

TEST(ClientHello, ReadsHellosOfOldVersions) {
  HelloBuilder old;
  old.legacyVersion = kTls10;
  old.withExtensions = false;
  old.suites = numbers({0x002f, 0x5600});
  ClientHello hello;
  Bytes bytes = old.records();
  ASSERT_EQ(parse(bytes, hello).status, HelloStatus::kComplete);
  EXPECT_EQ(hello.highestVersion(), kTls10);
  EXPECT_TRUE(hello.fallbackScsv);
  EXPECT_FALSE(hello.hasGroups);
  // A version from the future without supported_versions means TLS 1.2 (RFC 8446 4.2.1).
  old.legacyVersion = 0x0304;
  bytes = old.records();
  ASSERT_EQ(parse(bytes, hello).status, HelloStatus::kComplete);
  EXPECT_EQ(hello.highestVersion(), kTls12);
  old.legacyVersion = 0x0300;
  bytes = old.records();
  ASSERT_EQ(parse(bytes, hello).status, HelloStatus::kComplete);
  EXPECT_EQ(hello.highestVersion(), 0x0300);
}

TEST(ClientHello, GivesTheSameResultForEverySplitIntoSegments) {
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

TEST(ClientHello, HandsOnASplitHelloAsOneRecord) {
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

TEST(ClientHello, AnswersGarbageAtOnce) {
  const Garbage cases[] = {
      {"http", "GET / HTTP/1.1\r\n", FirstBytes::kHttp, Alert::unexpected_message},
      {"http, three bytes", "GET", FirstBytes::kHttp, Alert::unexpected_message},
      {"http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FirstBytes::kHttp2, Alert::unexpected_message},
      {"ssh", "SSH-2.0-OpenSSH_9.2\r\n", FirstBytes::kSsh, Alert::unexpected_message},
      {"proxy v1", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", FirstBytes::kProxyHeader,
       Alert::unexpected_message},
      {"proxy v2", std::string("\r\n\r\n\0\r\nQUIT\n\x21", 13), FirstBytes::kProxyHeader,
       Alert::unexpected_message},
      {"sslv2", std::string("\x80\x2e\x01\x03\x01\x00\x15", 7), FirstBytes::kSslv2,
       Alert::protocol_version},
      {"smtp", "EHLO there\r\n", FirstBytes::kMail, Alert::unexpected_message},
      {"rdp", std::string("\x03\x00\x00\x13\x0e\xe0", 6), FirstBytes::kRdp,
       Alert::unexpected_message},
      {"zeros", std::string(4, '\0'), FirstBytes::kNul, Alert::unexpected_message},
      {"text", "hello", FirstBytes::kText, Alert::unexpected_message},
      {"one byte of text", "h", FirstBytes::kText, Alert::unexpected_message},
      {"noise", "\xff\xfe\xfd", FirstBytes::kUnknown, Alert::unexpected_message},
  };
  for (const Garbage& one : cases) {
    ClientHello hello;
    HelloResult result = parse(text(one.bytes), hello);
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

TEST(ClientHello, RefusesBadRecordsAtTheFirstByteThatSettlesIt) {
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
      {"message of 16385 bytes", {22, 3, 1, 0, 4, 1, 0, 0x3f, 0xfd}, Alert::illegal_parameter},
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
    HelloResult result = parse(one.bytes, out);
    EXPECT_EQ(result.status, HelloStatus::kMalformed) << one.name;
    EXPECT_EQ(result.alert, one.alert) << one.name << ": " << result.reason;
  }
  Bytes interrupted = HelloBuilder::split(hello, 100);
  interrupted.resize(105);
  for (uint8_t type : {20, 21, 23}) {
    ClientHello out;
    HelloResult result = parse(interrupted + Bytes{type, 3, 3, 0, 1}, out);
    EXPECT_EQ(result.status, HelloStatus::kMalformed);
    EXPECT_EQ(result.alert, Alert::unexpected_message);
  }
}

TEST(ClientHello, BoundsTheNumberOfRecordsAndTheSize) {
  HelloBuilder big = HelloBuilder::modern();
  big.add(21, Bytes(2000, 0));
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
  EXPECT_EQ(parse(largest).status, HelloStatus::kComplete);
  HelloGatherer split;
  bytes = largest.records(16);
  EXPECT_EQ(split.feed(bytes, hello).status, HelloStatus::kComplete);
  largest.set(21, Bytes(room + 1, 0));
  EXPECT_EQ(parse(largest.records(16000), hello).status, HelloStatus::kMalformed);
}

struct BadHello {
  const char* name;
  std::function<void(HelloBuilder&)> bend;
  uint8_t alert;
};

TEST(ClientHello, RefusesMalformedHellosWithTheRightAlert) {
  using B = HelloBuilder;
  const BadHello cases[] = {
      {"long session id", [](B& b) { b.sessionId = Bytes(33, 1); }, Alert::decode_error},
      {"no suites", [](B& b) { b.suites = {}; }, Alert::decode_error},
      {"half a suite", [](B& b) { b.suites.push_back(1); }, Alert::decode_error},
      {"no compression methods", [](B& b) { b.compression = {}; }, Alert::decode_error},
      {"no null compression", [](B& b) { b.compression = {1}; }, Alert::illegal_parameter},
      {"garbage behind the extensions", [](B& b) { b.tail = {0}; }, Alert::decode_error},
      {"garbage in place of extensions",
       [](B& b) {
         b.withExtensions = false;
         b.tail = {0};
       },
       Alert::decode_error},
      {"repeated extension", [](B& b) { b.add(23, {}); }, Alert::illegal_parameter},
      {"repeated unknown extension",
       [](B& b) {
         b.add(0x7777, {});
         b.add(0x7777, {});
       },
       Alert::illegal_parameter},
      {"empty server name list", [](B& b) { b.set(0, vector16({})); }, Alert::decode_error},
      {"empty server name extension", [](B& b) { b.set(0, {}); }, Alert::decode_error},
      {"empty server name", [](B& b) { b.set(0, B::serverName("")); }, Alert::decode_error},
      {"server name list cut",
       [](B& b) {
         b.set(0, {0, 9, 0, 0, 6, 'a'});
       },
       Alert::decode_error},
      {"server name and a tail", [](B& b) { b.set(0, B::serverName("a.b") + Bytes{0}); },
       Alert::decode_error},
      {"two host names",
       [](B& b) {
         b.set(0, vector16(Bytes{0} + vector16(text("a.b")) + Bytes{0} + vector16(text("c.d"))));
       },
       Alert::illegal_parameter},
      {"zero byte in the server name",
       [](B& b) { b.set(0, B::serverName(std::string_view("a\0b", 3))); },
       Alert::illegal_parameter},
      {"blank in the server name", [](B& b) { b.set(0, B::serverName("a b")); },
       Alert::illegal_parameter},
      {"long server name", [](B& b) { b.set(0, B::serverName(std::string(254, 'a'))); },
       Alert::illegal_parameter},
      {"empty ALPN list", [](B& b) { b.set(16, vector16({})); }, Alert::decode_error},
      {"empty ALPN name",
       [](B& b) {
         b.set(16, vector16({2, 'h', '2', 0}));
       },
       Alert::decode_error},
      {"ALPN name cut",
       [](B& b) {
         b.set(16, vector16({2, 'h', '2', 5, 'h'}));
       },
       Alert::decode_error},
      {"ALPN with a tail", [](B& b) { b.set(16, B::alpn({"h2"}) + Bytes{1}); },
       Alert::decode_error},
      {"empty groups", [](B& b) { b.set(10, vector16({})); }, Alert::decode_error},
      {"half a group",
       [](B& b) {
         b.set(10, vector16({0, 29, 0}));
       },
       Alert::decode_error},
      {"empty versions", [](B& b) { b.set(43, vector8({})); }, Alert::decode_error},
      {"half a version",
       [](B& b) {
         b.set(43, vector8({3, 4, 3}));
       },
       Alert::decode_error},
      {"versions with a tail",
       [](B& b) {
         b.set(43, vector8({3, 4}) + Bytes{0});
       },
       Alert::decode_error},
      {"empty signature algorithms", [](B& b) { b.set(13, vector16({})); }, Alert::decode_error},
      {"half a signature algorithm", [](B& b) { b.set(13, vector16({4})); }, Alert::decode_error},
      {"empty key", [](B& b) { b.set(51, vector16(B::keyShare(29, 0))); }, Alert::decode_error},
      {"key cut",
       [](B& b) {
         b.set(51, vector16({0, 29, 0, 32, 1}));
       },
       Alert::decode_error},
      {"key_share with a tail", [](B& b) { b.set(51, vector16(B::keyShare(29, 32)) + Bytes{0}); },
       Alert::decode_error},
      {"two shares of a group",
       [](B& b) { b.set(51, vector16(B::keyShare(29, 32) + B::keyShare(29, 32))); },
       Alert::illegal_parameter},
      {"share of a group not offered", [](B& b) { b.set(51, vector16(B::keyShare(25, 133))); },
       Alert::illegal_parameter},
      {"point formats without uncompressed",
       [](B& b) {
         b.set(11, {1, 1});
       },
       Alert::illegal_parameter},
      {"empty point formats", [](B& b) { b.set(11, {0}); }, Alert::decode_error},
      {"contents in extended_master_secret", [](B& b) { b.set(23, {1}); }, Alert::decode_error},
      {"renegotiation_info not empty",
       [](B& b) {
         b.set(0xff01, {1, 7});
       },
       Alert::handshake_failure},
      {"renegotiation_info malformed",
       [](B& b) {
         b.set(0xff01, {2, 7});
       },
       Alert::decode_error},
      {"contents in early_data", [](B& b) { b.add(42, {1}); }, Alert::decode_error},
      {"empty cookie",
       [](B& b) {
         b.add(44, {0, 0});
       },
       Alert::decode_error},
      {"empty psk modes", [](B& b) { b.set(45, {0}); }, Alert::decode_error},
      {"pre_shared_key not last",
       [](B& b) {
         b.add(41, vector16(vector16(Bytes(8, 1)) + Bytes(4, 0)) + vector16(vector8(Bytes(32, 2))));
         b.add(0x7777, {});
       },
       Alert::illegal_parameter},
      {"pre_shared_key without identities",
       [](B& b) { b.add(41, vector16({}) + vector16(vector8(Bytes(32, 2)))); },
       Alert::decode_error},
      {"short binder",
       [](B& b) {
         b.add(41, vector16(vector16(Bytes(8, 1)) + Bytes(4, 0)) + vector16(vector8(Bytes(31, 2))));
       },
       Alert::decode_error},
      {"two binders for one identity",
       [](B& b) {
         Bytes binders = vector8(Bytes(32, 2)) + vector8(Bytes(32, 2));
         b.add(41, vector16(vector16(Bytes(8, 1)) + Bytes(4, 0)) + vector16(binders));
       },
       Alert::illegal_parameter},
  };
  for (const BadHello& one : cases) {
    HelloBuilder builder = HelloBuilder::modern();
    one.bend(builder);
    HelloResult result = parse(builder);
    EXPECT_EQ(result.status, HelloStatus::kMalformed) << one.name;
    EXPECT_EQ(result.alert, one.alert) << one.name << ": " << result.reason;
    EXPECT_FALSE(result.reason.empty()) << one.name;
  }
}

TEST(ClientHello, FindsDuplicatesAmongMany) {
  HelloBuilder many = HelloBuilder::modern();
  for (uint16_t type = 0x4000; type < 0x4200; ++type) many.add(type, {});
  EXPECT_EQ(parse(many).status, HelloStatus::kComplete);
  many.add(0x4000, {});
  EXPECT_EQ(parse(many).alert, Alert::illegal_parameter);
  HelloBuilder groups = HelloBuilder::modern();
  Bytes list;
  Bytes shares;
  for (uint16_t group = 100; group < 300; ++group) {
    put16(list, group);
    shares = shares + HelloBuilder::keyShare(group, 1);
  }
  groups.set(10, vector16(list));
  groups.set(51, vector16(shares));
  EXPECT_EQ(parse(groups).status, HelloStatus::kComplete);
  groups.set(51, vector16(shares + HelloBuilder::keyShare(150, 1)));
  EXPECT_EQ(parse(groups).alert, Alert::illegal_parameter);
}

TEST(ClientHello, AcceptsOddButLegalHellos) {
  HelloBuilder builder = HelloBuilder::modern();
  builder.set(0, HelloBuilder::serverName("xn--bcher-kva.example_1.ORG."));
  builder.add(41, vector16(vector16(Bytes(8, 1)) + Bytes(4, 0)) + vector16(vector8(Bytes(32, 2))));
  Bytes bytes = builder.records();
  ClientHello hello;
  HelloResult result = parse(bytes, hello);
  ASSERT_EQ(result.status, HelloStatus::kComplete) << result.reason;
  EXPECT_EQ(hello.serverName, "xn--bcher-kva.example_1.org");
  EXPECT_TRUE(hello.hasPreSharedKey);
  // An empty list of key shares asks for a HelloRetryRequest; session ids may be absent.
  builder = HelloBuilder::modern();
  builder.sessionId = {};
  builder.set(51, vector16({}));
  bytes = builder.records();
  ASSERT_EQ(parse(bytes, hello).status, HelloStatus::kComplete);
  EXPECT_TRUE(hello.hasKeyShare);
}

TEST(ClientHello, RefusesEveryTruncationOfTheMessage) {
  for (const HelloBuilder& builder : {HelloBuilder::modern(), HelloBuilder::tls12()}) {
    Bytes body = builder.body();
    for (size_t size = 0; size < body.size(); ++size) {
      Bytes message{1, 0};
      put16(message, size);
      message.insert(message.end(), body.begin(), body.begin() + static_cast<long>(size));
      ClientHello hello;
      HelloResult result = parseClientHelloMessage(message, hello);
      // Only a body that ends exactly before its extensions is a hello too (an old one).
      size_t bare = 2 + 32 + 1 + builder.sessionId.size() + 2 + builder.suites.size() + 2;
      EXPECT_EQ(result.status == HelloStatus::kComplete, size == bare) << size;
      if (size != bare) {
        EXPECT_EQ(result.alert, Alert::decode_error) << size;
      }
    }
  }
}

TEST(ClientHello, SurvivesFlippedBytes) {
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
