// SPDX-License-Identifier: GPL-3.0-or-later
// See trust_review.h.
#include "worker/trust_review.h"

#include <new>

#include "event/callback.h"
#include "log/logger.h"
#include "worker/client_session.h"

namespace culvert {
namespace {

// How many tunnels are judged per turn. Judging a tunnel takes some microseconds.
constexpr size_t kSlice = 256;

/// The version of `service` in `changed`, if its trust has changed; else nullptr.
std::shared_ptr<const Service> newestOf(const Service& service,
                                        const TrustReview::Services& changed) {
  if (service.tls == nullptr) return nullptr;
  for (const auto& now : changed)
    if (now->profile->name == service.profile->name &&
        now->tls->settings->peerAuth != service.tls->settings->peerAuth)
      return now;
  return nullptr;
}

}  // namespace

TrustReview::TrustReview(EventLoop& loop, Logger& logger, TunnelSet& tunnels)
    : loop_(loop),
      logger_(logger),
      tunnels_(tunnels),
      timer_(loop, this, call<&TrustReview::step>) {}

void TrustReview::begin(const Services& services) {
  for (const auto& service : services) {
    services_.erase(service->profile->name);  // erase first, because the old key is a view into the
                                              // previous service
    services_.emplace(service->profile->name, service);
  }
  walk_.begin(tunnels_);
  step();
}

void TrustReview::renew(std::shared_ptr<const Entrance>& entrance, const Services& changed) {
  std::shared_ptr<Entrance> renewed;
  for (size_t i = 0; i < entrance->services.size(); ++i) {
    const auto newest = newestOf(*entrance->services[i], changed);
    if (newest == nullptr) continue;
    if (renewed == nullptr) renewed = std::make_shared<Entrance>(*entrance);
    renewed->services[i] = newest;
  }
  if (renewed != nullptr) entrance = std::move(renewed);
}

/// Judges the next slice of tunnels. Tunnels that are added meanwhile have the new settings already.
void TrustReview::step() {
  for (size_t i = 0; i < kSlice; ++i) {
    Tunnel* tunnel = walk_.next();
    if (tunnel == nullptr) return finish();
    judgeSafely(*tunnel);
  }
  try {
    return timer_.armBy(loop_.now());
  } catch (const std::bad_alloc&) {  // without a timer, this turn judges all tunnels
  }
  while (Tunnel* tunnel = walk_.next()) judgeSafely(*tunnel);
  finish();
}

/// If memory runs out, culvert closes the tunnel.
void TrustReview::judgeSafely(Tunnel& tunnel) {
  try {
    judge(tunnel);
  } catch (const std::bad_alloc&) {
    tunnel.close({CloseCause::kInternal, "", "out of memory"});
  }
}

void TrustReview::judge(Tunnel& tunnel) {
  auto& session = static_cast<ClientSession&>(tunnel.host());
  const auto found = services_.find(session.profile().name);
  if (found == services_.end()) return;
  const Service& service = *found->second;
  const bool live = session.established();
  const PeerVerdict verdict = session.applyTrust(service.tls);
  if (verdict) return;
  if (verdict.ours && live) {
    ++undecided_;
  } else if (live && service.profile->keepRevoked) {
    ++kept_;
  } else {
    ++closed_;
    tunnel.close({CloseCause::kClientRevoked, "", verdict.reason});
  }
}

void TrustReview::finish() {
  if (closed_ + kept_ + undecided_ != 0) {
    const LogLevel level = undecided_ != 0 ? LogLevel::kWarning : LogLevel::kNotice;
    logger_.tell(level, [&] {
      LogLine line(level, "clients were verified again, because CAs, CRLs or allow rules changed");
      return line.add("closed", closed_).add("kept", kept_).add("not_decided", undecided_);
    });
  }
  closed_ = kept_ = undecided_ = 0;
  services_.clear();
}

}  // namespace culvert
