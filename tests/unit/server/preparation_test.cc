// SPDX-License-Identifier: GPL-3.0-or-later
// One preparation for the start, a reload and --check: the same mistakes are found with the same
// words, the reasons differ in a few places only, and nothing in force is touched.
#include "server/preparation.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "server/exit_code.h"
#include "tls/library/key_log.h"
#include "unit/certs/support/test_ca.h"
#include "unit/certs/support/test_secret.h"
#include "unit/config/load_helper.h"
#include "unit/server/support/running_parts.h"

namespace culvert {
namespace {

constexpr PrepareReason kAllReasons[] = {PrepareReason::kStart, PrepareReason::kReload,
                                         PrepareReason::kCheck, PrepareReason::kStrictCheck};

const char* nameOf(PrepareReason reason) {
  switch (reason) {
    case PrepareReason::kStart:
      return "start";
    case PrepareReason::kReload:
      return "reload";
    case PrepareReason::kCheck:
      return "check";
    case PrepareReason::kStrictCheck:
      break;
  }
  return "strict check";
}

std::vector<std::string> linesOf(const Preparation& made) {
  std::vector<std::string> lines;
  for (const Diagnostic& one : made.diagnostics.list()) lines.push_back(one.text());
  return lines;
}

std::string textOf(const Preparation& made) {
  std::string text;
  for (const std::string& line : linesOf(made)) text += line + "\n";
  return text;
}

/// Not root while it lives, where this process is root.
class AsNobody {
 public:
  AsNobody() : was_(::geteuid()) {
    if (was_ == 0 && ::seteuid(65534) != 0) ADD_FAILURE() << "cannot become another user";
  }
  ~AsNobody() {
    if (was_ == 0 && ::seteuid(0) != 0) std::abort();
  }

 private:
  const uid_t was_;
};

class PreparationTest : public ServerPartsTest {
 protected:
  Preparation prepareFor(PrepareReason reason, std::function<bool(Preparation&)> onConfig = {}) {
    const InForce inForce{config_, runtime_};
    return prepare(source_, {.reason = reason,
                             .resolver = resolver_,
                             .tickets = tickets_,
                             .before = reason == PrepareReason::kReload ? &inForce : nullptr,
                             .onConfig = std::move(onConfig)});
  }
  /// Puts the file in force, for reloads to come.
  void putInForce(const std::string& text) {
    write(text);
    Preparation made = prepareFor(PrepareReason::kStart);
    ASSERT_EQ(made.exitCode, kExitClean) << textOf(made);
    config_ = std::move(made.config);
    runtime_ = std::move(made.runtime);
    ASSERT_TRUE(tickets_.apply(std::move(made.tickets), config_.global.ticketRotation));
  }
  static bool says(const Preparation& made, const std::string& words) {
    return textOf(made).find(words) != std::string::npos;
  }

  const ConfigSource source_{dir_ / "f.ini", {}};
  Resolver resolver_{{}};
  TicketSource tickets_;
  Config config_;
  Runtime runtime_;
};

TEST_F(PreparationTest, ASoundFileIsReadyForEveryReason) {
  putInForce(service("web"));
  for (const PrepareReason reason : kAllReasons) {
    const Preparation made = prepareFor(reason);
    EXPECT_EQ(made.exitCode, kExitClean) << nameOf(reason);
    EXPECT_EQ(textOf(made), "") << nameOf(reason);
    ASSERT_EQ(made.runtime.services.size(), 1u) << nameOf(reason);
    EXPECT_EQ(made.runtime.services[0].name(), "web");
    EXPECT_EQ(made.config.services.size(), 1u);
    EXPECT_EQ(made.tickets.size(), 1u);
  }
}

// --- the same mistakes for everybody

TEST_F(PreparationTest, ABrokenFileIsToldInTheSameWordsForEveryReason) {
  putInForce(service("web"));
  dir_.write("none.pem", "nothing");
  dir_.write("secret", "no hex\n");
  const std::string broken[] = {
      "",
      "no ini\n",
      "[service web]\nlisten = 127.0.0.1:0\n",
      service("web", "no-such-option = 1\n"),
      service("web", "idle-timeout = soon\n"),
      service("web", "ciphers = NONE\n"),
      service("web", "min-version = 1.3\nmax-version = 1.2\n"),
      service("web", "", "nonsense:port"),
      service("web") + service("web"),
      "[global]\nlog-level = loud\n" + service("web"),
      service("web", "cert = " + dir_ / "no.pem" + "\nkey = " + dir_ / "no.key" + "\n"),
      service("web",
              "cert = " + testKeys() / "rsa.pem" + "\nkey = " + testKeys() / "ec.key" + "\n"),
      service("web", "cert = " + dir_ / "none.pem" + "\n"),
      service("new", "cert = " + dir_ / "none.pem" + "\n"),
      service("web", "verify-client = required\nclient-ca = " + dir_ / "none.pem" + "\n"),
      service("web", "verify-client = required\nclient-ca = " + testKeys() / "root.pem" +
                         "\ncrl = " + dir_ / "no.crl" + "\n"),
      "[global]\nticket-secret-file = " + dir_ / "secret" + "\n" + service("web"),
      "[global]\nticket-secret-file = " + dir_ / "no" + "\n" +
          service("web", "cert = " + dir_ / "none.pem" + "\n"),
      service("web",
              "min-version = 1.2\nmax-version = 1.2\nciphers = "
              "ECDHE-RSA-AES128-GCM-SHA256\n"),
  };
  for (const std::string& text : broken) {
    write(text);
    const Preparation start = prepareFor(PrepareReason::kStart);
    EXPECT_TRUE(start.diagnostics.hasErrors()) << text;
    EXPECT_NE(start.exitCode, kExitClean) << text;
    for (const PrepareReason reason : kAllReasons) {
      const Preparation made = prepareFor(reason);
      EXPECT_EQ(linesOf(made), linesOf(start)) << nameOf(reason) << " of\n" << text;
      EXPECT_EQ(made.exitCode, start.exitCode) << nameOf(reason) << " of\n" << text;
    }
  }
}

TEST_F(PreparationTest, TheMemoryLimitIsEnoughForEveryWorker) {
  putInForce(service("web"));
  write("[global]\nworkers = 3\nmemory-limit = 6m\n" + service("web"));
  EXPECT_FALSE(says(prepareFor(PrepareReason::kStart), "memory-limit"));
  write("[global]\nworkers = 3\nmemory-limit = 6143k\n" + service("web"));
  for (const PrepareReason reason : {PrepareReason::kStart, PrepareReason::kCheck}) {
    const Preparation made = prepareFor(reason);
    EXPECT_EQ(made.exitCode, kExitConfig);
    EXPECT_TRUE(says(made, "[global] memory-limit: too small for 3 workers; allowed: 6m or more"))
        << textOf(made);
  }
}

TEST_F(PreparationTest, AReloadJudgesTheMemoryLimitByTheRunningWorkers) {
  putInForce("[global]\nmemory-limit = 8m\nworkers = 2\n" + service("web"));
  const InForce inForce{config_, runtime_};
  const auto errors = [&](size_t workers) {
    return textOf(prepare(source_, {.reason = PrepareReason::kReload,
                                    .resolver = resolver_,
                                    .tickets = tickets_,
                                    .before = &inForce,
                                    .workers = workers}));
  };
  EXPECT_EQ(errors(4), "");
  EXPECT_NE(errors(5).find("too small for 5 workers; allowed: 10m or more"), std::string::npos);
}

TEST_F(PreparationTest, TheExitCodeIsThatOfTheStage) {
  putInForce(service("web"));
  const struct {
    std::string text;
    int code;
  } rows[] = {
      {service("web", "idle-timeout = soon\n"), kExitConfig},
      {service("web", "cert = " + dir_ / "no.pem" + "\n"), kExitCertificate},
      {"[global]\nticket-secret-file = " + dir_ / "no" + "\n" + service("web"), kExitCertificate},
      {service("web", "idle-timeout = soon\ncert = " + dir_ / "no.pem" + "\n"), kExitConfig},
      {service("web"), kExitClean},
  };
  for (const auto& [text, code] : rows) {
    write(text);
    for (const PrepareReason reason : kAllReasons)
      EXPECT_EQ(prepareFor(reason).exitCode, code) << nameOf(reason) << " of\n" << text;
  }
  std::filesystem::remove(dir_ / "f.ini");
  for (const PrepareReason reason : kAllReasons)
    EXPECT_EQ(prepareFor(reason).exitCode, kExitConfig) << nameOf(reason);
}

TEST_F(PreparationTest, FilesAreNotReadAfterAMistakeOfTheConfiguration) {
  putInForce(service("web"));
  write(service("web", "idle-timeout = soon\ncert = " + dir_ / "no.pem" + "\n"));
  for (const PrepareReason reason : kAllReasons) {
    const Preparation made = prepareFor(reason);
    EXPECT_FALSE(says(made, "no.pem")) << textOf(made);
    EXPECT_TRUE(made.runtime.services.empty());
    EXPECT_TRUE(made.tickets.empty());
  }
}

// --- where the reasons differ

TEST_F(PreparationTest, OnlyAReloadRefusesWhatNeedsARestart) {
  putInForce("[global]\nworkers = 1\n" + service("web"));
  write("[global]\nworkers = 2\n" + service("web"));
  for (const PrepareReason reason : kAllReasons) {
    const Preparation made = prepareFor(reason);
    const bool refused = reason == PrepareReason::kReload;
    EXPECT_EQ(made.exitCode, refused ? kExitConfig : kExitClean) << nameOf(reason);
    EXPECT_EQ(says(made, "needs a restart"), refused) << textOf(made);
  }
}

TEST_F(PreparationTest, OnlyAReloadLooksUpNewBackends) {
  putInForce(service("web"));
  write(service("web", "backend = no-such-host.invalid:1\n"));
  for (const PrepareReason reason : kAllReasons) {
    const Preparation made = prepareFor(reason);
    const bool refused = reason == PrepareReason::kReload;
    EXPECT_EQ(made.exitCode, refused ? kExitConfig : kExitClean) << nameOf(reason);
    EXPECT_EQ(says(made, "cannot resolve no-such-host.invalid"), refused) << textOf(made);
  }
}

TEST_F(PreparationTest, WhatClientsRefuseIsJudgedByTheReason) {
  const TestCa& ca = TestCa::shared();
  const auto named = [&] {
    return "[service web]\nlisten = 127.0.0.1:0\nbackend = 127.0.0.1:7\ncert = " + dir_ / "a.pem" +
           "\nkey = " + dir_ / "a.key" + "\n";
  };
  ca.issue(dir_, "a");
  putInForce(named());
  ca.issue(dir_, "a", {.extensions = "extendedKeyUsage=clientAuth"});
  for (const PrepareReason reason : kAllReasons) {
    const Preparation made = prepareFor(reason);
    const bool error = reason == PrepareReason::kReload || reason == PrepareReason::kStrictCheck;
    EXPECT_EQ(made.exitCode, error ? kExitCertificate : kExitClean) << nameOf(reason);
    EXPECT_TRUE(says(made, error ? "f.ini:4: error: " : "f.ini:4: warning: ")) << textOf(made);
    EXPECT_TRUE(says(made, "the certificate is not for servers")) << textOf(made);
  }
  ca.issue(dir_, "a", {.from = kTestDay});
  for (const PrepareReason reason : kAllReasons) {
    const bool error = reason == PrepareReason::kStrictCheck;
    EXPECT_EQ(prepareFor(reason).exitCode, error ? kExitCertificate : kExitClean) << nameOf(reason);
  }
}

TEST_F(PreparationTest, OnlyAReloadHasNoIdentity) {
  const std::string text = "[global]\nuser = " + std::to_string(::geteuid()) +
                           "\ngroup = " + std::to_string(::getegid()) + "\n" + service("web");
  putInForce(text);
  for (const PrepareReason reason : kAllReasons) {
    const Preparation made = prepareFor(reason);
    EXPECT_EQ(made.identity.has_value(), reason != PrepareReason::kReload) << nameOf(reason);
    if (made.identity) {
      EXPECT_EQ(made.identity->uid, ::geteuid());
    }
  }
}

TEST_F(PreparationTest, AUserThatThisProcessCannotBecomeIsANoteOfACheck) {
  Overrides overrides;
  overrides.selfSigned = true;
  overrides.named = {{"--listen", "listen", "127.0.0.1:0"},
                     {"--backend", "backend", "127.0.0.1:7"}};
  overrides.sets = {"global.user=12345", "global.group=12345"};
  const ConfigSource source("", overrides);
  const AsNobody unprivileged;
  const std::pair<PrepareReason, int> rows[] = {{PrepareReason::kStart, kExitConfig},
                                                {PrepareReason::kStrictCheck, kExitConfig},
                                                {PrepareReason::kCheck, kExitClean}};
  for (const auto& [reason, code] : rows) {
    const Preparation made =
        prepare(source, {.reason = reason, .resolver = resolver_, .tickets = tickets_});
    EXPECT_EQ(made.exitCode, code) << nameOf(reason) << "\n" << textOf(made);
    EXPECT_TRUE(
        says(made, code == kExitClean ? ": note: [global] user: " : ": error: [global] user: "))
        << textOf(made);
  }
}

TEST_F(PreparationTest, AUserThatDoesNotExistIsAnErrorOfEveryCheck) {
  write("[global]\nuser = no-such-user\n" + service("web"));
  for (const PrepareReason reason :
       {PrepareReason::kStart, PrepareReason::kCheck, PrepareReason::kStrictCheck}) {
    const Preparation made = prepareFor(reason);
    EXPECT_EQ(made.exitCode, kExitConfig) << nameOf(reason);
    EXPECT_TRUE(says(made, "f.ini:2: error: [global] user: ")) << textOf(made);
  }
}

TEST_F(PreparationTest, ACheckMakesNoKeyLog) {
  if (!KeyLog::supported()) GTEST_SKIP() << "this culvert writes no key logs";
  putInForce(service("web"));
  write(service("web", "keylog-file = " + dir_ / "keys" + "\n"));
  for (const PrepareReason reason : {PrepareReason::kCheck, PrepareReason::kStrictCheck}) {
    EXPECT_EQ(prepareFor(reason).exitCode, kExitClean);
    EXPECT_FALSE(std::filesystem::exists(dir_ / "keys")) << nameOf(reason);
  }
  for (const PrepareReason reason : {PrepareReason::kStart, PrepareReason::kReload}) {
    EXPECT_EQ(prepareFor(reason).exitCode, kExitClean);
    EXPECT_TRUE(std::filesystem::remove(dir_ / "keys")) << nameOf(reason);
  }
}

// --- onConfig

TEST_F(PreparationTest, OnConfigRunsBetweenTheConfigurationAndItsFiles) {
  write(service("web", "cert = " + dir_ / "no.pem" + "\n") + "[service empty]\n");
  EXPECT_EQ(prepareFor(PrepareReason::kStart,
                       [](Preparation&) {
                         ADD_FAILURE() << "the configuration has errors";
                         return true;
                       })
                .exitCode,
            kExitConfig);
  write("[global]\nuser = " + std::to_string(::geteuid()) + "\ngroup = " +
        std::to_string(::getegid()) + "\n" + service("web", "cert = " + dir_ / "no.pem" + "\n"));
  int calls = 0;
  const Preparation made = prepareFor(PrepareReason::kStart, [&calls](Preparation& so) {
    ++calls;
    EXPECT_EQ(so.config.services.size(), 1u);
    EXPECT_TRUE(so.identity.has_value());
    EXPECT_TRUE(so.runtime.services.empty());
    EXPECT_TRUE(so.tickets.empty());
    EXPECT_FALSE(so.diagnostics.hasErrors());
    return true;
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(made.exitCode, kExitCertificate) << "the files came after it";
}

TEST_F(PreparationTest, OnConfigEndsThePreparation) {
  write(service("web", "cert = " + dir_ / "no.pem" + "\n"));
  const Preparation made = prepareFor(PrepareReason::kStart, [](Preparation&) { return false; });
  EXPECT_EQ(made.exitCode, kExitConfig);
  EXPECT_EQ(textOf(made), "") << "the certificate was not read";
  EXPECT_TRUE(made.runtime.services.empty());
}

TEST_F(PreparationTest, OnConfigMayTakeTheDiagnosticsSoFar) {
  write("[global]\nticket-secret-file = " + dir_ / "no" + "\n" + service("web"));
  Diagnostics taken;
  const Preparation made = prepareFor(PrepareReason::kStart, [&taken](Preparation& so) {
    so.diagnostics.warning(Origin::file("x", 1), "global", "log", "said already");
    taken = std::exchange(so.diagnostics, {});
    return true;
  });
  EXPECT_EQ(taken.list().size(), 1u);
  EXPECT_FALSE(says(made, "said already"));
  EXPECT_EQ(made.diagnostics.errors(), 1u) << textOf(made);
}

// --- what is in force

TEST_F(PreparationTest, NothingInForceChanges) {
  const std::string global =
      "[global]\nticket-secret-file = " + writeSecret(dir_, testSecret(1)) + "\n";
  putInForce(global + service("web"));
  const auto inForce = runtime_.services[0].service;
  const Service contents = *inForce;
  const Config config = config_;
  const std::string ids = tickets_.ids();
  writeSecret(dir_, testSecret(2));
  for (const std::string& more : {std::string("idle-timeout = 5s\n"), std::string("alpn = h2\n"),
                                  "cert = " + dir_ / "no.pem" + "\n"}) {
    write(global + service("web", more) + service("other"));
    for (const PrepareReason reason : kAllReasons) {
      const Preparation made = prepareFor(reason);
      ASSERT_EQ(runtime_.services.size(), 1u);
      EXPECT_EQ(runtime_.services[0].service, inForce);
      EXPECT_EQ(inForce->tls, contents.tls);
      EXPECT_EQ(inForce->profile, contents.profile);
      EXPECT_TRUE(testing_config::sameOptions(config_.services[0], config.services[0]));
      EXPECT_EQ(tickets_.ids(), ids) << nameOf(reason);
    }
  }
}

TEST_F(PreparationTest, AReloadCarriesOverWhatHasNotChanged) {
  putInForce(service("web"));
  write(service("web", "idle-timeout = 5s\n"));
  const Preparation made = prepareFor(PrepareReason::kReload);
  ASSERT_EQ(made.exitCode, kExitClean) << textOf(made);
  EXPECT_EQ(made.runtime.services[0].service->tls, runtime_.services[0].service->tls);
  EXPECT_NE(made.runtime.services[0].service->profile, runtime_.services[0].service->profile);
}

}  // namespace
}  // namespace culvert
