// SPDX-License-Identifier: GPL-3.0-or-later
// Builds ClientHellos byte by byte for the tests of the parser: a sound one, to be bent at one
// place.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tls/hello/hello_gatherer.h"

namespace culvert {

using Bytes = std::vector<uint8_t>;

inline void put16(Bytes& out, size_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// `contents` behind a length of one or two bytes.
inline Bytes vector8(const Bytes& contents) {
  Bytes out{static_cast<uint8_t>(contents.size())};
  return out + contents;
}

inline Bytes vector16(const Bytes& contents) {
  Bytes out;
  put16(out, contents.size());
  return out + contents;
}

inline Bytes numbers(std::initializer_list<uint16_t> list) {
  Bytes out;
  for (uint16_t value : list) put16(out, value);
  return out;
}

inline Bytes text(std::string_view from) { return Bytes(from.begin(), from.end()); }

struct HelloBuilder {
  uint16_t legacyVersion = 0x0303;
  Bytes sessionId = Bytes(32, 7);
  Bytes suites = numbers({0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f});
  Bytes compression = {0};
  std::vector<std::pair<uint16_t, Bytes>> extensions;
  bool withExtensions = true;
  Bytes tail;  // garbage behind the extensions, inside the message

  static Bytes serverName(std::string_view name) {
    return vector16(Bytes{0} + vector16(text(name)));
  }
  static Bytes alpn(std::initializer_list<std::string_view> names) {
    Bytes list;
    for (std::string_view name : names) list = list + vector8(text(name));
    return vector16(list);
  }
  static Bytes keyShare(uint16_t group, size_t size) {
    Bytes out;
    put16(out, group);
    return out + vector16(Bytes(size, 4));
  }

  /// What a current browser sends, roughly.
  static HelloBuilder modern() {
    HelloBuilder hello;
    hello.add(0x0a0a, {});  // GREASE
    hello.add(0, serverName("www.Example.org"));
    hello.add(23, {});
    hello.add(0xff01, {0});
    hello.add(10, vector16(numbers({0x0a0a, 0x11ec, 0x001d, 0x0017, 0x0018})));
    hello.add(11, {1, 0});
    hello.add(35, {});
    hello.add(16, alpn({"h2", "http/1.1"}));
    hello.add(13, vector16(numbers({0x0403, 0x0804, 0x0401})));
    hello.add(51, vector16(keyShare(0x11ec, 1216) + keyShare(0x001d, 32)));
    hello.add(45, {1, 1});
    hello.add(43, vector8(numbers({0x0a0a, 0x0304, 0x0303})));
    return hello;
  }

  /// TLS 1.2 without the extensions of 1.3.
  static HelloBuilder tls12() {
    HelloBuilder hello;
    hello.suites = numbers({0xc02b, 0xc02f, 0x002f});
    hello.add(0, serverName("www.example.org"));
    hello.add(10, vector16(numbers({0x001d, 0x0017})));
    hello.add(11, {1, 0});
    hello.add(13, vector16(numbers({0x0403, 0x0401})));
    return hello;
  }

  HelloBuilder& add(uint16_t type, const Bytes& body) {
    extensions.emplace_back(type, body);
    return *this;
  }
  /// Replaces the body of an extension that is there, or adds it.
  HelloBuilder& set(uint16_t type, const Bytes& body) {
    for (auto& extension : extensions) {
      if (extension.first != type) continue;
      extension.second = body;
      return *this;
    }
    return add(type, body);
  }
  HelloBuilder& remove(uint16_t type) {
    std::erase_if(extensions, [type](const auto& extension) { return extension.first == type; });
    return *this;
  }

  Bytes body() const {
    Bytes out;
    put16(out, legacyVersion);
    out = out + Bytes(32, 0x5a) + vector8(sessionId) + vector16(suites) + vector8(compression);
    Bytes list;
    for (const auto& [type, bytes] : extensions) {
      put16(list, type);
      list = list + vector16(bytes);
    }
    if (withExtensions) out = out + vector16(list);
    return out + tail;
  }
  Bytes message() const {
    Bytes contents = body();
    Bytes out{1, static_cast<uint8_t>(contents.size() >> 16)};
    put16(out, contents.size());
    return out + contents;
  }
  /// Records of at most `fragment` bytes each.
  Bytes records(size_t fragment = 16384) const { return split(message(), fragment); }

  static Bytes split(const Bytes& message, size_t fragment) {
    Bytes out;
    for (size_t at = 0; at < message.size(); at += fragment) {
      size_t size = std::min(fragment, message.size() - at);
      out = out + Bytes{22, 3, 1};
      put16(out, size);
      out.insert(out.end(), message.begin() + static_cast<long>(at),
                 message.begin() + static_cast<long>(at + size));
    }
    return out;
  }
};

/// Parses the bytes of a connection. The views in `out` are good until the next call.
inline HelloResult parseClientHello(std::span<const uint8_t> bytes, ClientHello& out) {
  static HelloGatherer gatherer;
  gatherer = HelloGatherer();
  return gatherer.feed(bytes, out);
}

}  // namespace culvert
