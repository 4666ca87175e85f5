// SPDX-License-Identifier: GPL-3.0-or-later
// Which files of a directory belong together, by name.
#include "tls/credentials/certificate_files.h"

#include <gtest/gtest.h>

#include "temp_dir.h"

namespace culvert {
namespace {

std::vector<std::string> listed(const TempDir& dir, const std::string& phrase = "") {
  const auto found = listCertificates(dir.path(), phrase);
  EXPECT_TRUE(found) << found.error().text;
  std::vector<std::string> out;
  if (!found) return out;
  const size_t skip = dir.path().size() + 1;
  for (const CertificateFiles& files : *found) {
    out.push_back(files.cert.substr(skip));
    if (!files.key.empty()) out.back() += "+" + files.key.substr(skip);
    if (!files.passphrase.empty()) out.back() += "+" + files.passphrase;
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST(CertificateFilesTest, PairsByNameAndSorted) {
  TempDir dir;
  for (const char* name : {"b.pem", "a.crt", "a.key", "c.cer", "c.key", "notes.txt", ".hidden.pem",
                           "b.pem.ocsp", "alone.key", ".pem"})
    dir.write(name, "");
  EXPECT_EQ(listed(dir), (Lines{"a.crt+a.key", "b.pem", "c.cer+c.key"}));
  EXPECT_EQ(listed(dir, "/phrase")[1], "b.pem+/phrase");
}

TEST(CertificateFilesTest, KnownPairsOneLevelDown) {
  TempDir dir;
  for (const char* name : {"one/fullchain.pem", "one/privkey.pem", "one/chain.pem", "two/tls.crt",
                           "two/tls.key", "three/other.pem", "four/fullchain.pem", "top.pem"})
    dir.write(name, "");
  EXPECT_EQ(listed(dir),
            (Lines{"one/fullchain.pem+one/privkey.pem", "top.pem", "two/tls.crt+two/tls.key"}));
}

TEST(CertificateFilesTest, TheDirectoryItselfMayBeOneOfThose) {
  TempDir dir;
  for (const char* name : {"fullchain.pem", "privkey.pem", "cert.pem", "chain.pem"})
    dir.write(name, "");
  EXPECT_EQ(listed(dir), (Lines{"fullchain.pem+privkey.pem"}));
}

TEST(CertificateFilesTest, AMissingDirectoryIsAnError) {
  TempDir dir;
  const auto found = listCertificates(dir / "none", "");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().text.find(dir / "none"), std::string::npos);
  EXPECT_TRUE(listed(dir).empty());
}

}  // namespace
}  // namespace culvert
