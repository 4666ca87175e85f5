// SPDX-License-Identifier: GPL-3.0-or-later
// See handshake_gate.h.
#include "limit/handshake_gate.h"

#include <algorithm>

namespace culvert {

HandshakeGate::Entry HandshakeGate::enter(Passenger& passenger, const SourceKey& network) {
  if (queue_.empty() && takeToken()) return Entry::kPassed;
  const size_t most = std::max<size_t>(rate_->rate() * kMostWaitSeconds, kLeastWaiting);
  timer_.armBy(reserved_);
  return queue_.push(passenger, network, most) ? Entry::kWaits : Entry::kRefused;
}

/// Uses the reserved token if its time has come. A token that nobody wanted when its time came is
/// kept for the next handshake.
bool HandshakeGate::takeToken() {
  const TimePoint now = loop_.now();
  if (reserved_ == kNever || !rate_->limited()) reserved_ = rate_->reserve(now);
  if (reserved_ > now) return false;
  reserved_ = kNever;
  return true;
}

void HandshakeGate::onTimer() {
  while (!queue_.empty() && takeToken()) static_cast<Passenger&>(queue_.pop()).onPassed();
  if (!queue_.empty()) timer_.armBy(reserved_);
}

HandshakeTurn::State HandshakeTurn::ask(void* context, Callback onSettled) {
  context_ = context;
  onSettled_ = onSettled;
  proceed();
  return state_;
}

void HandshakeTurn::onPassed() {
  ++next_;
  proceed();
  if (state_ != State::kWaits) onSettled_(context_);
}

/// Enters the gates that are left, until one makes the handshake wait.
void HandshakeTurn::proceed() {
  for (; next_ < std::size(gates_); ++next_) {
    if (gates_[next_] == nullptr) continue;
    switch (gates_[next_]->enter(*this, network_)) {
      case HandshakeGate::Entry::kPassed:
        break;
      case HandshakeGate::Entry::kWaits:
        state_ = State::kWaits;
        return;
      case HandshakeGate::Entry::kRefused:
        state_ = State::kRefused;
        return;
    }
  }
  state_ = State::kPassed;
}

void HandshakeTurn::charge(TimePoint now) {
  for (HandshakeGate* gate : gates_)
    if (gate != nullptr) gate->rate().charge(now);
  state_ = State::kPassed;
}

std::unique_ptr<HandshakeTurn> HandshakeGates::turnFor(
    const std::shared_ptr<HandshakeRate>& service, const SocketAddress& client) {
  const bool byService = service != nullptr && service->limited();
  const bool byProcess = process_ != nullptr && process_->limited();
  if (!byService && !byProcess) return nullptr;
  return std::make_unique<HandshakeTurn>(byService ? gateOf(service) : nullptr,
                                         byProcess ? gateOf(process_) : nullptr, client);
}

HandshakeGate* HandshakeGates::gateOf(const std::shared_ptr<HandshakeRate>& rate) {
  const auto found = gates_.find(rate.get());
  if (found != gates_.end() && !found->second->abandoned()) return found->second.get();
  // The gates of services that a reload has removed are needed no more.
  std::erase_if(gates_, [](const auto& entry) { return entry.second->abandoned(); });
  auto made = std::make_unique<HandshakeGate>(loop_, rate);
  return gates_.emplace(rate.get(), std::move(made)).first->second.get();
}

}  // namespace culvert
