// SPDX-License-Identifier: GPL-3.0-or-later
// Signatures of the openssl command line's: self-signed certificates, since those have the form of
// all that a CA signs.
#include "tls/x509/signed_data.h"

#include <gtest/gtest.h>

#include "tls/library/tls_library.h"
#include "tls/x509/pem.h"
#include "unit/tls/support/test_keys.h"

namespace culvert {
namespace {

std::vector<uint8_t> certificate(const TempDir& dir, const std::string& options) {
  runIn(dir, "openssl req -x509 -nodes -days 3 -subj /CN=x -keyout k -out c " + options);
  const std::string text = dir.read("c");
  const auto blocks = scanPem(text);  // views of the text
  const auto der = decodePem(blocks->front());
  return {der->span().begin(), der->span().end()};
}

SignatureVerdict verdictOn(std::span<const uint8_t> der, std::span<const uint8_t> key) {
  DerReader file(der);
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  const auto data = readSignedData(parts);
  return data ? verifySignature(*data, key) : SignatureVerdict::kUnknown;
}

TEST(SignedData, EveryAlgorithmVerifiesAndIsNotFooled) {
  ASSERT_TRUE(initTlsLibrary());
  const TempDir dir;
  const std::string rsa = "-newkey rsa:2048 ", pss = rsa + "-sigopt rsa_padding_mode:pss ";
  const std::string ec = "-newkey ec -pkeyopt ec_paramgen_curve:";
  const auto stranger = certificate(dir, ec + "P-256");
  for (const std::string& options :
       {rsa + "-sha256", rsa + "-sha384", rsa + "-sha512",
        pss + "-sigopt rsa_pss_saltlen:32 -sha256", pss + "-sigopt rsa_pss_saltlen:20 -sha384",
        pss + "-sigopt rsa_pss_saltlen:-1 -sha512", ec + "P-256 -sha256", ec + "P-384 -sha384",
        ec + "P-256 -sha512", std::string("-newkey ed25519")}) {
    auto der = certificate(dir, options);
    const auto key = publicKeyOf(der);
    ASSERT_FALSE(key.empty()) << options;
    EXPECT_EQ(verdictOn(der, key), SignatureVerdict::kSound) << options;
    EXPECT_EQ(verdictOn(der, publicKeyOf(stranger)), SignatureVerdict::kFalse) << options;
    der.back() ^= 1;
    EXPECT_EQ(verdictOn(der, publicKeyOf(der)), SignatureVerdict::kFalse) << options;
  }
}

TEST(SignedData, WeakHashesAndStrangersAreTold) {
  ASSERT_TRUE(initTlsLibrary());
  const TempDir dir;
  for (const char* options : {"-newkey rsa:2048 -sha1", "-newkey rsa:2048 -md5",
                              "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha1",
                              "-newkey rsa:2048 -sigopt rsa_padding_mode:pss -sha1"}) {
    const auto der = certificate(dir, options);
    EXPECT_EQ(verdictOn(der, publicKeyOf(der)), SignatureVerdict::kWeak) << options;
  }
  const auto der = certificate(dir, "-newkey ed448");
  EXPECT_EQ(verdictOn(der, publicKeyOf(der)), SignatureVerdict::kUnknown);
  for (size_t size = 0; size < der.size(); ++size) (void)publicKeyOf(std::span(der).first(size));
}

}  // namespace
}  // namespace culvert
