// SPDX-License-Identifier: GPL-3.0-or-later
// Builds ServerHellos byte by byte, as answers to the hello of clientOffer(): sound ones, to be bent
// at one place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "unit/tls/support/hello_builder.h"

namespace culvert {

/// A hello as culvert sends to a backend, roughly.
inline HelloBuilder clientOffer() {
  HelloBuilder hello;
  hello.suites = numbers({0x1301, 0x1302, 0xc02f, 0x00ff});
  hello.add(0, HelloBuilder::serverName("backend.example.org"));
  hello.add(43, vector8(numbers({0x0304, 0x0303})));
  hello.add(10, vector16(numbers({0x001d, 0x0018})));
  hello.add(11, {1, 0});
  hello.add(13, vector16(numbers({0x0403, 0x0804})));
  hello.add(16, HelloBuilder::alpn({"h2", "http/1.1"}));
  hello.add(23, {});
  hello.add(35, {});
  hello.add(51, vector16(HelloBuilder::keyShare(0x001d, 32)));
  hello.add(45, {1, 1});
  hello.add(41, {0, 0});
  return hello;
}

struct ServerHelloBuilder {
  uint16_t version = 0x0303;
  Bytes random = Bytes(32, 0x3c);
  Bytes sessionId = Bytes(32, 7);  // as HelloBuilder
  uint16_t suite = 0x1301;
  uint8_t compression = 0;
  std::vector<std::pair<uint16_t, Bytes>> extensions;
  bool withExtensions = true;
  Bytes tail;  // garbage behind the extensions, inside the message

  static ServerHelloBuilder tls13() {
    ServerHelloBuilder hello;
    hello.add(43, {3, 4});
    hello.add(51, HelloBuilder::keyShare(0x001d, 32));
    return hello;
  }
  static ServerHelloBuilder tls12() {
    ServerHelloBuilder hello;
    hello.suite = 0xc02f;
    hello.add(11, {1, 0});
    return hello;
  }
  /// A HelloRetryRequest for P-384.
  static ServerHelloBuilder retry() {
    ServerHelloBuilder hello;
    hello.random = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                    0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    hello.add(43, {3, 4});
    hello.add(51, {0, 0x18});
    return hello;
  }

  /// Ends the random bytes with "DOWNGRD" and `last` (RFC 8446 4.1.3).
  void markDowngrade(uint8_t last) {
    const Bytes mark = text("DOWNGRD") + Bytes{last};
    std::copy(mark.begin(), mark.end(), random.end() - 8);
  }
  ServerHelloBuilder& add(uint16_t type, const Bytes& body) {
    extensions.emplace_back(type, body);
    return *this;
  }
  ServerHelloBuilder& set(uint16_t type, const Bytes& body) { return remove(type).add(type, body); }
  ServerHelloBuilder& remove(uint16_t type) {
    std::erase_if(extensions, [type](const auto& extension) { return extension.first == type; });
    return *this;
  }

  Bytes message() const {
    Bytes body;
    put16(body, version);
    body = body + random + vector8(sessionId);
    put16(body, suite);
    body.push_back(compression);
    Bytes list;
    for (const auto& [type, bytes] : extensions) {
      put16(list, type);
      list = list + vector16(bytes);
    }
    if (withExtensions) body = body + vector16(list);
    body = body + tail;
    return Bytes{2, 0} + vector16(body);
  }
};

}  // namespace culvert
