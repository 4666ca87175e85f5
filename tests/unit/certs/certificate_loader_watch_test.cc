// SPDX-License-Identifier: GPL-3.0-or-later
// What the watch does when files change by themselves: it waits for them to settle, applies nothing
// that is worse, and says each refusal once.
#include <gtest/gtest.h>

#include <filesystem>

#include "unit/certs/support/loader_test.h"

namespace culvert {
namespace {

class CertificateLoaderWatchTest : public LoaderTest {
 protected:
  void remove(const std::string& name) const { std::filesystem::remove_all(dir_ / name); }
};

TEST_F(CertificateLoaderWatchTest, AnUnsettledFileAsksToLookAgain) {
  issue("a");
  const ServiceOptions options = service({"a"});
  const Outcome before = start(options);
  issue("a");
  const Outcome once = look(options, before);
  EXPECT_TRUE(once.lookAgain);
  EXPECT_EQ(once.units, before.units) << "half of it may be written";
  const Outcome after = watch(options, once);
  EXPECT_NE(after.serves(), before.serves());
  EXPECT_NE(after.serves(), nullptr);
  EXPECT_EQ(after.text(), "");
  EXPECT_EQ(after.refused, 0u);
}

TEST_F(CertificateLoaderWatchTest, WhatHasNotChangedIsNotReadAgain) {
  issue("a");
  ASSERT_TRUE(settle("a"));
  const ServiceOptions options = service({"a"});
  const Outcome before = start(options);
  const Outcome after = look(options, before);
  EXPECT_EQ(after.units, before.units);
  EXPECT_FALSE(after.lookAgain);
  EXPECT_EQ(after.text(), "");
}

TEST_F(CertificateLoaderWatchTest, HalfAPairIsNotARefusalYet) {
  issue("a");
  const ServiceOptions options = service({"a"});
  const Outcome before = start(options);
  const std::string oldKey = dir_.read("a.key");
  issue("a");
  const std::string newKey = dir_.read("a.key");
  dir_.write("a.key", oldKey);
  ASSERT_TRUE(settle("a"));
  const Outcome half = look(options, before);
  EXPECT_TRUE(half.lookAgain) << "its other half may come";
  EXPECT_EQ(half.serves(), before.serves());
  EXPECT_EQ(half.text(), "");
  dir_.write("a.key", newKey);
  const Outcome whole = watch(options, half);
  EXPECT_NE(whole.serves(), before.serves());
  EXPECT_EQ(whole.text(), "");
}

TEST_F(CertificateLoaderWatchTest, ARefusalIsSaidOnceWhenItHasStood) {
  issue("a");
  const ServiceOptions options = service({"a"});
  const Outcome before = start(options);
  dir_.write("a.pem", "no certificate");
  ASSERT_TRUE(settle("a"));
  const Outcome fresh = look(options, before);
  EXPECT_EQ(fresh.text(), "");
  EXPECT_TRUE(fresh.lookAgain);
  const Outcome told = look(options, later(fresh));
  ASSERT_EQ(told.lines.size(), 1u) << told.text();
  EXPECT_TRUE(told.lines[0].starts_with("f.ini:1: error: [service web] cert: " + dir_ / "a.pem"));
  EXPECT_TRUE(told.lines[0].ends_with("; the one in use stays")) << told.lines[0];
  EXPECT_EQ(told.refused, 1u);
  EXPECT_FALSE(told.lookAgain);
  EXPECT_EQ(told.serves(), before.serves());
  const Outcome again = look(options, later(told));
  EXPECT_EQ(again.text(), "");
  EXPECT_EQ(again.refused, 0u);
  dir_.write("a.pem", "other nonsense");
  EXPECT_EQ(watch(options, again).refused, 1u) << "another file is another refusal";
}

/// All rows of the table in docs/certificates.md at once, since each takes its second.
TEST_F(CertificateLoaderWatchTest, TheTableOfWhatIsRefused) {
  const TestLeaf sound;
  const TestLeaf forClients{.extensions = "extendedKeyUsage=clientAuth"};
  const TestLeaf expired{.from = -20 * kTestDay, .until = -kTestDay};
  const struct {
    const char* name;
    TestLeaf before, now;
    bool applied;
    const char* words;
  } rows[] = {
      {"renewed", sound, sound, true, ""},
      {"expired", sound, expired, false, "has expired"},
      {"future", sound, {.from = kTestDay}, false, "is not valid before"},
      {"futureafterexpired", expired, {.from = kTestDay}, false, "is not valid before"},
      {"faulty", sound, forClients, false, "the certificate is not for servers"},
      {"stillfaulty", forClients, forClients, true, "the certificate is not for servers"},
      {"faultyafterexpired", expired, forClients, true, "the certificate is not for servers"},
      {"otherfault",
       forClients,
       {.extensions = "extendedKeyUsage=serverAuth\nkeyUsage=critical,keyAgreement"},
       false,
       "keyUsage lacks digitalSignature"},
      {"gap", sound, {.chain = TestLeaf::Chain::kGap}, false, "the chain is incomplete"},
      {"leafonly",
       sound,
       {.chain = TestLeaf::Chain::kLeafOnly},
       false,
       "the chain lacks the issuer's certificate"},
      {"leafonlyasbefore",
       {.chain = TestLeaf::Chain::kLeafOnly},
       {.chain = TestLeaf::Chain::kLeafOnly},
       true,
       ""},
      {"gapafterexpired",
       expired,
       {.chain = TestLeaf::Chain::kGap},
       true,
       "the chain is incomplete"},
      {"cured", forClients, sound, true, ""},
  };
  std::vector<std::string> names;
  for (const auto& row : rows) {
    names.push_back(row.name);
    issue(row.name, row.before);
  }
  const ServiceOptions options = service(names);
  const Outcome before = start(options);
  ASSERT_FALSE(before.errors) << before.text();
  for (const auto& row : rows) issue(row.name, row.now);
  const Outcome after = watch(options, before);
  unsigned refused = 0;
  for (size_t i = 0; i < std::size(rows); ++i) {
    const auto& row = rows[i];
    EXPECT_EQ(after.serves(i) != before.serves(i), row.applied) << row.name << "\n" << after.text();
    std::vector<std::string> lines;
    for (const std::string& line : after.lines)
      if (line.find("/" + names[i] + ".pem: ") != std::string::npos) lines.push_back(line);
    EXPECT_EQ(lines.empty(), *row.words == '\0') << row.name << "\n" << after.text();
    for (const std::string& line : lines) {
      EXPECT_NE(line.find(row.words), std::string::npos) << line;
      EXPECT_EQ(line.find(": error: ") == std::string::npos, row.applied) << line;
    }
    if (!row.applied) ++refused;
  }
  EXPECT_EQ(after.refused, refused);
}

TEST_F(CertificateLoaderWatchTest, ADemandedNameHoldsTheCertificateThatHasIt) {
  issue("a", {.names = "DNS:www.example.org,DNS:mail.example.org"});
  ServiceOptions options = service({"a"});
  options.serverNames.push_back(sourced("mail.example.org"));
  const Outcome before = start(options);
  issue("a");
  ASSERT_TRUE(settle("a"));
  const Outcome after = look(options, later(look(options, before)));
  EXPECT_EQ(after.serves(), before.serves());
  EXPECT_EQ(after.refused, 1u);
  EXPECT_TRUE(after.says("it lacks mail.example.org, which server-names demands; the one in use"))
      << after.text();
}

TEST_F(CertificateLoaderWatchTest, ANameThatClientsUseIsWorthAWarning) {
  issue("a", {.names = "DNS:www.example.org,DNS:mail.example.org,DNS:old.example.org"});
  const ServiceOptions options = service({"a"});
  const Outcome before = start(options);
  asked_.note("mail.example.org", std::time(nullptr));
  asked_.note("old.example.org", std::time(nullptr) - AskedNames::kSeconds - 10);
  issue("a");
  const Outcome after = watch(options, before);
  EXPECT_NE(after.serves(), before.serves()) << "strangers hold nothing up";
  EXPECT_EQ(after.refused, 0u);
  ASSERT_EQ(after.lines.size(), 1u) << after.text();
  EXPECT_TRUE(after.says("warning: [service web] cert: " + dir_ / "a.pem" +
                         ": it lacks mail.example.org, which clients requested"))
      << after.text();
}

TEST_F(CertificateLoaderWatchTest, AKeyThatTheSuitesCannotServeIsRefused) {
  issue("a");
  TlsSettings settings;
  settings.maxVersion = kTls12;
  settings.ciphers = {0xc02f};  // ECDHE-RSA-AES128-GCM-SHA256
  const ServiceOptions options = service({"a"});
  const Outcome before = start(options);
  issue("a");
  ASSERT_TRUE(settle("a"));
  settings_ = &settings;
  const Outcome after = look(options, later(look(options, before)));
  EXPECT_EQ(after.serves(), before.serves());
  EXPECT_EQ(after.refused, 1u) << after.text();
}

TEST_F(CertificateLoaderWatchTest, ANamedFileThatVanishesIsServedOn) {
  issue("a");
  const ServiceOptions options = service({"a"});
  const Outcome before = start(options);
  remove("a.pem");
  ASSERT_TRUE(settle("a"));
  const Outcome after = look(options, later(look(options, before)));
  EXPECT_EQ(after.serves(), before.serves());
  EXPECT_EQ(after.refused, 1u);
  EXPECT_TRUE(after.says("error: ")) << after.text();
}

// --- directories

TEST_F(CertificateLoaderWatchTest, AnEntryThatIsGoneIsServedNoMoreAfterAMoment) {
  issueIn("certs", "a");
  issueIn("certs", "b");
  ASSERT_TRUE(settleIn("certs", "b"));
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  remove("certs/b.pem");
  const Outcome gap = look(options, before);
  EXPECT_EQ(gap.names().size(), 2u) << "who replaces a file may remove it first";
  EXPECT_TRUE(gap.lookAgain);
  EXPECT_EQ(gap.text(), "");
  const Outcome after = look(options, later(gap));
  EXPECT_EQ(after.names(), std::vector<std::string>{"a.pem"});
  EXPECT_FALSE(after.lookAgain);
  EXPECT_EQ(after.text(), "f.ini:1: note: [service web] cert: " + dir_ / "certs/b.pem" +
                              " is gone: it is no longer served\n");
}

TEST_F(CertificateLoaderWatchTest, AnEntryThatComesBackInTimeWasNeverGone) {
  issueIn("certs", "a");
  ASSERT_TRUE(settleIn("certs", "a"));
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  std::filesystem::rename(dir_ / "certs/a.pem", dir_ / "aside");
  const Outcome gap = look(options, before);
  std::filesystem::rename(dir_ / "aside", dir_ / "certs/a.pem");
  const Outcome after = watch(options, gap);
  EXPECT_EQ(after.serves(), before.serves());
  EXPECT_EQ(after.text(), "");
  EXPECT_EQ(look(options, later(after)).text(), "");
}

TEST_F(CertificateLoaderWatchTest, TheLastEntryOfADirectoryStays) {
  issueIn("certs", "a");
  issueIn("certs", "b");
  ASSERT_TRUE(settleIn("certs", "b"));
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  for (const char* name : {"a.pem", "b.pem"}) remove(std::string("certs/") + name);
  const Outcome refused = look(options, later(look(options, before)));
  EXPECT_EQ(refused.names(), (std::vector<std::string>{"a.pem", "b.pem"}));
  const Outcome after = look(options, later(refused));
  EXPECT_EQ(after.names(), (std::vector<std::string>{"a.pem", "b.pem"}));
  EXPECT_TRUE(after.says("is gone, and no other certificate can be served")) << after.text();
  EXPECT_EQ(after.refused, 2u);
}

TEST_F(CertificateLoaderWatchTest, AnEntryThatIsGoneStaysForADemandedName) {
  issueIn("certs", "a");
  issueIn("certs", "b", {.names = "DNS:mail.example.org"});
  ASSERT_TRUE(settleIn("certs", "b"));
  ServiceOptions options = serviceOf("certs");
  options.serverNames.push_back(sourced("mail.example.org"));
  const Outcome before = start(options);
  remove("certs/b.pem");
  const Outcome kept = look(options, later(look(options, before)));
  EXPECT_EQ(kept.names(), (std::vector<std::string>{"a.pem", "b.pem"}));
  const Outcome after = look(options, later(kept));
  EXPECT_EQ(after.serves(1), before.serves(1));
  EXPECT_TRUE(after.says("b.pem: is gone, and the rest lacks mail.example.org")) << after.text();
}

TEST_F(CertificateLoaderWatchTest, ADirectoryThatIsGoneCostsNothingButOneLine) {
  issueIn("certs", "a");
  issueIn("certs", "b");
  ASSERT_TRUE(settleIn("certs", "b"));
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  std::filesystem::rename(dir_ / "certs", dir_ / "aside");
  const Outcome after = look(options, later(look(options, before)));
  EXPECT_EQ(after.names(), (std::vector<std::string>{"a.pem", "b.pem"}));
  ASSERT_EQ(after.lines.size(), 1u) << after.text();
  EXPECT_TRUE(after.says("certs: cannot read the directory")) << after.text();
  EXPECT_EQ(look(options, later(after)).text(), "");
  std::filesystem::rename(dir_ / "aside", dir_ / "certs");
  const Outcome back = watch(options, after);
  EXPECT_EQ(back.serves(0), before.serves(0));
  EXPECT_EQ(back.text(), "");
}

TEST_F(CertificateLoaderWatchTest, AnAddedFileDoesNotBecomeTheDefault) {
  issueIn("certs", "b");
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  issueIn("certs", "a");
  const Outcome after = watch(options, before);
  EXPECT_EQ(after.names(), (std::vector<std::string>{"b.pem", "a.pem"}));
  EXPECT_TRUE(after.says("a.pem comes before " + dir_ / "certs/b.pem" +
                         ", which stays the default certificate until the next reload or start"))
      << after.text();
  EXPECT_EQ(look(options, after).text(), "") << "said once";
}

TEST_F(CertificateLoaderWatchTest, ARenewedDefaultStaysTheDefault) {
  issueIn("certs", "a");
  issueIn("certs", "b");
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  issueIn("certs", "a");
  const Outcome after = watch(options, before);
  EXPECT_EQ(after.names(), (std::vector<std::string>{"a.pem", "b.pem"}));
  EXPECT_NE(after.serves(0), before.serves(0));
  EXPECT_EQ(after.text(), "");
}

TEST_F(CertificateLoaderWatchTest, ADefaultThatIsGoneIsReplacedWithAWarning) {
  issueIn("certs", "a");
  issueIn("certs", "b");
  ASSERT_TRUE(settleIn("certs", "b"));
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  remove("certs/a.pem");
  const Outcome after = look(options, later(look(options, before)));
  EXPECT_EQ(after.names(), std::vector<std::string>{"b.pem"});
  EXPECT_TRUE(after.says("b.pem is the default certificate now, it was " + dir_ / "certs/a.pem"))
      << after.text();
}

TEST_F(CertificateLoaderWatchTest, ABadNewEntryIsLeftOutAndSaidOnce) {
  issueIn("certs", "a");
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  dir_.write("certs/b.pem", "no certificate");
  ASSERT_TRUE(settleFiles({dir_ / "certs/b.pem"}));
  const Outcome after = look(options, later(look(options, before)));
  EXPECT_EQ(after.names(), std::vector<std::string>{"a.pem"});
  EXPECT_EQ(after.refused, 1u);
  EXPECT_TRUE(after.says("; it is left out")) << after.text();
  EXPECT_EQ(look(options, later(after)).text(), "");
}

}  // namespace
}  // namespace culvert
