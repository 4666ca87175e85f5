// SPDX-License-Identifier: GPL-3.0-or-later
// A small world of CAs made by the openssl command line, and a table of chains with their verdicts.
#include "tls/peer_auth/peer_verifier.h"

#include <ctime>

#include "tls/library/tls_library.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/x509/pem.h"
#include "unit/tls/support/test_keys.h"

namespace culvert {
namespace {

using Der = std::vector<uint8_t>;

/// Makes <name>.pem and <name>.key: signed by `issuer`, or by itself where that is empty.
void makeCert(const TempDir& dir, const std::string& name, const std::string& issuer,
              const std::string& extensions, const std::string& subject = "",
              const std::string& key = "ec -pkeyopt ec_paramgen_curve:P-256",
              const std::string& signing = "") {
  dir.write(name + ".ext", extensions + "\nsubjectKeyIdentifier=hash\n" +
                               (issuer.empty() ? "" : "authorityKeyIdentifier=keyid\n"));
  runIn(dir, "openssl req -new -newkey " + key + " -nodes -subj '/CN=" +
                 (subject.empty() ? name : subject) + "' -keyout " + name + ".key -out req");
  runIn(dir,
        "openssl x509 -req -in req -days 3 -extfile " + name + ".ext -out " + name + ".pem " +
            signing + " " +
            (issuer.empty() ? "-signkey " + name + ".key"
                            : "-CA " + issuer + ".pem -CAkey " + issuer + ".key -set_serial 0x" +
                                  std::to_string(std::hash<std::string>()(name) % 1000000 + 1)));
}

class World : public ::testing::Environment {
 public:
  void SetUp() override {
    ASSERT_TRUE(initTlsLibrary());
    const std::string ca = "basicConstraints=critical,CA:TRUE";
    const std::string leaf = "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth";
    makeCert(dir, "root", "", ca);
    makeCert(dir, "other", "", ca);
    makeCert(dir, "impostor", "", ca, "root");
    makeCert(dir, "middle", "root", ca);
    makeCert(dir, "deep", "middle", ca);
    makeCert(dir, "narrow", "root", ca + ",pathlen:0");
    makeCert(dir, "below", "narrow", ca);
    makeCert(dir, "direct", "root", leaf);
    makeCert(dir, "revoked", "root", leaf);
    makeCert(dir, "via-middle", "middle", leaf);
    makeCert(dir, "via-deep", "deep", leaf);
    makeCert(dir, "via-narrow", "narrow", leaf);
    makeCert(dir, "via-below", "below", leaf);
    makeCert(dir, "via-direct", "direct", leaf);
    makeCert(dir, "of-other", "other", leaf);
    makeCert(dir, "of-impostor", "impostor", leaf);
    makeCert(dir, "server", "root", "extendedKeyUsage=serverAuth");
    makeCert(dir, "self", "", leaf);
    makeCert(dir, "bounded", "", ca + "\nnameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0");
    makeCert(dir, "bounded-below", "bounded", ca);
    makeCert(dir, "inside", "bounded", leaf + "\nsubjectAltName=IP:10.1.2.3");
    makeCert(dir, "outside", "bounded", leaf + "\nsubjectAltName=IP:192.0.2.1");
    makeCert(dir, "far-outside", "bounded-below", leaf + "\nsubjectAltName=IP:192.0.2.1");
    makeCert(dir, "pss-short", "root", leaf, "", "rsa-pss -pkeyopt rsa_keygen_bits:1024");
    makeCert(dir, "rsa-root", "", ca, "", "rsa:2048");
    for (const std::string hash : {"sha1", "sha256"})
      makeCert(dir, "pss-" + hash, "rsa-root", leaf, "", "rsa:2048",
               "-" + hash + " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20");
    dir.write("ca.cnf",
              "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\n"
              "default_md=sha256\ndefault_crl_days=2\n");
    dir.write("index", "");
    dir.write("number", "01\n");
    runIn(dir, "openssl ca -config ca.cnf -cert root.pem -keyfile root.key -revoke revoked.pem");
    runIn(dir, "openssl ca -config ca.cnf -cert root.pem -keyfile root.key -gencrl -out root.crl");
  }
  Der der(const std::string& name) const {
    const std::string pem = dir.read(name + ".pem");
    const auto blocks = scanPem(pem);
    const auto bytes = decodePem(blocks->front());
    return {bytes->span().begin(), bytes->span().end()};
  }
  std::string path(const std::string& file) const { return dir.path() + "/" + file; }
  TempDir dir;
};
World* const kWorld = dynamic_cast<World*>(::testing::AddGlobalTestEnvironment(new World));

std::shared_ptr<const PeerAuth> authOf(const std::vector<std::string>& cas,
                                       const std::vector<std::string>& lists = {},
                                       unsigned depth = 3) {
  PeerAuthSource source;
  source.mode = VerifyClient::kRequired;
  source.depth = depth;
  for (const std::string& ca : cas) source.caFiles.push_back(kWorld->path(ca + ".pem"));
  for (const std::string& list : lists) source.crlFiles.push_back(kWorld->path(list));
  PeerAuthLoaded loaded = loadPeerAuth(source, std::time(nullptr), nullptr);
  for (const auto& error : loaded.errors) ADD_FAILURE() << error.text;
  return loaded.auth;
}

PeerVerdict judge(const PeerVerifier& verifier, const std::vector<std::string>& chain,
                  int64_t now = std::time(nullptr)) {
  std::vector<Der> ders;
  for (const std::string& name : chain) ders.push_back(kWorld->der(name));
  const std::vector<std::span<const uint8_t>> spans(ders.begin(), ders.end());
  const auto leaf = readPeerCertificate(ders.front());
  PeerPath path;
  PeerVerdict verdict = verifier.verify(spans, *leaf, now, path);
  if (verdict) {
    const PeerVerdict again = verifier.judgeAgain(PeerIdentity(*leaf, &path), now);
    EXPECT_TRUE(again) << "nothing has changed: " << again.reason;
  }
  return verdict;
}

PeerVerdict judge(const std::shared_ptr<const PeerAuth>& auth,
                  const std::vector<std::string>& chain) {
  return judge(PeerVerifier(auth), chain);
}

struct ChainCase {
  std::vector<std::string> cas;
  std::vector<std::string> chain;
  unsigned depth;
  int alert;
};

TEST(PeerVerifier, TableOfChains) {
  const ChainCase cases[] = {
      {{"root"}, {"direct"}, 0, 0},
      {{"other", "root"}, {"direct"}, 0, 0},
      {{"other"}, {"direct"}, 3, Alert::unknown_ca},
      {{"root"}, {"of-other"}, 3, Alert::unknown_ca},
      {{"root"}, {"of-other", "other"}, 3, Alert::unknown_ca},
      {{"root"}, {"of-impostor"}, 3, Alert::unknown_ca},
      {{"root"}, {"of-impostor", "impostor"}, 3, Alert::bad_certificate},
      {{"root"}, {"self"}, 3, Alert::unknown_ca},
      {{"root"}, {"server"}, 3, Alert::unsupported_certificate},
      {{"root"}, {"via-middle"}, 3, Alert::unknown_ca},
      {{"root"}, {"via-middle", "middle"}, 3, 0},
      {{"root"}, {"via-middle", "middle", "root"}, 3, 0},
      {{"root"}, {"via-middle", "other", "root", "middle"}, 3, 0},
      {{"root"}, {"via-middle", "middle"}, 0, Alert::unknown_ca},
      {{"root", "middle"}, {"via-middle"}, 0, 0},
      {{"middle"}, {"via-middle"}, 0, 0},
      {{"middle"}, {"direct"}, 3, Alert::unknown_ca},
      {{"root"}, {"via-deep", "deep", "middle"}, 2, 0},
      {{"root"}, {"via-deep", "middle", "deep"}, 2, 0},
      {{"root"}, {"via-deep", "deep", "middle"}, 1, Alert::unknown_ca},
      {{"root"}, {"via-deep", "deep"}, 3, Alert::unknown_ca},
      {{"root"}, {"via-narrow", "narrow"}, 3, 0},
      {{"root"}, {"via-below", "below", "narrow"}, 3, Alert::unknown_ca},
      {{"root"}, {"via-direct", "direct"}, 3, Alert::unknown_ca},
  };
  for (const ChainCase& c : cases) {
    const PeerVerdict verdict = judge(authOf(c.cas, {}, c.depth), c.chain);
    EXPECT_EQ(verdict.alert, c.alert) << c.chain.front() << ": " << verdict.reason;
    EXPECT_EQ(verdict.reason.empty(), c.alert == 0);
  }
}

TEST(PeerVerifier, ConstraintsOfAddressesAreHeldOrTheCaIsNotTaken) {
#if LIBWOLFSSL_VERSION_HEX >= 0x05009000
  const PeerVerifier verifier(authOf({"bounded"}));
  EXPECT_TRUE(judge(verifier, {"inside"}));
  EXPECT_EQ(judge(verifier, {"outside"}).alert, Alert::bad_certificate);
  EXPECT_EQ(judge(verifier, {"far-outside", "bounded-below"}).alert, Alert::bad_certificate);
#else
  PeerAuthSource source;
  source.mode = VerifyClient::kRequired;
  source.caFiles = {kWorld->path("bounded.pem")};
  const auto loaded = loadPeerAuth(source, std::time(nullptr), nullptr);
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_NE(loaded.errors[0].text.find("nameConstraints of a kind"), std::string::npos);
#endif
}

#ifdef WC_RSA_PSS
TEST(PeerVerifier, WeakKeysAndHashesOfPss) {
  const PeerVerdict small = judge(authOf({"root"}), {"pss-short"});
  EXPECT_EQ(small.alert, Alert::bad_certificate);
  EXPECT_NE(small.reason.find("key of 1024 bits"), std::string::npos) << small.reason;
  const PeerVerdict old = judge(authOf({"rsa-root"}), {"pss-sha1"});
  EXPECT_EQ(old.alert, Alert::bad_certificate);
  EXPECT_NE(old.reason.find("MD5 or SHA-1"), std::string::npos) << old.reason;
  const PeerVerdict sound = judge(authOf({"rsa-root"}), {"pss-sha256"});
  EXPECT_TRUE(sound) << sound.reason;
}
#endif

TEST(PeerVerifier, KeepsNothingOfAClientsChain) {
  const PeerVerifier verifier(authOf({"root"}));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(judge(verifier, {"via-middle", "middle"}));
    EXPECT_EQ(judge(verifier, {"via-middle"}).alert, Alert::unknown_ca);
    EXPECT_EQ(judge(verifier, {"of-other", "other"}).alert, Alert::unknown_ca);
    EXPECT_EQ(judge(verifier, {"of-other"}).alert, Alert::unknown_ca);
  }
}

TEST(PeerVerifier, Revocation) {
  const PeerVerifier verifier(authOf({"root", "middle"}, {"root.crl"}));
  EXPECT_TRUE(judge(verifier, {"direct"}));
  EXPECT_EQ(judge(verifier, {"revoked"}).alert, Alert::certificate_revoked);
  const PeerVerdict missing = judge(verifier, {"via-middle"});
  EXPECT_EQ(missing.alert, Alert::bad_certificate);
  EXPECT_TRUE(missing.ours) << "the operator has to provide the list";
  EXPECT_TRUE(judge(authOf({"root"}), {"revoked"})) << "without crl nobody asks";
}

TEST(PeerVerifier, AnchorsOutsideTheirDatesLetNobodyIn) {
  const PeerVerifier verifier(authOf({"root"}));
  const PeerVerdict later = judge(verifier, {"direct"}, std::time(nullptr) + 10 * 86400);
  EXPECT_EQ(later.alert, Alert::certificate_expired);
  EXPECT_TRUE(later.ours);
}

TEST(PeerVerifier, OneForEachAuthAndNoLongerThanItIsUsed) {
  PeerVerifiers verifiers;
  const auto first = authOf({"root"});
  const auto second = authOf({"other"});
  auto a = verifiers.verifierFor(first);
  EXPECT_EQ(verifiers.verifierFor(first), a);
  const auto b = verifiers.verifierFor(second);
  EXPECT_NE(a, b);
  EXPECT_EQ(verifiers.size(), 2U);
  a.reset();
  (void)verifiers.verifierFor(second);
  EXPECT_EQ(verifiers.size(), 1U);
}

TEST(PeerAuthLoading, EqualContentsAreTheSameObject) {
  PeerAuthSource source;
  source.mode = VerifyClient::kRequired;
  source.caFiles = {kWorld->path("root.pem")};
  source.rules = {{PeerRule::kCn, "x"}};
  const auto now = std::time(nullptr);
  const auto first = loadPeerAuth(source, now, nullptr).auth;
  EXPECT_EQ(loadPeerAuth(source, now, first).auth, first);
  source.rules[0].text = "y";
  EXPECT_NE(loadPeerAuth(source, now, first).auth, first);
  source.rules[0].text = "x";
  source.depth = 1;
  EXPECT_NE(loadPeerAuth(source, now, first).auth, first);
}

TEST(PeerAuthLoading, NamesTheFileThatIsWrong) {
  PeerAuthSource source;
  source.mode = VerifyClient::kRequired;
  source.caFiles = {kWorld->path("root.pem"), kWorld->path("direct.pem")};
  source.crlFiles = {kWorld->path("root.key")};
  const auto loaded = loadPeerAuth(source, std::time(nullptr), nullptr);
  EXPECT_FALSE(loaded.auth);
  ASSERT_EQ(loaded.errors.size(), 2U);
  EXPECT_FALSE(loaded.errors[0].ofCrl);
  EXPECT_EQ(loaded.errors[0].index, 1U);
  EXPECT_NE(loaded.errors[0].text.find("is not a CA certificate"), std::string::npos);
  EXPECT_TRUE(loaded.errors[1].ofCrl);
}

}  // namespace
}  // namespace culvert
