// SPDX-License-Identifier: GPL-3.0-or-later
// A directory of keys and certificates made by the openssl command line, shared by all tests of a
// program.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>
#include <string>

#include "temp_dir.h"

namespace culvert {

/// Runs a shell command in the directory.
inline void runIn(const TempDir& dir, const std::string& command) {
  const std::string line = "cd " + dir.path() + " && (" + command + ") >>log 2>&1";
  ASSERT_EQ(std::system(line.c_str()), 0) << command << "\n" << dir.read("log");
}

/// Makes keys and certificates: ec.pem ec.key rsa.pem rsa.key
/// ed.pem ed.key, a chain leaf.pem (leaf + intermediate, key leaf.key) under root.pem, old.pem
/// (expired).
inline void makeTestKeys(const TempDir& dir) {
  const std::string san =
      " -addext subjectAltName=DNS:www.example.org,DNS:*.Wild.example.org,IP:127.0.0.1,IP:::1 ";
  runIn(dir,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "
        "'/C=DE/O=Culvert Test/CN=www.example.org' -keyout ec.key -out ec.pem" +
            san);
  runIn(dir,
        "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=www.example.org -keyout "
        "rsa.key -out rsa.pem" +
            san);
  runIn(dir,
        "openssl req -x509 -newkey ed25519 -nodes -days 30 -subj /CN=ed.example.org -keyout ed.key "
        "-out ed.pem");
  runIn(dir,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 30 -subj "
        "/CN=p384.example.org "
        "-keyout p384.key -out p384.pem");
  runIn(dir,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "
        "/CN=Root -keyout root.key "
        "-out root.pem;"
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Intermediate "
        "-keyout inter.key -out "
        "inter.csr;"
        "printf "
        "'basicConstraints=critical,CA:TRUE\\nsubjectKeyIdentifier=hash\\nauthorityKeyIdentifier="
        "keyid\\n' > "
        "ca.ext;"
        "openssl x509 -req -in inter.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 "
        "-extfile ca.ext -out "
        "inter.pem;"
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=leaf.example.org "
        "-keyout leaf.key -out "
        "leaf.csr;"
        "printf "
        "'subjectAltName=DNS:leaf.example.org\\nsubjectKeyIdentifier=hash\\nauthorityKeyIdentifier="
        "keyid\\n' > "
        "leaf.ext;"
        "openssl x509 -req -in leaf.csr -CA inter.pem -CAkey inter.key -CAcreateserial -days 30 "
        "-extfile leaf.ext -out "
        "leaf-only.pem && cat leaf-only.pem inter.pem > leaf.pem && cat inter.pem leaf-only.pem > "
        "reversed.pem && cat "
        "leaf-only.pem root.pem > gap.pem && cat ec.pem ec.key > both.pem");
  runIn(dir,
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=old.example.org "
        "-keyout old.key -out "
        "old.csr; openssl ca -help; mkdir ca && : > ca/index && echo 01 > ca/serial && printf "
        "'[ca]\\ndefault_ca=d\\n[d]\\ndatabase=ca/index\\nserial=ca/"
        "serial\\nnew_certs_dir=ca\\ndefault_md=sha256\\n"
        "policy=p\\n[p]\\ncommonName=supplied\\n' > ca.cnf && openssl ca -batch -config ca.cnf "
        "-selfsign -keyfile "
        "old.key -in old.csr -startdate 20200101000000Z -enddate 20200201000000Z -notext -out "
        "old.pem");
}

/// What makeTestKeys() makes, once for all tests of the binary.
inline const TempDir& testKeys() {
  static const TempDir dir;
  static std::once_flag made;
  std::call_once(made, [] { makeTestKeys(dir); });
  return dir;
}

}  // namespace culvert
