// SPDX-License-Identifier: GPL-3.0-or-later
// Certificates made by the openssl command line, and bytes that are none.
#include "tls/peer_auth/peer_certificate.h"

#include "tls/library/sha256.h"
#include "tls/x509/der_reader.h"
#include "tls/x509/pem.h"
#include "unit/tls/support/test_keys.h"

namespace culvert {
namespace {

std::vector<uint8_t> derOf(const std::string& pem) {
  const auto blocks = scanPem(pem);
  const auto der = decodePem(blocks->front());
  return {der->span().begin(), der->span().end()};
}

class PeerCertificateTest : public ::testing::Test {
 protected:
  /// A self-signed certificate with this subject (openssl's form) and subjectAltName.
  std::vector<uint8_t> make(const std::string& subject, const std::string& more = "") {
    runIn(dir_,
          "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -utf8 "
          "-multivalue-rdn -keyout k -out c -subj '" +
              subject + "' " + more);
    return derOf(dir_.read("c"));
  }
  TempDir dir_;
};

TEST_F(PeerCertificateTest, NamesEveryValueInItsOrder) {
  const auto der = make("/C=DE/OU=a/OU=b/CN=x, y/CN=second/emailAddress=e@x.example",
                        "-addext subjectAltName=DNS:A.Example,DNS:b.example,URI:spiffe://t/w,"
                        "IP:10.0.0.1,IP:fd00::1,email:m@x.example");
  const auto c = readPeerCertificate(der);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->subject, "C=DE, OU=a, OU=b, CN=x\\, y, CN=second, emailAddress=e@x.example");
  EXPECT_EQ(c->issuer, c->subject);
  EXPECT_EQ(c->issuerHash, c->subjectHash);
  EXPECT_EQ(c->commonNames, (std::vector<std::string>{"x, y", "second"}));
  EXPECT_EQ(c->units, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(c->dnsNames, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(c->uris, std::vector<std::string>{"spiffe://t/w"});
  ASSERT_EQ(c->addresses.size(), 2U);
  EXPECT_EQ(c->addresses[0], (std::vector<uint8_t>{10, 0, 0, 1}));
  EXPECT_EQ(c->fingerprint, sha256Of(der));
  runIn(dir_,
        "openssl x509 -in c -noout -pubkey | openssl pkey -pubin -outform der | "
        "openssl dgst -sha256 -binary > pin");
  const std::string pin = dir_.read("pin");
  EXPECT_EQ(std::string(c->keyPin.begin(), c->keyPin.end()), pin);
}

TEST_F(PeerCertificateTest, AValueCannotPassForAnother) {
  const auto c = readPeerCertificate(make("/CN=x\\/OU=admin/O=a\\+b"));
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->units.empty());
  EXPECT_EQ(c->commonNames, std::vector<std::string>{"x/OU=admin"});
  EXPECT_EQ(c->subject, "CN=x/OU\\=admin, O=a\\+b");
}

TEST_F(PeerCertificateTest, EndsAtEveryByteWithoutHarm) {
  const auto der = make("/C=DE/OU=a+CN=b", "-addext subjectAltName=DNS:a.example,URI:x://y");
  ASSERT_TRUE(readPeerCertificate(der));
  for (size_t size = 0; size < der.size(); ++size)
    EXPECT_FALSE(readPeerCertificate(std::span(der).first(size))) << size;
  for (size_t i = 0; i < der.size(); ++i) {
    auto changed = der;
    for (int bit = 0; bit < 8; ++bit) {
      changed[i] = static_cast<uint8_t>(der[i] ^ 1 << bit);
      (void)readPeerCertificate(changed);
    }
  }
}

TEST(DistinguishedName, TeletexIsLatin1) {
  const uint8_t teletex[] = {0x31, 0x0a, 0x30, 0x08, 0x06, 0x03,
                             0x55, 0x04, 0x03, 0x14, 0x01, 0xfc};
  const uint8_t utf8[] = {0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55,
                          0x04, 0x03, 0x0c, 0x02, 0xc3, 0xbc};
  EXPECT_EQ(distinguishedName(teletex), distinguishedName(utf8));
}

TEST(DistinguishedName, IsPrintableAndBounded) {
  // SET { SEQUENCE { CN, UTF8String "a\n\x7f" } }
  const uint8_t name[] = {0x31, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
                          0x04, 0x03, 0x0c, 0x03, 'a',  '\n', 0x7f};
  EXPECT_EQ(distinguishedName(name), "CN=a??");
  EXPECT_EQ(distinguishedName({}), "(empty)");
  const uint8_t cut[] = {0x31, 0x0c, 0x30};
  EXPECT_EQ(distinguishedName(cut), "?");
  std::vector<uint8_t> many;
  for (int i = 0; i < 200; ++i) many.insert(many.end(), std::begin(name), std::end(name));
  EXPECT_LE(distinguishedName(many).size(), kLongestDn + 2);
}

TEST(DerReader, TakesOnlyShortestDefiniteLengths) {
  const auto bytes = [](std::initializer_list<uint8_t> list) { return std::vector<uint8_t>(list); };
  const auto reads = [](const std::vector<uint8_t>& data) {
    return DerReader(data).next().has_value();
  };
  EXPECT_TRUE(reads(bytes({0x30, 0x00})));
  EXPECT_FALSE(reads({}));
  EXPECT_FALSE(reads(bytes({0x30})));
  EXPECT_FALSE(reads(bytes({0x30, 0x01})));
  EXPECT_FALSE(reads(bytes({0x30, 0x80, 0x00, 0x00}))) << "indefinite";
  EXPECT_FALSE(reads(bytes({0x30, 0x81, 0x01, 0x00}))) << "overlong";
  EXPECT_FALSE(reads(bytes({0x30, 0x82, 0x00, 0x80}))) << "overlong";
  EXPECT_FALSE(reads(bytes({0x30, 0x84, 0xff, 0xff, 0xff, 0xff}))) << "beyond the end";
  EXPECT_FALSE(reads(bytes({0x1f, 0x81, 0x01, 0x00}))) << "a tag of several bytes";
  std::vector<uint8_t> longer(2 + 1 + 0x80);
  longer[0] = 0x04;
  longer[1] = 0x81;
  longer[2] = 0x80;
  EXPECT_TRUE(reads(longer));
}

}  // namespace
}  // namespace culvert
