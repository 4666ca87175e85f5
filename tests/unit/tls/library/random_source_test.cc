// SPDX-License-Identifier: GPL-3.0-or-later
// The random source: no byte is given twice, not out of the reserve, not by two threads, not after
// a fork.
#include "tls/library/random_source.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <thread>
#include <vector>

namespace culvert {
namespace {

using Bytes = std::array<unsigned char, 16>;

Bytes draw() {
  Bytes bytes{};
  EXPECT_EQ(culvertRandomBlock(bytes.data(), bytes.size()), 0);
  return bytes;
}

TEST(RandomSourceTest, NeverGivesTheSameBytesAgain) {
  std::set<Bytes> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(draw()).second);
}

TEST(RandomSourceTest, FillsEverySize) {
  // Around the reserve's size, and far above it: the last bytes count.
  for (const unsigned size : {1u, 12u, 255u, 256u, 257u, 100000u}) {
    std::vector<unsigned char> bytes(size + 1, 0xAA);
    int zeroTails = 0;
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(culvertRandomBlock(bytes.data(), size), 0);
      zeroTails += bytes[size - 1] == 0 ? 1 : 0;
    }
    EXPECT_LT(zeroTails, 8) << size;
    EXPECT_EQ(bytes[size], 0xAA) << size;
  }
  EXPECT_EQ(culvertRandomBlock(nullptr, 0), 0);
}

TEST(RandomSourceTest, ThreadsShareNothing) {
  draw();
  std::vector<Bytes> there;
  std::thread other([&there] {
    for (int i = 0; i < 16; ++i) there.push_back(draw());
  });
  other.join();
  std::set<Bytes> all(there.begin(), there.end());
  for (int i = 0; i < 16; ++i) all.insert(draw());
  EXPECT_EQ(all.size(), 32u);
}

TEST(RandomSourceTest, AForkedChildGetsOtherBytes) {
  draw();  // leaves a reserve that parent and child both hold
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Bytes bytes = draw();
    _exit(write(ends[1], bytes.data(), bytes.size()) == ssize_t(bytes.size()) ? 0 : 1);
  }
  Bytes theirs{};
  EXPECT_EQ(read(ends[0], theirs.data(), theirs.size()), ssize_t(theirs.size()));
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_NE(theirs, draw());
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace culvert
