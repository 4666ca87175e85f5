// SPDX-License-Identifier: GPL-3.0-or-later
// See ticket_keeper.h.
#include "tls/session/ticket_keeper.h"

#include <algorithm>
#include <chrono>
#include <new>

#include "base/big_endian.h"

namespace culvert {
namespace {

constexpr uint32_t kLongestLife = 7 * 86400;  // RFC 8446 4.6.1
constexpr size_t kFixedPart = 4 + 4 + 1;      // lifetime, age_add, length of the nonce

int64_t wallMillis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::unique_ptr<StoredSession> readTicket(std::span<const uint8_t> body, const StoredSession& like,
                                          int64_t nowMillis) {
  if (body.size() < kFixedPart) return nullptr;
  auto made = std::make_unique<StoredSession>();
  made->lifetime = u32At(body, 0);
  made->ageAdd = u32At(body, 4);
  const size_t nonce = body[8];
  body = body.subspan(kFixedPart);
  if (body.size() < nonce + 2) return nullptr;
  made->nonce.assign(body.begin(), body.begin() + static_cast<ptrdiff_t>(nonce));
  body = body.subspan(nonce);
  const size_t ticket = u16At(body, 0);
  if (ticket == 0 || body.size() < 2 + ticket + 2) return nullptr;
  if (u16At(body, 2 + ticket) != body.size() - (2 + ticket + 2)) return nullptr;  // extensions
  made->ticket.assign(body.begin() + 2, body.begin() + static_cast<ptrdiff_t>(2 + ticket));
  if (made->lifetime == 0 || made->lifetime > kLongestLife) return nullptr;
  made->suite = like.suite;
  made->group = like.group;
  made->secret = like.secret;
  made->secretSize = like.secretSize;
  made->receivedMillis = nowMillis;
  made->certificateEnd = like.certificateEnd;
  made->validUntil = std::min<int64_t>(like.validUntil, nowMillis / 1000 + made->lifetime);
  return made;
}

void TicketKeeper::onTicket(std::span<const uint8_t> body) {
  if (!like_) return;
  try {
    auto session = readTicket(body, *like_, wallMillis());
    if (!session) return;
    pool_.put(key_, std::move(session));
    if (++taken_ == kMostTickets) like_.reset();
  } catch (const std::bad_alloc&) {  // the session goes on; the next one is a full handshake
  }
}

}  // namespace culvert
