// SPDX-License-Identifier: GPL-3.0-or-later
// --dump-config: every value with its origin, and a file that gives the same configuration again.
#include "config/config_dump.h"

#include <gtest/gtest.h>

#include "load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;

void expectRoundTrip(const Config& config) {
  const std::string dump = dumpConfig(config);
  const LoadOutcome again = load(dump);
  ASSERT_TRUE(again.ok()) << lines(again.diagnostics)[0] << "\n" << dump;
  EXPECT_TRUE(sameOptions(again.config.global, config.global)) << dump;
  ASSERT_EQ(again.config.services.size(), config.services.size());
  for (size_t i = 0; i < config.services.size(); ++i)
    EXPECT_TRUE(sameOptions(again.config.services[i], config.services[i])) << dump;
}

bool hasLine(const std::string& dump, const std::string& key, const std::string& origin) {
  for (size_t at = 0; at < dump.size();) {
    const size_t end = dump.find('\n', at);
    const std::string line = dump.substr(at, end - at);
    if (line.starts_with(key) && line.ends_with("; " + origin)) return true;
    at = end + 1;
  }
  return false;
}

TEST(ConfigDump, SaysWhereEachValueComesFrom) {
  Overrides overrides;
  overrides.environment = {"CULVERT_DEFAULTS_IDLE_TIMEOUT=90s"};
  overrides.sets = {"global.workers=2"};
  overrides.named = {{"--log", "log", "stdout"}};
  const std::string dump =
      dumpConfig(load(kSound + "listen = 3, 4\nfifo-size = 128k\n", overrides).config);
  EXPECT_TRUE(hasLine(dump, "workers = 2 ", "--set#1")) << dump;
  EXPECT_TRUE(hasLine(dump, "log = stdout ", "--log")) << dump;
  EXPECT_TRUE(hasLine(dump, "log-level = info ", "default")) << dump;
  EXPECT_TRUE(hasLine(dump, "[service web] ", "f.ini:1")) << dump;
  EXPECT_TRUE(hasLine(dump, "listen = 1 ", "f.ini:2")) << dump;
  EXPECT_TRUE(hasLine(dump, "listen = 3, 4 ", "f.ini:5")) << dump;
  EXPECT_TRUE(hasLine(dump, "fifo-size = 128k ", "f.ini:6")) << dump;
  EXPECT_TRUE(hasLine(dump, "idle-timeout = 1m30s ", "env:CULVERT_DEFAULTS_IDLE_TIMEOUT")) << dump;
}

TEST(ConfigDump, EveryKeyIsInIt) {
  const std::string dump = "\n" + dumpConfig(load(kSound).config);
  for (const OptionInfo& info : allOptions()) {
    const std::string key(info.key);
    EXPECT_TRUE(dump.find("\n" + key + " = ") != std::string::npos ||
                dump.find("\n# " + key + ": none ") != std::string::npos)
        << info.key;
  }
}

TEST(ConfigDump, IsTheSameConfigurationAgain) {
  expectRoundTrip(load(kSound).config);
  expectRoundTrip(
      load("[global]\nlog = file:/a b\nuser = u\nmax-tunnels = 7\n" + kSound +
           "cert = /x,y:z;a\nkey = k\nkey = l\nalpn = h2, http/1.1\nidle-timeout = off\n"
           "ciphers = A:B\ngroups = G\n[service b]\nlisten = 9\nbackend = 4, unix:/5\ncert = #d\n")
          .config);
}

TEST(ConfigDump, LongListsStayBelowTheLongestLine) {
  std::string text = kSound;
  for (int i = 0; i < 3000; ++i) text += "listen = 127.0.0.1:" + std::to_string(i + 10) + "\n";
  std::string joined = "backend = 1";
  for (int i = 0; i < 1000; ++i) joined += ",127.0.0.1:" + std::to_string(i);
  expectRoundTrip(load(text + joined + "\n").config);
}

TEST(ConfigDump, ASelfMadeCertificateIsSaid) {
  Overrides overrides;
  overrides.named = {{"--listen", "listen", "1"}, {"--backend", "backend", "2"}};
  overrides.selfSigned = true;
  const std::string dump = dumpConfig(loadWithoutFile(overrides).config);
  EXPECT_NE(dump.find("# a certificate made at the start: --self-signed\n"), std::string::npos);
  EXPECT_NE(dump.find("# cert: none "), std::string::npos);
}

}  // namespace
}  // namespace culvert
