// SPDX-License-Identifier: GPL-3.0-or-later
// See service_limits.h.
#include "limit/service_limits.h"

namespace culvert {

std::string_view limitWord(TunnelLimit limit) {
  switch (limit) {
    case TunnelLimit::kMaxTunnels:
      return "max-tunnels";
    case TunnelLimit::kMaxTunnelsPerSource:
      return "max-tunnels-per-source";
    case TunnelLimit::kTunnelRate:
      break;
  }
  return "tunnel-rate";
}

void LimitHold::release() {
  if (TunnelLimits* limits = std::exchange(limits_, nullptr))
    limits->leave(source_, inTable_, false);
}

void LimitHold::takeBack() {
  if (TunnelLimits* limits = std::exchange(limits_, nullptr))
    limits->leave(source_, inTable_, true);
}

TunnelLimits::~TunnelLimits() { delete table_.load(); }

/// Only one thread (control) calls this.
void TunnelLimits::setLimits(const TunnelLimitSettings& settings) {
  const bool bySource = settings.maxTunnelsPerSource != 0 || settings.tunnelRate != 0;
  if (bySource && table_.load() == nullptr)
    table_.store(new SourceTable, std::memory_order_release);
  maxTunnels_.store(settings.maxTunnels, std::memory_order_relaxed);
  // Released, so that a reader of the numbers also sees the table.
  maxTunnelsPerSource_.store(settings.maxTunnelsPerSource, std::memory_order_release);
  tunnelRate_.store(settings.tunnelRate, std::memory_order_release);
}

LimitHold TunnelLimits::takePlace() {
  const uint64_t most = maxTunnels_.load(std::memory_order_relaxed);
  const size_t before = open_.fetch_add(1);
  if (most == 0 || before < most) return LimitHold(*this, {}, false);
  leave({}, false, false);  // wakes a listener that saw the count too high
  return {};
}

tl::expected<LimitHold, TunnelLimit> TunnelLimits::enter(const SocketAddress& client, TimePoint now,
                                                         LimitHold place) {
  const bool counts = scope_ == Scope::kService;
  if (place.limits_ != this) place.release();  // of the listener's service before a reload
  if (counts && !place) place = takePlace();
  if (counts && !place) return tl::unexpected(TunnelLimit::kMaxTunnels);
  const SourceTable::Limits limits = sourceLimits();
  SourceTable* table =
      limits.open != 0 || limits.rate != 0 ? table_.load(std::memory_order_acquire) : nullptr;
  if (table == nullptr) return place;
  const SourceKey source = SourceKey::of(client);
  const SourceTable::Verdict verdict = table->enter(source, limits, now);
  if (verdict == SourceTable::Verdict::kTooMany)
    return tl::unexpected(TunnelLimit::kMaxTunnelsPerSource);
  if (verdict == SourceTable::Verdict::kTooFast) return tl::unexpected(TunnelLimit::kTunnelRate);
  place.limits_ = this;
  place.source_ = source;
  place.inTable_ = true;
  return place;
}

void TunnelLimits::leave(const SourceKey& source, bool inTable, bool takeBack) {
  if (inTable) {
    SourceTable& table = *table_.load(std::memory_order_acquire);
    takeBack ? table.takeBack(source, sourceLimits()) : table.leave(source);
  }
  if (scope_ != Scope::kService) return;
  open_.fetch_sub(1);
  if (waiting_.load() && waiting_.exchange(false)) wake_();
}

}  // namespace culvert
