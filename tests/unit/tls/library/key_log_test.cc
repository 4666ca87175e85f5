// SPDX-License-Identifier: GPL-3.0-or-later
// The file of the key log: its mode, its lines, what is refused. Whether sessions tell their
// secrets is a matter of the library's build, and shown from outside.
#include "tls/library/key_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "temp_dir.h"
#include "tls/library/tls_library.h"

namespace culvert {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

unsigned modeOf(const std::string& path) {
  struct stat file {};
  return ::stat(path.c_str(), &file) == 0 ? file.st_mode & 07777u : 0;
}

constexpr uint8_t kRandom[] = {0x00, 0x01, 0xfe, 0xff};
constexpr uint8_t kSecret[] = {0xab, 0x0c};

TEST(KeyLog, AddsLinesToAFileOfItsOwn) {
  const TempDir dir;
  const std::string path = dir / "keys";
  KeyLog log(path);
  ASSERT_TRUE(log.open().has_value());
  EXPECT_EQ(modeOf(path), 0600u);
  log.add("CLIENT_RANDOM", kRandom, kSecret);
  ASSERT_TRUE(log.open().has_value()) << "it is open";
  KeyLog again(path);
  ASSERT_TRUE(again.open().has_value());
  again.add("EXPORTER_SECRET", kRandom, kSecret);
  EXPECT_EQ(contents(path), "CLIENT_RANDOM 0001feff ab0c\nEXPORTER_SECRET 0001feff ab0c\n");
}

TEST(KeyLog, AnOpenFileIsClosedToOthers) {
  const TempDir dir;
  const std::string path = dir / "keys";
  std::ofstream(path) << "before\n";
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  KeyLog log(path);
  ASSERT_TRUE(log.open().has_value());
  EXPECT_EQ(modeOf(path), 0600u);
  EXPECT_EQ(contents(path), "before\n");
}

TEST(KeyLog, OnlyAnOrdinaryFileWillDo) {
  const TempDir dir;
  const std::string fifo = dir / "fifo", link = dir / "link";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ASSERT_EQ(::symlink("elsewhere", link.c_str()), 0);
  for (const std::string& path : {fifo, link, dir / ".", dir / "none" + "/keys"}) {
    const auto opened = KeyLog(path).open();
    ASSERT_FALSE(opened.has_value()) << path;
    EXPECT_NE(opened.error().text.find("cannot write " + path), std::string::npos)
        << opened.error().text;
  }
}

TEST(KeyLog, AFileOfSomebodyElseIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const TempDir dir;
  const std::string path = dir / "keys";
  std::ofstream(path) << "before\n";
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  const auto opened = KeyLog(path).open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().text.find("it belongs to user 12345"), std::string::npos)
      << opened.error().text;
  EXPECT_EQ(modeOf(path), 0640u) << "nothing was changed";
}

TEST(KeyLog, AFileWithASecondNameIsRefused) {
  const TempDir dir;
  const std::string path = dir / "keys", other = dir / "other";
  std::ofstream(path) << "before\n";
  ASSERT_EQ(::link(path.c_str(), other.c_str()), 0);
  const auto opened = KeyLog(path).open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().text.find("more than one hard link"), std::string::npos)
      << opened.error().text;
  ASSERT_EQ(::unlink(other.c_str()), 0);
  EXPECT_TRUE(KeyLog(path).open().has_value());
}

#if !defined(CULVERT_KEYLOG)
TEST(KeyLog, OnlyACulvertMadeForItWritesSecrets) { EXPECT_FALSE(KeyLog::supported().has_value()); }
#endif

TEST(KeyLog, IsAFeatureOfTheLibrary) {
  const auto features = tlsFeatures();
  EXPECT_EQ(KeyLog::supported().has_value(),
            std::find(features.begin(), features.end(), "keylog") != features.end());
}

}  // namespace
}  // namespace culvert
