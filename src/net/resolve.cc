// SPDX-License-Identifier: GPL-3.0-or-later
// See resolve.h.
#include "net/resolve.h"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace culvert {

Result<AddressSet> resolveHost(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // AI_ADDRCONFIG is not set, because it hides the addresses of localhost if loopback is the only
  // interface. An unreachable address does no harm, because connect() fails at once and culvert
  // tries the next address.
  addrinfo* list = nullptr;
  errno = 0;
  int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (code == EAI_SYSTEM) return failErrno("cannot resolve " + host, errno);
  if (code != 0) return fail(fmt::format("cannot resolve {}: {}", host, gai_strerror(code)));
  AddressSet set;
  for (addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address = SocketAddress::fromSockaddr(entry->ai_addr, entry->ai_addrlen);
    address.setPort(port);
    bool usable = address.isIpv4() || address.isIpv6();
    if (usable && std::find(set.begin(), set.end(), address) == set.end()) set.push_back(address);
  }
  ::freeaddrinfo(list);
  if (set.empty())
    return fail(fmt::format("cannot resolve {}: it has no IPv4 or IPv6 address", host));
  interleaveFamilies(set);
  return set;
}

void interleaveFamilies(AddressSet& set) {
  if (set.empty()) return;
  const int family = set.front().family();
  const auto others = std::stable_partition(
      set.begin(), set.end(), [=](const SocketAddress& one) { return one.family() == family; });
  AddressSet mixed;
  for (auto first = set.begin(), second = others; first != others || second != set.end();) {
    if (first != others) mixed.push_back(std::move(*first++));
    if (second != set.end()) mixed.push_back(std::move(*second++));
  }
  set = std::move(mixed);
}

}  // namespace culvert
