// SPDX-License-Identifier: GPL-3.0-or-later
// The three maps of a RouteNode: numbers, networks, texts. Each is built once from sorted, distinct
// keys and returns the index of a key, or -1. A search allocates nothing. Thread: any (frozen).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/network.h"

namespace culvert {

/// An IP address as a number; an IPv4 address is mapped.
__extension__ typedef unsigned __int128 AddressNumber;
AddressNumber numberOf(const AddressBytes& bytes);

/// All addresses from `first` to `last`.
struct AddressRange {
  AddressNumber first = 0;
  AddressNumber last = 0;
};
/// The addresses of a network that is not `unix`.
AddressRange rangeOf(const Network& network);

class NumberMap {
 public:
  explicit NumberMap(std::vector<uint16_t> keys) : keys_(std::move(keys)) {}
  int find(uint16_t number) const;
  const std::vector<uint16_t>& keys() const { return keys_; }

 private:
  std::vector<uint16_t> keys_;
};

/// Finds the longest network that contains an address, by one binary search: the networks cut the
/// address space into ranges, and each range belongs to one network.
class PrefixMap {
 public:
  explicit PrefixMap(std::vector<Network> keys);
  int find(const SocketAddress& address) const;
  const std::vector<Network>& keys() const { return keys_; }
  /// The index of `unix`, or -1.
  int unixKey() const { return unix_; }
  /// The ranges that belong to each key, in the order of the keys. The last element has the ranges
  /// that belong to no key.
  std::vector<std::vector<AddressRange>> ranges() const;

 private:
  void beginRange(AddressNumber first, int owner);
  void endNetworksBefore(const AddressNumber* next, std::vector<int>& open);

  std::vector<Network> keys_;
  std::vector<AddressNumber> starts_;  // sorted; a range ends before the next one begins
  std::vector<int> owners_;            // of each range: the index of a key, or -1
  int unix_ = -1;
};

/// Names and protocols, in a hash table with open addressing. The hash of a text is computed from
/// its end, so that one pass over a name gives the hashes of all its suffixes. Few keys have no
/// table.
class TextMap {
 public:
  explicit TextMap(std::vector<std::string> keys);
  /// The key that equals the text.
  int find(std::string_view text) const;
  /// The key that equals the name, or the longest `*.suffix` that covers it.
  int findName(std::string_view name) const;
  const std::vector<std::string>& keys() const { return keys_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t key = -1;
  };
  template <class Equal>
  int probe(uint32_t hash, const Equal& equal) const;

  std::vector<std::string> keys_;
  std::vector<Slot> slots_;  // a power of two, at least twice as many as keys; none for few keys
  bool hasSuffixes_ = false;
};

}  // namespace culvert
