// SPDX-License-Identifier: GPL-3.0-or-later
// A CA for tests that need certificates with chosen dates, names and faults. It has a root, an
// intermediate that issues, and revocation lists.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

#include "temp_dir.h"
#include "unit/tls/support/test_keys.h"

namespace culvert {

inline constexpr int64_t kTestDay = 86400;

/// "20261118100000Z", so many seconds from now.
inline std::string testDate(int64_t fromNow) {
  const std::time_t at = std::time(nullptr) + fromNow;
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &parts);
  return text;
}

/// A server certificate; as it stands here clients accept it.
struct TestLeaf {
  enum class Chain : uint8_t {
    kWhole,     ///< the certificate and its issuer
    kLeafOnly,  ///< the issuer is missing
    kGap,       ///< the root, where the issuer belongs
  };

  std::string names = "DNS:www.example.org";  ///< empty: none
  std::string extensions = "extendedKeyUsage=serverAuth";
  int64_t from = -kTestDay;  ///< seconds from now
  int64_t until = 90 * kTestDay;
  Chain chain = Chain::kWhole;
};

class TestCa {
 public:
  /// The one of this program.
  static const TestCa& shared() {
    static const TestCa ca;
    return ca;
  }

  TestCa() {
    dir_.write("index", "");
    dir_.write("ca.cnf",
               "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nrand_serial=yes\nnew_certs_dir=.\n"
               "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
               "[req]\ndistinguished_name=n\n[n]\n");
    dir_.write("ca.ext",
               "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
               "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    makeRequest("root");
    makeRequest("inter");
    for (size_t i = 0; i < kKeys; ++i) makeRequest("leaf" + std::to_string(i));
    runIn(dir_, sign("root", "Test Root", "-selfsign -keyfile root.key", "ca.ext",
                     {.until = 900 * kTestDay}));
    runIn(dir_, sign("inter", "Test Intermediate", "-cert root.pem -keyfile root.key", "ca.ext",
                     {.until = 800 * kTestDay}));
  }

  /// Writes NAME.pem and NAME.key into the directory. Certificates that follow each other have
  /// different keys.
  void issue(const TempDir& into, const std::string& name, const TestLeaf& leaf = {}) const {
    const std::string file = "leaf" + std::to_string(next_++ % kKeys);
    dir_.write("leaf.ext", "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" +
                               leaf.extensions + "\n" +
                               (leaf.names.empty() ? "" : "subjectAltName=" + leaf.names + "\n"));
    runIn(dir_, sign(file, name, "-cert inter.pem -keyfile inter.key", "leaf.ext", leaf));
    std::string chain = dir_.read(file + ".pem");
    if (leaf.chain == TestLeaf::Chain::kWhole) chain += dir_.read("inter.pem");
    if (leaf.chain == TestLeaf::Chain::kGap) chain += dir_.read("root.pem");
    into.write(name + ".pem", chain);
    into.write(name + ".key", dir_.read(file + ".key"));
  }

  /// Writes a self-signed CA certificate that ends so many seconds from now.
  void makeAnchor(const TempDir& into, const std::string& name, int64_t until) const {
    makeRequest("anchor");
    runIn(dir_, sign("anchor", name, "-selfsign -keyfile anchor.key", "ca.ext",
                     {.from = -300 * kTestDay, .until = until}));
    into.write(name + ".pem", dir_.read("anchor.pem"));
  }

  /// Writes the root's revocation list with these dates, seconds from now.
  void writeList(const TempDir& into, const std::string& name, int64_t thisUpdate,
                 int64_t nextUpdate) const {
    runIn(dir_,
          "openssl ca -config ca.cnf -cert root.pem -keyfile root.key -gencrl -crl_lastupdate " +
              testDate(thisUpdate) + " -crl_nextupdate " + testDate(nextUpdate) + " -out list.pem");
    into.write(name, dir_.read("list.pem"));
  }

  /// Writes the intermediate's OCSP response for the certificate at `path` beside it.
  void writeResponse(const TempDir& into, const std::string& name, bool revoked = false) const {
    dir_.write("asked.pem", into.read(name + ".pem"));
    const std::string state =
        revoked ? "R\\t401231235959Z\\t200101000000Z" : "V\\t401231235959Z\\t";
    runIn(dir_, "printf '" + state +
                    "\\t%s\\tunknown\\t/CN=x\\n' $(openssl x509 -noout -serial -in asked.pem | cut "
                    "-d= -f2) >responses && "
                    "openssl ocsp -issuer inter.pem -cert asked.pem -no_nonce -reqout asked.req && "
                    "openssl ocsp -index responses -rsigner inter.pem -rkey inter.key -CA "
                    "inter.pem -resp_no_certs -nmin 60 -reqin asked.req -respout response");
    into.write(name + ".pem.ocsp", dir_.read("response"));
  }

  std::string rootPem() const { return dir_.read("root.pem"); }
  std::string intermediatePem() const { return dir_.read("inter.pem"); }

 private:
  static constexpr size_t kKeys = 8;

  void makeRequest(const std::string& file) const {
    runIn(dir_,
          "openssl req -config ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "
          "/CN=x -keyout " +
              file + ".key -out " + file + ".csr");
  }
  static std::string sign(const std::string& file, const std::string& subject,
                          const std::string& by, const std::string& extensions,
                          const TestLeaf& dates) {
    return "openssl ca -batch -notext -config ca.cnf " + by + " -in " + file +
           ".csr -subj '/CN=" + subject + "' -extfile " + extensions + " -startdate " +
           testDate(dates.from) + " -enddate " + testDate(dates.until) + " -out " + file + ".pem";
  }

  TempDir dir_;
  mutable size_t next_ = 0;
};

}  // namespace culvert
