// SPDX-License-Identifier: GPL-3.0-or-later
// The parser of ClientHellos: sound ones, old and odd ones, and every kind of malformed one with
// its alert.
#include "tls/hello/client_hello.h"

#include <gtest/gtest.h>

#include "tls/hello/hello_gatherer.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/tls_names.h"
#include "unit/tls/support/hello_builder.h"

namespace culvert {
namespace {

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

}  // namespace
}  // namespace culvert
