// SPDX-License-Identifier: GPL-3.0-or-later
// See route_lookup.h.
#include "route/route_lookup.h"

#include <algorithm>
#include <bit>

#include "base/big_endian.h"

namespace culvert {
namespace {

constexpr uint32_t kHashSeed = 2166136261U;  // FNV-1a, 32 bits
constexpr size_t kFewTexts = 4;              // searched one by one, without a table
constexpr AddressNumber kLastAddress = ~AddressNumber(0);

inline uint32_t mixed(uint32_t hash, char c) {
  return (hash ^ static_cast<uint8_t>(c)) * 16777619U;
}

inline size_t slotOf(uint32_t hash, size_t slots) { return (hash ^ hash >> 15) & (slots - 1); }

uint32_t hashFromEnd(std::string_view text) {
  uint32_t hash = kHashSeed;
  for (size_t i = text.size(); i > 0; --i) hash = mixed(hash, text[i - 1]);
  return hash;
}

}  // namespace

AddressNumber numberOf(const AddressBytes& bytes) {
  return AddressNumber(u64At(bytes.data())) << 64 | u64At(bytes.data() + 8);
}

AddressRange rangeOf(const Network& network) {
  const AddressNumber first = numberOf(network.bytes);
  const AddressNumber rest = network.bits == 128 ? 0 : kLastAddress >> network.bits;
  return {first, first | rest};
}

int NumberMap::find(uint16_t number) const {
  const auto at = std::lower_bound(keys_.begin(), keys_.end(), number);
  return at != keys_.end() && *at == number ? static_cast<int>(at - keys_.begin()) : -1;
}

/// The keys are sorted by their first address, and a network stands before the ones inside it. So
/// `open` is the stack of the networks around the current address.
PrefixMap::PrefixMap(std::vector<Network> keys) : keys_(std::move(keys)) {
  std::vector<int> open;
  beginRange(0, -1);
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i].unixSockets) {
      unix_ = static_cast<int>(i);
      continue;
    }
    const AddressNumber first = rangeOf(keys_[i]).first;
    endNetworksBefore(&first, open);
    open.push_back(static_cast<int>(i));
    beginRange(first, open.back());
  }
  endNetworksBefore(nullptr, open);
}

/// Closes the networks that end before `next`, or all of them.
void PrefixMap::endNetworksBefore(const AddressNumber* next, std::vector<int>& open) {
  while (!open.empty()) {
    const AddressNumber last = rangeOf(keys_[static_cast<size_t>(open.back())]).last;
    if (next != nullptr && last >= *next) return;
    open.pop_back();
    if (last != kLastAddress) beginRange(last + 1, open.empty() ? -1 : open.back());
  }
}

void PrefixMap::beginRange(AddressNumber first, int owner) {
  if (!starts_.empty() && starts_.back() == first) {
    owners_.back() = owner;
    return;
  }
  starts_.push_back(first);
  owners_.push_back(owner);
}

int PrefixMap::find(const SocketAddress& address) const {
  if (address.isUnix()) return unix_;
  if (!address.isIpv4() && !address.isIpv6()) return -1;
  const AddressNumber number = numberOf(bytesOf(address));
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), number);
  return owners_[static_cast<size_t>(next - starts_.begin()) - 1];
}

std::vector<std::vector<AddressRange>> PrefixMap::ranges() const {
  std::vector<std::vector<AddressRange>> all(keys_.size() + 1);
  for (size_t i = 0; i < starts_.size(); ++i) {
    const AddressNumber last = i + 1 < starts_.size() ? starts_[i + 1] - 1 : kLastAddress;
    auto& of = owners_[i] < 0 ? all.back() : all[static_cast<size_t>(owners_[i])];
    of.push_back({starts_[i], last});
  }
  return all;
}

TextMap::TextMap(std::vector<std::string> keys) : keys_(std::move(keys)) {
  for (const std::string& key : keys_) hasSuffixes_ = hasSuffixes_ || key.starts_with("*.");
  if (keys_.size() <= kFewTexts && !hasSuffixes_) return;
  slots_.resize(std::bit_ceil(keys_.size() * 2));
  for (size_t i = 0; i < keys_.size(); ++i) {
    const uint32_t hash = hashFromEnd(keys_[i]);
    size_t at = slotOf(hash, slots_.size());
    while (slots_[at].key >= 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {hash, static_cast<int32_t>(i)};
  }
}

template <class Equal>
int TextMap::probe(uint32_t hash, const Equal& equal) const {
  for (size_t at = slotOf(hash, slots_.size());; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.key < 0) return -1;
    if (slot.hash == hash && equal(keys_[static_cast<size_t>(slot.key)])) return slot.key;
  }
}

int TextMap::find(std::string_view text) const {
  if (slots_.empty()) {
    const auto at = std::find(keys_.begin(), keys_.end(), text);
    return at == keys_.end() ? -1 : static_cast<int>(at - keys_.begin());
  }
  return probe(hashFromEnd(text), [&](const std::string& key) { return key == text; });
}

/// Goes over the name from its end, so a longer suffix replaces a shorter one.
int TextMap::findName(std::string_view name) const {
  if (!hasSuffixes_) return find(name);
  int best = -1;
  uint32_t hash = kHashSeed;
  for (size_t i = name.size(); i > 0; --i) {
    const char c = name[i - 1];
    hash = mixed(hash, c);
    if (c != '.' || i == 1) continue;
    const std::string_view suffix = name.substr(i - 1);
    const int found = probe(mixed(hash, '*'), [&](const std::string& key) {
      return key.size() == suffix.size() + 1 && key.starts_with('*') && key.ends_with(suffix);
    });
    if (found >= 0) best = found;
  }
  const int exact = probe(hash, [&](const std::string& key) { return key == name; });
  return exact >= 0 ? exact : best;
}

}  // namespace culvert
