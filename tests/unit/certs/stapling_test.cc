// SPDX-License-Identifier: GPL-3.0-or-later
// Files with OCSP responses: what is read again, and how often it is told.
#include "certs/stapling.h"

#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>

#include "tls/ocsp/ocsp_check.h"
#include "unit/tls/support/test_keys.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

constexpr int64_t kDay = 86400;

class StapleFilesTest : public TlsTest {
 protected:
  void SetUp() override {
    if (!staplingPossible()) GTEST_SKIP() << "this wolfSSL cannot staple";
    for (const char* name : {"leaf.pem", "leaf.key", "leaf-only.pem", "inter.pem", "inter.key"})
      dir_.write(name, testKeys().read(name));
    runIn(dir_,
          "printf 'V\\t401231235959Z\\t\\t%s\\tunknown\\t/CN=leaf\\n' "
          "$(openssl x509 -noout -serial -in leaf-only.pem | cut -d= -f2) >index && "
          "openssl ocsp -issuer inter.pem -cert leaf-only.pem -no_nonce -reqout leaf.req && "
          "openssl ocsp -index index -rsigner inter.pem -rkey inter.key -CA inter.pem "
          "-resp_no_certs -nmin 60 -reqin leaf.req -respout response");
    auto loaded = Credentials::loadFiles({dir_ / "leaf.pem", dir_ / "leaf.key", {}});
    ASSERT_TRUE(loaded) << loaded.error().text();
    credentials_ = *loaded;
    wishes_ = {{"web", credentials_, StapleMode::kFile, ""}};
  }

  TempDir dir_;
  std::shared_ptr<const Credentials> credentials_;
  std::vector<StapleWish> wishes_;
  StapleFiles files_;
  const int64_t now_ = std::time(nullptr);
};

TEST_F(StapleFilesTest, WhatWasRefusedIsReadAgainAndToldOnce) {
  dir_.write("leaf.pem.ocsp", dir_.read("response"));
  auto notes = files_.follow(wishes_, now_ + kDay);  // the clock goes wrong
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].kind, StapleNote::Kind::kRefused);
  EXPECT_NE(notes[0].text.find("has expired"), std::string::npos) << notes[0].text;
  credentials_->staple().setTrouble("no answer");
  EXPECT_TRUE(files_.recheckSome(now_ + kDay).empty()) << "told already";
  EXPECT_EQ(credentials_->staple().trouble(), "no answer") << "what came later is the trouble";
  notes = files_.recheckSome(now_);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].kind, StapleNote::Kind::kRead) << notes[0].text;
  EXPECT_NE(credentials_->staple().serving(now_), nullptr);
  EXPECT_TRUE(files_.recheckSome(now_).empty()) << "what was taken is not read again";
}

TEST_F(StapleFilesTest, AnotherFileIsTold) {
  dir_.write("leaf.pem.ocsp", dir_.read("response"));
  EXPECT_EQ(files_.follow(wishes_, now_ + kDay).size(), 1u);
  dir_.write("leaf.pem.ocsp", "no response");
  EXPECT_EQ(files_.recheckSome(now_).size(), 1u);
  EXPECT_TRUE(files_.recheckSome(now_).empty());
}

TEST_F(StapleFilesTest, AFileThatIsAsOldAndAsLongAsTheOneBeforeIsRead) {
  const std::string good = dir_.read("response");
  const std::string path = dir_.write("leaf.pem.ocsp", good);
  const auto written = std::filesystem::last_write_time(path);
  EXPECT_EQ(files_.follow(wishes_, now_).size(), 1u);
  const FileStamp before = stampOf(path);
  do {  // until the kernel's clock has moved
    dir_.write("leaf.pem.ocsp", std::string(good.size(), 'x'));
    std::filesystem::last_write_time(path, written);
  } while (stampOf(path) == before);
  EXPECT_EQ(stampOf(path).modified, before.modified);
  const auto notes = files_.recheckSome(now_);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].kind, StapleNote::Kind::kRefused);
}

}  // namespace
}  // namespace culvert
