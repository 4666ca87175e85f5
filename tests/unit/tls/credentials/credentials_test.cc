// SPDX-License-Identifier: GPL-3.0-or-later
// Loading of certificates and keys: what is read out of them, and the words for everything that is
// wrong with files.
#include "tls/credentials/credentials.h"

#include <sys/stat.h>

#include <ctime>

#include "base/bytes.h"
#include "unit/tls/support/test_credentials.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

class CredentialsTest : public TlsTest {
 protected:
  /// The error of loading these two files of testKeys() or `dir`; fails the test where they load.
  static std::string errorOf(const std::string& cert, const std::string& key) {
    auto loaded = Credentials::loadFiles({cert, key, {}});
    EXPECT_FALSE(loaded.has_value()) << cert << " " << key;
    return loaded.has_value() ? "" : loaded.error().text();
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }
  TempDir dir_;
};

TEST_F(CredentialsTest, ReadsWhatTheCertificateSays) {
  auto ec = testCredentials("ec");
  const CertificateInfo& leaf = ec->leaf();
  EXPECT_EQ(leaf.subject, "C=DE, O=Culvert Test, CN=www.example.org");
  EXPECT_EQ(leaf.issuer, leaf.subject);
  EXPECT_TRUE(leaf.selfIssued());
  EXPECT_EQ(leaf.dnsNames, (std::vector<std::string>{"www.example.org", "*.wild.example.org"}));
  EXPECT_EQ(leaf.addresses, (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(leaf.keyType, KeyType::kEcdsa);
  EXPECT_EQ(leaf.keyText, "ECDSA P-256");
  EXPECT_EQ(leaf.fingerprint.size(), 95u);
  EXPECT_EQ(leaf.notAfter - leaf.notBefore, 30 * 86400);
  EXPECT_EQ(ec->validity(std::time(nullptr)), Validity::kValid);
  EXPECT_TRUE(ec->warnings().empty()) << ec->warnings()[0];
  EXPECT_EQ(testCredentials("rsa")->leaf().keyText, "RSA-2048");
  EXPECT_EQ(testCredentials("p384")->leaf().keyText, "ECDSA P-384");
  auto ed = testCredentials("ed");
  EXPECT_EQ(ed->leaf().keyText, "Ed25519");
  EXPECT_EQ(ed->leaf().dnsNames, std::vector<std::string>{"ed.example.org"})
      << "the CN where there is no SAN";
  EXPECT_TRUE(has(ec->summary(), "ECDSA P-256")) << ec->summary();
}

TEST_F(CredentialsTest, TakesOneFileWithBoth) {
  auto both = Credentials::loadFiles({testKeys() / "both.pem", "", {}});
  ASSERT_TRUE(both.has_value()) << both.error().text();
  EXPECT_EQ((*both)->leaf().keyText, "ECDSA P-256");
}

TEST_F(CredentialsTest, TakesEveryFormOfKey) {
  const TempDir& keys = testKeys();
  runIn(keys,
        "openssl ec -in ec.key -out ec-sec1.key; openssl ecparam -name prime256v1 -out p; cat p "
        "ec-sec1.key > ec-params.key;"
        "openssl rsa -traditional -in rsa.key -out rsa-pkcs1.key");
  for (const char* name : {"ec-sec1.key", "ec-params.key"}) {
    auto loaded = Credentials::loadFiles({keys / "ec.pem", keys / name, {}});
    EXPECT_TRUE(loaded.has_value()) << name << ": " << loaded.error().text();
  }
  auto rsa = Credentials::loadFiles({keys / "rsa.pem", keys / "rsa-pkcs1.key", {}});
  EXPECT_TRUE(rsa.has_value()) << rsa.error().text();
}

TEST_F(CredentialsTest, TellsExpiredFromValid) {
  auto old = testCredentials("old");
  int64_t now = std::time(nullptr);
  EXPECT_EQ(old->validity(now), Validity::kExpired);
  EXPECT_TRUE(has(old->validityText(now), "expired ")) << old->validityText(now);
  EXPECT_TRUE(has(old->validityText(now), "2020-02-01 00:00:00 UTC")) << old->validityText(now);
  EXPECT_EQ(old->validity(1577836800 - 1), Validity::kNotYetValid);
  EXPECT_EQ(old->validity(1577836800), Validity::kValid);
  EXPECT_EQ(old->validityText(1577836800 - 7200),
            "is valid only in 2 hours (from 2020-01-01 00:00:00 UTC)");
}

TEST_F(CredentialsTest, RefusesWhatDoesNotFit) {
  const TempDir& keys = testKeys();
  std::string error = errorOf(keys / "ec.pem", keys / "leaf.key");
  EXPECT_TRUE(has(error, "leaf.key does not belong to certificate")) << error;
  error = errorOf(keys / "ec.pem", keys / "rsa.key");
  EXPECT_TRUE(has(error, "the key is RSA-2048, the certificate has ECDSA P-256")) << error;
  error = errorOf(keys / "rsa.pem", keys / "ec.key");
  EXPECT_TRUE(has(error, "the key is ECDSA P-256, the certificate has RSA-2048")) << error;
  error = errorOf(keys / "reversed.pem", keys / "leaf.key");
  EXPECT_TRUE(has(error, "the key belongs to certificate 2 (CN=leaf.example.org)")) << error;
  EXPECT_TRUE(has(error, "own certificate first")) << error;
}

TEST_F(CredentialsTest, ChecksTheOrderOfTheChain) {
  const TempDir& keys = testKeys();
  auto good = testCredentials("leaf");
  EXPECT_EQ(good->chain().size(), 2u);
  EXPECT_TRUE(good->warnings().empty());
  auto gap = Credentials::loadFiles({keys / "gap.pem", keys / "leaf.key", {}});
  ASSERT_TRUE(gap.has_value()) << gap.error().text();
  ASSERT_EQ((*gap)->warnings().size(), 1u);
  EXPECT_TRUE(has((*gap)->warnings()[0],
                  "certificate 1 (CN=leaf.example.org) was not issued by certificate 2 (CN=Root)"))
      << (*gap)->warnings()[0];
}

TEST_F(CredentialsTest, NamesTheFileAndTheMistake) {
  const TempDir& keys = testKeys();
  std::string good = keys / "ec.pem";
  std::string key = keys / "ec.key";
  std::string error = errorOf(dir_ / "missing.pem", key);
  EXPECT_TRUE(has(error, "missing.pem: No such file")) << error;
  error = errorOf(dir_ / "", key);
  EXPECT_TRUE(has(error, "is a directory")) << error;
  error = errorOf(dir_.write("empty.pem", ""), key);
  EXPECT_TRUE(has(error, "empty.pem: is empty")) << error;
  error = errorOf(dir_.write("text.pem", "hello\n"), key);
  EXPECT_TRUE(
      has(error, "no certificate found: a PEM block -----BEGIN CERTIFICATE----- is expected"))
      << error;
  error = errorOf(key, key);
  EXPECT_TRUE(has(error, "there is -----BEGIN PRIVATE KEY-----")) << error;
  error = errorOf(good, good);
  EXPECT_TRUE(has(error, "ec.pem: no private key found")) << error;
  error = errorOf(good, "");
  EXPECT_TRUE(has(error, "name its file with \"key\"")) << error;
  std::string pem = keys.read("ec.pem");
  error = errorOf(dir_.write("cut.pem", pem.substr(0, pem.size() / 2)), key);
  EXPECT_TRUE(has(error, "cut.pem: block 1 (-----BEGIN CERTIFICATE-----) has no end line"))
      << error;
  error = errorOf(dir_.write("joined.pem", pem.substr(0, pem.size() / 2) + "\n" + pem), key);
  EXPECT_TRUE(has(error, "has no end line")) << error;
  std::string bent = pem;
  bent[bent.size() / 2] = '!';
  error = errorOf(dir_.write("bent.pem", bent), key);
  EXPECT_TRUE(has(error, "not base64")) << error;
  bent = pem;
  bent.replace(40, 8, "AAAAAAAA");
  error = errorOf(dir_.write("bent.pem", bent), key);
  EXPECT_TRUE(has(error, "certificate 1 is not a readable X.509 certificate")) << error;
  runIn(
      keys,
      "openssl x509 -in ec.pem -outform der -out ec.der; openssl pkcs8 -topk8 -in ec.key -passout "
      "pass:x -out enc.key;"
      "openssl ec -in ec.key -aes128 -passout pass:x -out enc2.key;"
      "openssl pkcs12 -export -in ec.pem -inkey ec.key -passout pass:x -out ec.p12");
  error = errorOf(keys / "ec.der", key);
  EXPECT_TRUE(has(error, "is in DER form")) << error;
  error = errorOf(keys / "ec.p12", key);
  EXPECT_TRUE(has(error, "is a PKCS#12 archive")) << error;
  for (const char* name : {"enc.key", "enc2.key"}) {
    error = errorOf(good, keys / name);
    EXPECT_TRUE(has(error, "the private key is encrypted")) << error;
  }
  error = errorOf(
      good,
      dir_.write("bad.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  EXPECT_TRUE(has(error, "is not a supported private key")) << error;
  error = errorOf(good, dir_.write("two.key", keys.read("ec.key") + keys.read("rsa.key")));
  EXPECT_TRUE(has(error, "holds two private keys")) << error;
  error = errorOf(dir_.write("big.pem", std::string((1 << 20) + 1, 'x')), key);
  EXPECT_TRUE(has(error, "longer than 1048576 bytes")) << error;
}

TEST_F(CredentialsTest, AcceptsCarriageReturnsAndTextAround) {
  std::string pem = testKeys().read("ec.pem");
  std::string windows = "some words\r\n";
  for (char c : pem) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  auto loaded =
      Credentials::loadFiles({dir_.write("crlf.pem", windows), testKeys() / "ec.key", {}});
  EXPECT_TRUE(loaded.has_value()) << loaded.error().text();
}

TEST_F(CredentialsTest, ReadsFromAPipe) {
  std::string path = dir_ / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  runIn(dir_, "(cat " + (testKeys() / "both.pem") + " > pipe &)");
  // A writer may come a little later than the reader; an empty pipe without a writer ends at once.
  Credentials::Loaded loaded = tl::unexpected(CredentialFaults{"not tried", "", ""});
  for (int i = 0; i < 200 && !loaded; ++i) {
    loaded = Credentials::loadFiles({path, "", {}});
    if (!loaded) ::usleep(10000);
  }
  EXPECT_TRUE(loaded.has_value()) << loaded.error().text();
}

TEST_F(CredentialsTest, HashTellsChangedFromUnchanged) {
  auto read = [](const std::string& name) {
    return PemFile{name, *readSecretFile(testKeys() / name)};
  };
  PemFile cert = read("ec.pem");
  PemFile key = read("ec.key");
  EXPECT_EQ(Credentials::hashOf(cert, &key), Credentials::hashOf(read("ec.pem"), &key));
  EXPECT_NE(Credentials::hashOf(cert, &key), Credentials::hashOf(cert, nullptr));
  PemFile other = read("rsa.key");
  EXPECT_NE(Credentials::hashOf(cert, &key), Credentials::hashOf(cert, &other));
  EXPECT_EQ((*Credentials::load(cert, &key))->contentHash(), Credentials::hashOf(cert, &key));
}

TEST_F(CredentialsTest, MatchesNames) {
  auto ec = testCredentials("ec");
  EXPECT_EQ(ec->matches("www.example.org"), 2);
  EXPECT_EQ(ec->matches("a.wild.example.org"), 1);
  EXPECT_EQ(ec->matches("a.b.wild.example.org"), 0) << "a wildcard covers one label";
  EXPECT_EQ(ec->matches("wild.example.org"), 0);
  EXPECT_EQ(ec->matches(".wild.example.org"), 0);
  EXPECT_EQ(ec->matches("127.0.0.1"), 2);
  EXPECT_EQ(ec->matches(""), 0);
  EXPECT_FALSE(nameCovers("*.", "a."));
  EXPECT_FALSE(nameCovers("*", "a"));
}

TEST(SecretBytesTest, MovesAndTruncates) {
  SecretBytes bytes(asBytes("secret text"));
  bytes.truncate(6);
  EXPECT_EQ(bytes.text(), "secret");
  SecretBytes other = std::move(bytes);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(other.size(), 6u);
  other = SecretBytes(asBytes("x"));
  EXPECT_EQ(other.text(), "x");
  other = SecretBytes();
  EXPECT_TRUE(other.empty());
}

}  // namespace
}  // namespace culvert
