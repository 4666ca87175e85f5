// SPDX-License-Identifier: GPL-3.0-or-later
// Where session ticket keys come from: a file that replicas share, or a secret of this process that
// outlives reloads.
#include "certs/ticket_source.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "unit/certs/support/test_secret.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

const std::string kOne = testSecret(1);
const std::string kTwo = testSecret(2);

class TicketSourceTest : public TlsTest {
 protected:
  /// Writes the secrets into the file and names it in the configuration.
  void use(const std::string& contents) {
    global_.ticketSecretFile = writeSecret(dir_, contents);
    global_.origins["ticket-secret-file"] = Origin::file("f.ini", 3);
  }
  std::optional<TicketSecrets> load() {
    said_ = Diagnostics();
    return source_.load(global_, said_);
  }
  bool apply() {
    auto secrets = load();
    EXPECT_TRUE(secrets) << line();
    if (!secrets) return false;
    const auto changed = source_.apply(std::move(*secrets), kRotation);
    EXPECT_TRUE(changed) << changed.error().text;
    return changed && *changed;
  }
  std::string line() const { return said_.empty() ? "" : said_.list().front().text(); }

  static constexpr Millis kRotation{3'600'000};
  TempDir dir_;
  GlobalOptions global_;
  TicketSource source_;
  Diagnostics said_;
};

TEST_F(TicketSourceTest, TheOwnSecretIsKeptForTheLifeOfTheProcess) {
  const auto first = load();
  const auto second = load();
  ASSERT_TRUE(first && second);
  ASSERT_EQ(first->size(), 1u);
  EXPECT_TRUE(sameTicketSecrets(*first, *second));
  TicketSource other;
  EXPECT_FALSE(sameTicketSecrets(*first, *other.load(global_, said_))) << "it is drawn at random";
  EXPECT_TRUE(apply());
  EXPECT_FALSE(apply()) << "a reload does not end sessions";
}

TEST_F(TicketSourceTest, TheFilesSecretIsTheSameInEveryProcess) {
  use(kOne);
  TicketSource replica;
  EXPECT_TRUE(sameTicketSecrets(*load(), *replica.load(global_, said_)));
  use(kOne + "\n" + kTwo + "\n");
  const auto both = load();
  ASSERT_TRUE(both);
  EXPECT_EQ(both->size(), 2u);
}

TEST_F(TicketSourceTest, LoadingChangesNothing) {
  use(kOne);
  ASSERT_TRUE(apply());
  const std::string ids = source_.ids();
  use(kTwo);
  ASSERT_TRUE(load());
  EXPECT_EQ(source_.ids(), ids);
}

TEST_F(TicketSourceTest, AppliedSecretsReplaceThoseBeforeInTheSameKeys) {
  EXPECT_EQ(source_.keys(), nullptr);
  use(kOne);
  EXPECT_TRUE(apply());
  const TicketKeys* keys = source_.keys();
  ASSERT_NE(keys, nullptr);
  EXPECT_FALSE(apply()) << "the same secrets";
  use(kTwo);
  EXPECT_TRUE(apply());
  EXPECT_EQ(source_.keys(), keys) << "workers hold the pointer";
}

TEST_F(TicketSourceTest, WhatWasSealedIsOpenedWhileTheFileNamesItsSecret) {
  use(kOne);
  ASSERT_TRUE(apply());
  const TicketBinding binding{1};
  const TicketScope scope{binding, "www.example.org"};
  const auto sealed = [&] {
    std::vector<uint8_t> ticket(64, 7);
    TicketLabel label{};
    EXPECT_TRUE(source_.keys()->seal(scope, 0, ticket, label));
    return std::make_pair(ticket, label);
  };
  const auto opens = [&](std::pair<std::vector<uint8_t>, TicketLabel> one) {
    return source_.keys()->open(scope, one.second, one.first) != TicketKeys::Opened::kNo;
  };
  const auto old = sealed();
  use(kTwo + "\n" + kOne);
  ASSERT_TRUE(apply());
  EXPECT_TRUE(opens(old)) << "for the time in which a fleet changes its secret";
  use(kTwo);
  ASSERT_TRUE(apply());
  EXPECT_FALSE(opens(old));
  EXPECT_TRUE(opens(sealed()));
}

TEST_F(TicketSourceTest, ABrokenFileIsAnErrorAtItsOption) {
  use("no hex\n");
  EXPECT_FALSE(load());
  ASSERT_EQ(said_.errors(), 1u);
  EXPECT_TRUE(line().starts_with("f.ini:3: error: [global] ticket-secret-file: " +
                                 global_.ticketSecretFile))
      << line();
  EXPECT_EQ(line().find("no hex"), std::string::npos) << "a secret is not for the log";
  std::filesystem::remove(global_.ticketSecretFile);
  EXPECT_FALSE(load());
  EXPECT_EQ(said_.errors(), 1u);
}

TEST_F(TicketSourceTest, AFileThatOthersCanReadIsAWarning) {
  use(kOne);
  std::filesystem::permissions(global_.ticketSecretFile, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_TRUE(load());
  ASSERT_EQ(said_.list().size(), 1u);
  EXPECT_TRUE(line().starts_with("f.ini:3: warning: [global] ticket-secret-file: ")) << line();
}

TEST_F(TicketSourceTest, IdsCompareReplicasAndShowNothing) {
  use(kOne);
  ASSERT_TRUE(apply());
  const std::string one = source_.ids();
  EXPECT_EQ(one.size(), 8u);
  EXPECT_EQ(kOne.find(one), std::string::npos);
  use(kTwo + "\n" + kOne);
  ASSERT_TRUE(apply());
  EXPECT_TRUE(source_.ids().ends_with(", accepts " + one)) << source_.ids();
}

TEST_F(TicketSourceTest, RotationWithinAPeriodChangesNothing) {
  ASSERT_TRUE(apply());
  const auto rotated = source_.rotate();
  ASSERT_TRUE(rotated);
  EXPECT_FALSE(*rotated);
}

}  // namespace
}  // namespace culvert
