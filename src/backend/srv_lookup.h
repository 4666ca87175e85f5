// SPDX-License-Identifier: GPL-3.0-or-later
// Looks up DNS SRV records (RFC 2782): which hosts and ports offer a service of a domain, in which
// order and with which weights. querySrv() asks the name servers of the system through libresolv;
// the rest is pure. Thread: any.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"

namespace culvert {

struct SrvRecord {
  uint16_t priority = 0;  ///< the lowest first
  uint16_t weight = 0;
  uint16_t port = 0;
  std::string target;  ///< a host name, without a final dot
  bool operator==(const SrvRecord&) const = default;
};

struct SrvAnswer {
  /// culvert uses so many records of an answer.
  static constexpr size_t kMostRecords = 64;

  std::vector<SrvRecord> records;  ///< by priority, then by weight (the greatest first); not empty
  Millis ttl{0};                   ///< the shortest of all records that led to them
};

/// Where an address of a target comes from.
struct AddressRank {
  uint16_t priority = 0;
  uint16_t weight = 0;
  bool operator==(const AddressRank&) const = default;
};

/// The addresses of a backend. For an SRV name they are ordered by priority, then by weight.
struct TargetSet {
  AddressSet addresses;
  std::vector<AddressRank> ranks;  ///< of an SRV name: one for each address; otherwise empty
};

/// Reads the answer of a name server to the question for the SRV records of `name`. Follows CNAMEs
/// in it. The error says why there are no records, without naming `name`.
Result<SrvAnswer> parseSrvAnswer(std::span<const uint8_t> packet, const std::string& name);

/// Asks for the SRV records of `name`. Blocks for seconds if DNS is slow.
Result<SrvAnswer> querySrv(const std::string& name);

using HostToAddresses = std::function<Result<AddressSet>(const std::string& host, uint16_t port)>;

/// Looks up the addresses of all targets with `lookup`. A target that cannot be resolved is left out.
/// Fails if none can be resolved.
Result<TargetSet> resolveTargets(const SrvAnswer& answer, const HostToAddresses& lookup);

/// Asks for the SRV records of `name` and looks up their targets with the system's resolver.
Result<TargetSet> resolveSrv(const std::string& name);

}  // namespace culvert
