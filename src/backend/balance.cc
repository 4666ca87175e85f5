// SPDX-License-Identifier: GPL-3.0-or-later
// See balance.h.
#include "backend/balance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace culvert {
namespace {

/// FNV-1a.
uint64_t hashBytes(uint64_t state, const void* data, size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < size; ++i) state = (state ^ bytes[i]) * 0x100000001b3;
  return state;
}

/// The last step of splitmix64, so that every bit of the result depends on every bit of `x`.
uint64_t scramble(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

uint64_t hashAddress(const SocketAddress& address, bool withPort) {
  uint64_t state = 0xcbf29ce484222325;
  if (address.isIpv4()) {
    state = hashBytes(state, &address.v4().sin_addr, sizeof(in_addr));
  } else if (address.isIpv6()) {
    state = hashBytes(state, &address.v6().sin6_addr, sizeof(in6_addr));
  } else {
    state = hashBytes(state, address.path().data(), address.path().size());
  }
  const uint16_t port = withPort ? address.port() : 0;
  const unsigned char bytes[] = {static_cast<unsigned char>(port >> 8),
                                 static_cast<unsigned char>(port)};
  return scramble(hashBytes(state, bytes, sizeof bytes));
}

/// Converts a random number into a number above 0 and below 1.
double fractionOf(uint64_t number) { return (static_cast<double>(number >> 11) + 0.5) * 0x1p-53; }

/// Returns the indexes, the one with the largest value first. Equal values keep their order.
template <class Value>
std::vector<size_t> largestFirst(const std::vector<Value>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return values[a] > values[b]; });
  return order;
}

/// True if `a` has less to do than `b`; `extra` tunnels are added to each.
bool lessLoaded(const Balancer::Entry& a, const Balancer::Entry& b, uint64_t extra) {
  return (a.open + extra) * b.weight < (b.open + extra) * a.weight;
}

std::vector<size_t> byRendezvous(const std::vector<Balancer::Entry>& entries, uint64_t client) {
  std::vector<double> scores;
  for (const Balancer::Entry& entry : entries) {
    const double chance = fractionOf(scramble(entry.key ^ client * 0x9e3779b97f4a7c15));
    scores.push_back(-static_cast<double>(entry.weight) / std::log(chance));
  }
  return largestFirst(scores);
}

}  // namespace

uint64_t addressKey(const SocketAddress& address) { return hashAddress(address, true); }

uint64_t hostKey(const SocketAddress& address) { return hashAddress(address, false); }

double Balancer::unit() { return fractionOf(random_()); }

/// Smooth weighted round-robin: each address gains its weight, and the chosen one pays for all.
std::vector<size_t> Balancer::byTurn(std::vector<Entry>& entries) {
  int64_t total = 0;
  std::vector<int64_t> turns;
  for (Entry& entry : entries) {
    entry.turn += entry.weight;
    total += entry.weight;
    turns.push_back(entry.turn);
  }
  std::vector<size_t> order = largestFirst(turns);
  entries[order.front()].turn -= total;
  return order;
}

/// A random order in which the first address, and each next one of the rest, is drawn by weight
/// (Efraimidis and Spirakis).
std::vector<size_t> Balancer::byChance(const std::vector<Entry>& entries) {
  std::vector<double> draws;
  for (const Entry& entry : entries)
    draws.push_back(std::log(unit()) / static_cast<double>(entry.weight));
  return largestFirst(draws);
}

std::vector<size_t> Balancer::order(Balance how, std::vector<Entry>& entries, uint64_t client) {
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (entries.size() < 2) return order;
  switch (how) {
    case Balance::kFirst:
      break;
    case Balance::kRoundRobin:
      return byTurn(entries);
    case Balance::kLeast:
      order = byTurn(entries);
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return lessLoaded(entries[a], entries[b], 1); });
      break;
    case Balance::kRandom2:
      order = byChance(entries);
      if (lessLoaded(entries[order[1]], entries[order[0]], 0)) std::swap(order[0], order[1]);
      break;
    case Balance::kSourceHash:
      return byRendezvous(entries, client);
  }
  return order;
}

}  // namespace culvert
