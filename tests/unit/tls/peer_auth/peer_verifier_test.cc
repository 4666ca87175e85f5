// SPDX-License-Identifier: GPL-3.0-or-later
// A small world of CAs made by the openssl command line, and a table of chains with their verdicts.
#include "tls/peer_auth/peer_verifier.h"

#include <ctime>

#include "tls/credentials/credentials.h"
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
    makeCert(dir, "any-use", "root", "extendedKeyUsage=anyExtendedKeyUsage");
    makeCert(dir, "both-uses", "root", "extendedKeyUsage=clientAuth,serverAuth");
    makeCert(dir, "no-use", "root", "basicConstraints=CA:FALSE");
    makeCert(dir, "mail", "root", "extendedKeyUsage=emailProtection");
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
    dir.write("dated.cnf",
              "[ca]\ndefault_ca=d\n[d]\ndatabase=dated-index\nrand_serial=yes\nnew_certs_dir=.\n"
              "default_md=sha256\npolicy=p\nunique_subject=no\nx509_extensions=e\n"
              "[p]\ncommonName=supplied\n[e]\nsubjectKeyIdentifier=hash\n"
              "authorityKeyIdentifier=keyid\nbasicConstraints=critical,CA:${ENV::IS_CA}\n");
    dir.write("dated-index", "");
    makeDated("past", "root", "20240101000000Z", "20240201000000Z");
    makeDated("future", "root", "20990101000000Z", "20990201000000Z");
    makeDated("past-ca", "", "20240101000000Z", "20240201000000Z");
  }
  /// Makes a certificate with these dates: signed by `issuer`, or by itself if that is empty.
  void makeDated(const std::string& name, const std::string& issuer, const std::string& from,
                 const std::string& until) {
    runIn(dir, "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" +
                   name + " -keyout " + name + ".key -out req");
    runIn(dir, "IS_CA=" + std::string(issuer.empty() ? "TRUE" : "FALSE") +
                   " openssl ca -batch -config dated.cnf -in req -notext -startdate " + from +
                   " -enddate " + until + " -out " + name + ".pem " +
                   (issuer.empty() ? "-selfsign -keyfile " + name + ".key"
                                   : "-cert " + issuer + ".pem -keyfile " + issuer + ".key"));
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
                                       unsigned depth = 3,
                                       PeerPurpose purpose = PeerPurpose::kClients) {
  PeerAuthSource source;
  source.purpose = purpose;
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

// --- servers

PeerVerdict judgeServer(const std::vector<std::string>& chain,
                        const std::vector<std::string>& lists = {}, unsigned depth = 3,
                        int64_t now = std::time(nullptr)) {
  return judge(PeerVerifier(authOf({"root"}, lists, depth, PeerPurpose::kServers)), chain, now);
}

TEST(PeerVerifierOfServers, TableOfExtendedKeyUsages) {
  for (const char* name : {"server", "both-uses", "any-use", "no-use"}) {
    const PeerVerdict verdict = judgeServer({name});
    EXPECT_TRUE(verdict) << name << ": " << verdict.reason;
  }
  for (const char* name : {"direct", "mail"}) {
    const PeerVerdict verdict = judgeServer({name});
    EXPECT_EQ(verdict.alert, Alert::unsupported_certificate) << name;
    EXPECT_EQ(verdict.reason,
              std::string("CN=") + name + " is not meant for servers (extendedKeyUsage)");
  }
  // The same certificates as those of a client.
  EXPECT_TRUE(judge(authOf({"root"}), {"both-uses"}));
  EXPECT_EQ(judge(authOf({"root"}), {"server"}).reason,
            "CN=server is not meant for clients (extendedKeyUsage)");
}

TEST(PeerVerifierOfServers, ReasonsNameTheOptionsOfBackends) {
  EXPECT_EQ(
      judgeServer({"of-other"}).reason,
      "the issuer of CN=of-other is unknown: CN=other; if you trust it, add it to backend-ca");
  EXPECT_EQ(judgeServer({"self"}).reason, "CN=self is self-signed and not in backend-ca");
  EXPECT_EQ(
      judgeServer({"via-middle", "middle"}, {}, 0).reason,
      "CN=via-middle has more than 0 CAs between itself and backend-ca (backend-verify-depth)");
  EXPECT_EQ(judge(authOf({"root"}), {"self"}).reason,
            "CN=self is self-signed and not in client-ca");
}

TEST(PeerVerifierOfServers, ExpiredAndNotYetValid) {
  const auto dates = [](const char* name) { return *readPeerCertificate(kWorld->der(name)); };
  const PeerVerdict past = judgeServer({"past"}, {}, 3, dates("past").notAfter + 3 * 86400);
  EXPECT_EQ(past.alert, Alert::certificate_expired);
  EXPECT_EQ(past.reason,
            "CN=past has expired: 3 days ago (" + utcText(dates("past").notAfter) + ")");
  EXPECT_FALSE(past.ours);
  const PeerVerdict future = judgeServer({"future"}, {}, 3, dates("future").notBefore - 5 * 86400);
  EXPECT_EQ(future.alert, Alert::certificate_expired);
  EXPECT_EQ(future.reason, "CN=future is not valid yet: it is valid from " +
                               utcText(dates("future").notBefore) + ", in 5 days");
}

/// The bundle of a system has CAs that culvert cannot use. Nobody can repair them, so nobody is
/// warned.
TEST(PeerAuthLoading, UnusableCasOfTheSystemAreIgnored) {
  kWorld->dir.write("bundle.pem", kWorld->dir.read("direct.pem") + kWorld->dir.read("past-ca.pem") +
                                      kWorld->dir.read("root.pem"));
  PeerAuthSource source;
  source.purpose = PeerPurpose::kServers;
  source.mode = VerifyClient::kRequired;
  source.depth = 3;
  source.caFiles = {kWorld->path("bundle.pem")};
  const auto loud = loadPeerAuth(source, std::time(nullptr), nullptr);
  ASSERT_TRUE(loud.auth);
  ASSERT_EQ(loud.warnings.size(), 2u) << "one for each of the two";
  EXPECT_FALSE(loud.auth->systemBundle);

  source.systemBundle = true;
  const auto quiet = loadPeerAuth(source, std::time(nullptr), nullptr);
  ASSERT_TRUE(quiet.auth);
  EXPECT_TRUE(quiet.auth->systemBundle);
  EXPECT_EQ(quiet.auth->purpose, PeerPurpose::kServers);
  EXPECT_TRUE(quiet.errors.empty());
  for (const auto& warning : quiet.warnings) ADD_FAILURE() << warning.text;
  EXPECT_TRUE(judge(PeerVerifier(quiet.auth), {"server"}));

  kWorld->dir.write("bundle.pem", kWorld->dir.read("direct.pem"));
  const auto useless = loadPeerAuth(source, std::time(nullptr), nullptr);
  EXPECT_FALSE(useless.auth);
  ASSERT_EQ(useless.errors.size(), 1u) << "a bundle without any CA is an error";
}

TEST(PeerAuthLoading, ThePurposeMakesAnotherObject) {
  PeerAuthSource source;
  source.mode = VerifyClient::kRequired;
  source.caFiles = {kWorld->path("root.pem")};
  const auto now = std::time(nullptr);
  const auto clients = loadPeerAuth(source, now, nullptr).auth;
  source.purpose = PeerPurpose::kServers;
  const auto servers = loadPeerAuth(source, now, clients).auth;
  EXPECT_NE(servers, clients);
  EXPECT_EQ(loadPeerAuth(source, now, servers).auth, servers);
  source.systemBundle = true;  // the same file, now as the system's
  const auto system = loadPeerAuth(source, now, servers).auth;
  EXPECT_NE(system, servers);
  EXPECT_TRUE(system->systemBundle);
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
