// SPDX-License-Identifier: GPL-3.0-or-later
// What a start, a strict check and a reload do with the certificates of a service: which are
// served, which are refused, and what is said of them. certificate_loader_watch_test.cc has the
// watch.
#include "certs/certificate_loader.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "unit/certs/support/loader_test.h"

namespace culvert {
namespace {

const TestLeaf kExpired{.from = -20 * kTestDay, .until = -kTestDay};
// The half hour keeps the words "in 24 hours" the same while a test runs.
const TestLeaf kFuture{.from = kTestDay + 1800};
const TestLeaf kForClients{.extensions = "extendedKeyUsage=clientAuth"};
const TestLeaf kWithoutSignature{.extensions =
                                     "extendedKeyUsage=serverAuth\nkeyUsage=critical,keyAgreement"};
const TestLeaf kGap{.chain = TestLeaf::Chain::kGap};
const TestLeaf kLeafOnly{.chain = TestLeaf::Chain::kLeafOnly};

class CertificateLoaderTest : public LoaderTest {};

TEST_F(CertificateLoaderTest, ASoundCertificateIsServedWithoutAWord) {
  issue("a");
  for (const LoadReason reason : {LoadReason::kStart, LoadReason::kStrict, LoadReason::kReload}) {
    const Outcome outcome = load(reason, service({"a"}));
    EXPECT_EQ(outcome.names(), std::vector<std::string>{"a.pem"});
    EXPECT_EQ(outcome.text(), "");
    EXPECT_FALSE(outcome.lookAgain);
  }
}

// --- start and strict check

TEST_F(CertificateLoaderTest, AStartServesWhatCanBeParsed) {
  issue("expired", kExpired);
  issue("future", kFuture);
  issue("clients", kForClients);
  issue("gap", kGap);
  const Outcome outcome = start(service({"expired", "future", "clients", "gap"}));
  EXPECT_EQ(outcome.names().size(), 4u);
  EXPECT_FALSE(outcome.errors) << outcome.text();
  ASSERT_EQ(outcome.lines.size(), 4u) << outcome.text();
  EXPECT_TRUE(outcome.lines[0].starts_with(
      "f.ini:1: warning: [service web] cert: " + dir_ / "expired.pem" + ": expired 24 hours ago"))
      << outcome.lines[0];
  EXPECT_TRUE(outcome.lines[1].starts_with("f.ini:3: warning: ")) << outcome.lines[1];
  EXPECT_NE(outcome.lines[1].find("is valid only in"), std::string::npos) << outcome.lines[1];
  EXPECT_NE(outcome.lines[2].find("is not for servers"), std::string::npos) << outcome.lines[2];
  EXPECT_NE(outcome.lines[3].find("the chain is incomplete"), std::string::npos)
      << outcome.lines[3];
  EXPECT_EQ(outcome.refused, 0u);
}

TEST_F(CertificateLoaderTest, AStrictCheckMakesErrorsOfWhatClientsRefuse) {
  issue("expired", kExpired);
  issue("future", kFuture);
  issue("clients", kForClients);
  issue("gap", kGap);
  const Outcome strict =
      load(LoadReason::kStrict, service({"expired", "future", "clients", "gap"}));
  line_ = 0;
  const Outcome plain = start(service({"expired", "future", "clients", "gap"}));
  ASSERT_EQ(strict.lines.size(), 4u) << strict.text();
  EXPECT_TRUE(strict.errors);
  for (size_t i = 0; i < 3; ++i) {
    std::string wanted = plain.lines[i];
    wanted.replace(wanted.find("warning"), 7, "error");
    EXPECT_EQ(strict.lines[i], wanted) << "the same words, only heavier";
  }
  EXPECT_EQ(strict.lines[3], plain.lines[3]) << "clients may have the intermediate";
}

TEST_F(CertificateLoaderTest, AFileThatCannotBeUsedIsAnErrorAtItsOwnLine) {
  issue("a");
  issue("b");
  ServiceOptions options = service({"a", "b", "none"});
  options.key[1].text = dir_ / "a.key";
  for (const LoadReason reason : {LoadReason::kStart, LoadReason::kStrict, LoadReason::kReload}) {
    const Outcome outcome = load(reason, options);
    EXPECT_EQ(outcome.names(), std::vector<std::string>{"a.pem"});
    ASSERT_EQ(outcome.lines.size(), 3u) << outcome.text();
    EXPECT_TRUE(outcome.lines[0].starts_with("f.ini:4: error: [service web] key: key " +
                                             dir_ / "a.key" + " does not belong to certificate " +
                                             dir_ / "b.pem"))
        << outcome.lines[0];
    EXPECT_TRUE(outcome.lines[1].starts_with("f.ini:5: error: [service web] cert: cannot open " +
                                             dir_ / "none.pem"))
        << outcome.lines[1];
    EXPECT_TRUE(outcome.lines[2].starts_with("f.ini:6: error: [service web] key: "))
        << outcome.lines[2];
  }
}

TEST_F(CertificateLoaderTest, ANameThatNoCertificateHasIsAWarning) {
  issue("a", {.names = "DNS:www.example.org,DNS:*.pool.example.org"});
  ServiceOptions options = service({"a"});
  for (const char* name : {"WWW.example.org", "one.pool.example.org", "mail.example.org"})
    options.serverNames.push_back(sourced(name));
  const Outcome outcome = start(options);
  EXPECT_EQ(outcome.text(),
            "f.ini:5: warning: [service web] server-names: no certificate covers "
            "mail.example.org\n");
}

TEST_F(CertificateLoaderTest, OnePassphraseFileServesAllKeysAndSeveralGoByPosition) {
  issue("a");
  issue("b");
  dir_.write("one", "first\n");
  dir_.write("two", "second\n");
  const auto encrypt = [&](const std::string& name, const std::string& phrase) {
    runIn(dir_, "openssl pkcs8 -topk8 -v2 aes-256-cbc -passout file:" + phrase + " -in " + name +
                    ".key -out " + name + ".enc && mv " + name + ".enc " + name + ".key");
  };
  encrypt("a", "one");
  ServiceOptions options = service({"a", "b"});
  options.keyPassphraseFile.push_back(sourced(dir_ / "one"));
  EXPECT_EQ(start(options).names().size(), 2u) << "a key that is not encrypted needs none";
  encrypt("b", "two");
  EXPECT_TRUE(start(options).errors);
  options.keyPassphraseFile.push_back(sourced(dir_ / "two"));
  const Outcome outcome = start(options);
  EXPECT_EQ(outcome.names().size(), 2u) << outcome.text();
  EXPECT_EQ(outcome.text(), "");
  options.keyPassphraseFile[1].text = dir_ / "none";
  EXPECT_TRUE(start(options).says("f.ini:6: error: [service web] key-passphrase-file: "))
      << start(options).text();
}

// --- reload

TEST_F(CertificateLoaderTest, AReloadRefusesWhatHasExpiredAndNewFaults) {
  const std::vector<std::string> names = {"expired", "clients", "unsigned", "future", "leaf"};
  for (const std::string& name : names) issue(name);
  const ServiceOptions options = service(names);
  const Outcome before = start(options);
  ASSERT_EQ(before.text(), "");
  issue("expired", kExpired);
  issue("clients", kForClients);
  issue("unsigned", kWithoutSignature);
  issue("future", kFuture);
  issue("leaf", kLeafOnly);
  const Outcome after = reload(options, before);
  ASSERT_EQ(after.lines.size(), 5u) << after.text();
  const char* said[] = {"f.ini:1: error", "f.ini:3: error", "f.ini:5: error", "f.ini:7: warning",
                        "f.ini:9: warning"};
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(after.lines[i].starts_with(said[i])) << after.lines[i];
    if (i < 3)
      EXPECT_EQ(after.serves(i), before.serves(i)) << names[i] << " stays";
    else
      EXPECT_NE(after.serves(i), before.serves(i)) << names[i] << " is applied";
  }
  EXPECT_NE(after.lines[4].find("the chain lacks the issuer's certificate"), std::string::npos)
      << after.lines[4];
}

TEST_F(CertificateLoaderTest, AReloadAppliesAFaultThatTheOneBeforeHadToo) {
  issue("same", kForClients);
  issue("expired", kExpired);
  const ServiceOptions options = service({"same", "expired"});
  const Outcome before = start(options);
  issue("same", kForClients);
  issue("expired", kForClients);
  const Outcome after = reload(options, before);
  EXPECT_FALSE(after.errors) << after.text();
  EXPECT_EQ(after.lines.size(), 2u) << after.text();
  for (size_t i = 0; i < 2; ++i) EXPECT_NE(after.serves(i), before.serves(i));
}

TEST_F(CertificateLoaderTest, AReloadWarnsOfALostName) {
  issue("a", {.names = "DNS:www.example.org,DNS:mail.example.org,DNS:shop.example.org"});
  ServiceOptions options = service({"a"});
  options.serverNames.push_back(sourced("mail.example.org"));
  const Outcome before = start(options);
  asked_.note("shop.example.org", std::time(nullptr));
  asked_.note("www.example.org", std::time(nullptr));
  issue("a", {.names = "DNS:www.example.org"});
  const Outcome after = reload(options, before);
  EXPECT_NE(after.serves(), before.serves());
  EXPECT_FALSE(after.errors) << after.text();
  EXPECT_TRUE(
      after.says(dir_ / "a.pem" + ": it lacks mail.example.org, which server-names demands"))
      << after.text();
  EXPECT_TRUE(after.says(dir_ / "a.pem" + ": it lacks shop.example.org, which clients requested"))
      << after.text();
  EXPECT_FALSE(after.says("lacks www.example.org")) << after.text();
}

TEST_F(CertificateLoaderTest, UnchangedFilesAreNotReadAgain) {
  issue("a");
  issue("b");
  ASSERT_TRUE(settle("b"));
  const ServiceOptions options = service({"a", "b"});
  const Outcome before = start(options);
  EXPECT_EQ(reload(options, before).units, before.units);
  dir_.write("a.pem", dir_.read("a.pem"));
  const Outcome after = reload(options, before);
  EXPECT_NE(after.units[0], before.units[0]) << "the file was written";
  EXPECT_EQ(after.serves(0), before.serves(0)) << "with the same contents";
  EXPECT_EQ(after.units[1], before.units[1]);
  issue("a");
  EXPECT_NE(reload(options, after).serves(0), before.serves(0));
}

TEST_F(CertificateLoaderTest, WhatWasRefusedIsReadAgain) {
  issue("a");
  const std::string key = dir_.read("a.key");
  issue("a");
  dir_.write("a.key", key);
  ASSERT_TRUE(settle("a"));
  const ServiceOptions options = service({"a"});
  const Outcome before = start(options);
  ASSERT_TRUE(before.errors);
  const Outcome after = reload(options, before);
  EXPECT_EQ(after.lines, before.lines) << "an operator hears of it each time";
}

TEST_F(CertificateLoaderTest, TwoServicesShareOneCertificate) {
  issue("a");
  Diagnostics diagnostics;
  CertificateLoader loader(LoadReason::kStart, {}, diagnostics);
  const CertificateUnits one = loader.load(service({"a"}, "one"), {}, nullptr, nullptr);
  const CertificateUnits two = loader.load(service({"a"}, "two"), {}, nullptr, nullptr);
  ASSERT_NE(one[0]->credentials, nullptr);
  EXPECT_EQ(one[0]->credentials, two[0]->credentials);
}

// --- directories

TEST_F(CertificateLoaderTest, EntriesOfADirectoryAreSortedByByte) {
  for (const char* name : {"b", "B", "9", "10"}) issueIn("certs", name);
  issueIn("certs/sub", "x");
  std::filesystem::rename(dir_ / "certs/sub/x.pem", dir_ / "certs/sub/fullchain.pem");
  std::filesystem::rename(dir_ / "certs/sub/x.key", dir_ / "certs/sub/privkey.pem");
  dir_.write("certs/.hidden.pem", "nothing");
  dir_.write("certs/README", "nothing");
  const Outcome outcome = start(serviceOf("certs"));
  EXPECT_EQ(outcome.names(),
            (std::vector<std::string>{"10.pem", "9.pem", "B.pem", "b.pem", "fullchain.pem"}));
  EXPECT_EQ(outcome.text(), "");
}

TEST_F(CertificateLoaderTest, ABadEntryOfADirectoryIsLeftOutWithAWarning) {
  issueIn("certs", "a");
  issueIn("certs", "b");
  dir_.write("certs/b.key", "no key");
  const ServiceOptions options = serviceOf("certs");
  for (const LoadReason reason : {LoadReason::kStart, LoadReason::kReload}) {
    const Outcome outcome = load(reason, options);
    EXPECT_EQ(outcome.names(), std::vector<std::string>{"a.pem"});
    ASSERT_EQ(outcome.lines.size(), 1u) << outcome.text();
    EXPECT_TRUE(outcome.lines[0].starts_with("f.ini:1: warning: [service web] cert: "))
        << outcome.lines[0];
    EXPECT_TRUE(outcome.lines[0].ends_with("; it is left out")) << outcome.lines[0];
    EXPECT_EQ(outcome.refused, 1u);
  }
}

TEST_F(CertificateLoaderTest, AReloadKeepsWhatADirectoryHadInTheGood) {
  issueIn("certs", "a");
  issueIn("certs", "b");
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  dir_.write("certs/b.key", "no key");
  const Outcome after = reload(options, before);
  EXPECT_FALSE(after.errors) << after.text();
  EXPECT_EQ(after.serves(1), before.serves(1));
  EXPECT_TRUE(after.says("; the one in use stays")) << after.text();
}

TEST_F(CertificateLoaderTest, AReloadDropsWhatHasGoneFromADirectory) {
  issueIn("certs", "a");
  issueIn("certs", "b");
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  std::filesystem::remove(dir_ / "certs/a.pem");
  const Outcome after = reload(options, before);
  EXPECT_EQ(after.names(), std::vector<std::string>{"b.pem"});
  EXPECT_TRUE(after.says("b.pem is the default certificate now, it was")) << after.text();
}

TEST_F(CertificateLoaderTest, AReloadTakesTheDefaultThatAStartWouldTake) {
  issueIn("certs", "b");
  const ServiceOptions options = serviceOf("certs");
  const Outcome before = start(options);
  issueIn("certs", "a");
  EXPECT_EQ(reload(options, before).names(), (std::vector<std::string>{"a.pem", "b.pem"}));
}

TEST_F(CertificateLoaderTest, ADirectoryWithNothingToServeIsAnError) {
  std::filesystem::create_directory(dir_ / "empty");
  dir_.write("bad/a.pem", "no certificate");
  EXPECT_EQ(start(serviceOf("empty")).text(),
            "f.ini:1: error: [service web] cert: there is no usable certificate\n");
  const Outcome bad = start(serviceOf("bad"));
  ASSERT_EQ(bad.lines.size(), 2u) << bad.text();
  EXPECT_TRUE(bad.lines[0].starts_with("f.ini:2: warning: ")) << bad.lines[0];
  EXPECT_TRUE(bad.lines[1].ends_with("there is no usable certificate")) << bad.lines[1];
}

TEST_F(CertificateLoaderTest, ADirectoryTakesNoKeyOption) {
  issueIn("certs", "a");
  ServiceOptions options = serviceOf("certs");
  options.key.push_back(sourced(dir_ / "certs/a.key"));
  const Outcome outcome = start(options);
  EXPECT_TRUE(outcome.says("f.ini:2: error: [service web] key: " + dir_ / "certs" +
                           " is a directory: its keys are the files beside the certificates"))
      << outcome.text();
}

TEST_F(CertificateLoaderTest, FilesAndDirectoriesStandInTheOrderOfTheOptions) {
  issue("z");
  issueIn("certs", "a");
  ServiceOptions options = service({"z"});
  options.cert.push_back(sourced(dir_ / "certs"));
  EXPECT_EQ(start(options).names(), (std::vector<std::string>{"z.pem", "a.pem"}));
}

}  // namespace
}  // namespace culvert
