// SPDX-License-Identifier: GPL-3.0-or-later
// OCSP requests and responses of real certificates, made by the openssl command line, and what a
// certificate tells of OCSP. The hostile responses are in tests/integration/test_ocsp_stapling.py.
#include "tls/ocsp/ocsp_check.h"

#include <gtest/gtest.h>

#include <ctime>

#include "tls/library/tls_library.h"
#include "tls/ocsp/ocsp_reader.h"
#include "unit/tls/support/test_keys.h"

namespace culvert {
namespace {

constexpr int64_t kHour = 3600;

/// A CA with three leaves: www (names a responder and demands stapling), other (neither), gone
/// (revoked). NAME.ocsp is a response for each, nameless.ocsp one without nextUpdate.
const TempDir& ocspFiles() {
  static const TempDir dir;
  static std::once_flag made;
  std::call_once(made, [] {
    runIn(dir,
          "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\n"
          "default_md=sha256\\ndefault_days=30\\npolicy=p\\ncopy_extensions=copy\\n"
          "[p]\\ncommonName=supplied\\n"
          "[www]\\nauthorityInfoAccess=OCSP;URI:http://ocsp.example.org/path\\n"
          "tlsfeature=status_request\\nsubjectAltName=DNS:www.example.org\\n"
          "[other]\\ntlsfeature=17\\nsubjectAltName=DNS:other.example.org\\n"
          "[gone]\\nsubjectAltName=DNS:gone.example.org\\n' >ca.cnf; : >index; echo 01 >serial");
    runIn(dir,
          "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "
          "/CN=CA -keyout ca.key -out ca.pem");
    for (const char* name : {"www", "other", "gone"}) {
      const std::string n = name;
      runIn(dir, "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + n +
                     " -keyout " + n + ".key -out " + n +
                     ".csr && openssl ca -batch -config ca.cnf "
                     "-cert ca.pem -keyfile ca.key -notext -extensions " +
                     n + " -in " + n + ".csr -out " + n + "-only.pem && cat " + n +
                     "-only.pem ca.pem >" + n + ".pem");
    }
    runIn(dir, "openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -revoke gone-only.pem");
    for (const char* name : {"www", "other", "gone"}) {
      const std::string n = name;
      runIn(dir, "openssl ocsp -issuer ca.pem -cert " + n + "-only.pem -no_nonce -reqout " + n +
                     ".req && openssl ocsp -index index -rsigner ca.pem -rkey ca.key -CA ca.pem "
                     "-resp_no_certs -nmin 60 -reqin " +
                     n + ".req -respout " + n + ".ocsp");
    }
    runIn(dir,
          "openssl ocsp -index index -rsigner ca.pem -rkey ca.key -CA ca.pem -reqin www.req "
          "-respout nameless.ocsp");
  });
  return dir;
}

std::shared_ptr<const Credentials> leafOf(const std::string& name, const std::string& file = {}) {
  auto loaded = Credentials::loadFiles(
      {ocspFiles() / (file.empty() ? name + ".pem" : file), ocspFiles() / (name + ".key"), {}});
  EXPECT_TRUE(loaded.has_value()) << loaded.error().text();
  return *loaded;
}

std::vector<uint8_t> contents(const std::string& file) {
  const std::string text = ocspFiles().read(file);
  EXPECT_FALSE(text.empty()) << file;
  return {text.begin(), text.end()};
}

int64_t now() { return std::time(nullptr); }

class OcspCheckTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(initTlsLibrary()); }
  void SetUp() override {
    if (!staplingPossible()) GTEST_SKIP() << "this wolfSSL cannot staple";
  }
};

TEST_F(OcspCheckTest, TheCertificateTellsItsResponderAndItsDemand) {
  const CertificateInfo www = leafOf("www")->leaf();
  EXPECT_EQ(www.ocspUrl, "http://ocsp.example.org/path");
  EXPECT_TRUE(www.mustStaple);
  const CertificateInfo other = leafOf("other")->leaf();
  EXPECT_EQ(other.ocspUrl, "");
  EXPECT_FALSE(other.mustStaple) << "status_request_v2 is another feature";
  EXPECT_FALSE(leafOf("gone")->leaf().mustStaple);
  EXPECT_EQ(other.serial, std::vector<uint8_t>{2});
}

TEST_F(OcspCheckTest, TheRequestIsThatOfOpenssl) {
  for (const char* name : {"www", "other"}) {
    const auto request = makeOcspRequest(*leafOf(name));
    ASSERT_TRUE(request) << request.error().text;
    EXPECT_EQ(*request, contents(std::string(name) + ".req"));
  }
}

TEST_F(OcspCheckTest, AGoodResponseIsTaken) {
  const auto bytes = contents("www.ocsp");
  const auto staple = checkOcspResponse(*leafOf("www"), bytes, now());
  ASSERT_TRUE(staple) << staple.error().text;
  EXPECT_EQ((*staple)->response, bytes);
  EXPECT_FALSE((*staple)->revoked);
  EXPECT_NEAR(static_cast<double>((*staple)->thisUpdate), static_cast<double>(now()), 600);
  EXPECT_EQ((*staple)->validUntil, (*staple)->thisUpdate + kHour);
}

TEST_F(OcspCheckTest, WithoutNextUpdateItIsGoodForADay) {
  const auto staple = checkOcspResponse(*leafOf("www"), contents("nameless.ocsp"), now());
  ASSERT_TRUE(staple) << staple.error().text;
  EXPECT_EQ((*staple)->validUntil, (*staple)->thisUpdate + 24 * kHour);
  const auto later =
      checkOcspResponse(*leafOf("www"), contents("nameless.ocsp"), now() + 25 * kHour);
  ASSERT_FALSE(later);
  EXPECT_NE(later.error().text.find("has expired"), std::string::npos) << later.error().text;
}

TEST_F(OcspCheckTest, ARevokedOneIsTakenAsSuch) {
  const auto staple = checkOcspResponse(*leafOf("gone"), contents("gone.ocsp"), now());
  ASSERT_TRUE(staple) << staple.error().text;
  EXPECT_TRUE((*staple)->revoked);
}

TEST_F(OcspCheckTest, RefusalsHaveTheirReasons) {
  const auto refusal = [](const Credentials& of, const std::vector<uint8_t>& bytes) {
    const auto staple = checkOcspResponse(of, bytes, now());
    EXPECT_FALSE(staple);
    return staple ? "" : staple.error().text;
  };
  const auto www = leafOf("www");
  EXPECT_EQ(refusal(*www, contents("other.ocsp")), "is for another certificate");
  EXPECT_EQ(refusal(*www, {0x30, 0x03, 0x0a, 0x01, 0x03}), "is an error: tryLater");
  EXPECT_EQ(refusal(*www, {}), "is not an OCSP response");
  EXPECT_EQ(refusal(*www, std::vector<uint8_t>(kMaxOcspResponse + 1)),
            "is larger than 16000 bytes");
  auto changed = contents("www.ocsp");
  changed.back() ^= 1;
  EXPECT_NE(refusal(*www, changed).find("is not signed by the issuer"), std::string::npos);
  auto cut = contents("www.ocsp");
  cut.pop_back();
  EXPECT_EQ(refusal(*www, cut), "is not an OCSP response");
}

TEST_F(OcspCheckTest, NeedsTheIssuer) {
  const auto alone = leafOf("www", "www-only.pem");
  EXPECT_TRUE(issuerOf(*alone).empty());
  EXPECT_FALSE(makeOcspRequest(*alone));
  const auto staple = checkOcspResponse(*alone, contents("www.ocsp"), now());
  ASSERT_FALSE(staple);
  EXPECT_NE(staple.error().text.find("the issuer's certificate is not in the chain"),
            std::string::npos);
}

TEST_F(OcspCheckTest, TheReaderSeesWhatIsThere) {
  const auto summary = readOcspSummary(contents("gone.ocsp"));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->responseStatus, 0);
  ASSERT_EQ(summary->singles.size(), 1u);
  const OcspSingle& single = summary->singles.front();
  EXPECT_EQ(single.serial, std::vector<uint8_t>{3});
  EXPECT_TRUE(single.sha1);
  EXPECT_EQ(single.status, OcspCertStatus::kRevoked);
  EXPECT_EQ(single.nextUpdate, single.thisUpdate + kHour);
  EXPECT_FALSE(readOcspSummary(contents("nameless.ocsp"))->singles.front().nextUpdate);
}

TEST_F(OcspCheckTest, TheReaderTakesNoCutOrChangedResponseAmiss) {
  const auto bytes = contents("www.ocsp");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(readOcspSummary(std::span(bytes).first(size))) << size;
  for (size_t at = 0; at < bytes.size(); ++at) {
    auto changed = bytes;
    changed[at] ^= 0xff;
    (void)readOcspSummary(changed);
  }
}

TEST(OcspReader, ReadsTimes) {
  const auto time = [](std::string_view text) {
    return readGeneralizedTime({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(time("19700101000000Z"), 0);
  EXPECT_EQ(time("20261122013000Z"), 1795311000);
  for (const char* text : {"", "20261122013000", "20261322013000Z", "20261100013000Z",
                           "20261122253000Z", "2026112201300xZ", "20261122013000.5Z"})
    EXPECT_FALSE(time(text)) << text;
}

TEST(StapleSlot, ServesWhatIsValid) {
  StapleSlot slot;
  EXPECT_EQ(slot.serving(100), nullptr);
  slot.setTrouble("no answer");
  EXPECT_EQ(slot.trouble(), "no answer");
  auto staple = std::make_shared<Staple>();
  staple->validUntil = 100;
  EXPECT_TRUE(slot.put(staple, 50));
  EXPECT_EQ(slot.trouble(), "") << "a success ends it";
  EXPECT_EQ(slot.serving(100), staple);
  EXPECT_EQ(slot.serving(101), nullptr);
  EXPECT_EQ(slot.held(), staple) << "what has expired is still known";
  slot.setTrouble("no answer");
  EXPECT_EQ(slot.serving(99), staple) << "a failure takes nothing away";
}

TEST(StapleSlot, KeepsTheNewestThatIsValid) {
  const auto made = [](int64_t thisUpdate, int64_t validUntil) {
    auto staple = std::make_shared<Staple>();
    staple->thisUpdate = thisUpdate;
    staple->validUntil = validUntil;
    return staple;
  };
  StapleSlot slot;
  const auto newest = made(20, 100);
  EXPECT_TRUE(slot.put(newest, 30));
  slot.setTrouble("no answer");
  EXPECT_FALSE(slot.put(made(19, 200), 30));
  EXPECT_EQ(slot.held(), newest) << "one of before does not replace it";
  EXPECT_EQ(slot.trouble(), "") << "it was a good answer all the same";
  const auto again = made(20, 90);
  EXPECT_TRUE(slot.put(again, 30)) << "of the same time: as new";
  EXPECT_EQ(slot.held(), again);
  EXPECT_TRUE(slot.put(made(19, 200), 91)) << "what has expired keeps nothing away";
  EXPECT_TRUE(slot.put(made(300, 400), 350));
  EXPECT_TRUE(slot.put(made(200, 400), 250))
      << "nor does one of the future: the clock was set back";
}

}  // namespace
}  // namespace culvert
