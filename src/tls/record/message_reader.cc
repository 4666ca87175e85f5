// SPDX-License-Identifier: GPL-3.0-or-later
// See message_reader.h.
#include "tls/record/message_reader.h"

#include <algorithm>

#include "base/big_endian.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/wire.h"

namespace culvert {
namespace {

// The longest body of a message that culvert reads over. A longer ClientHello is refused at the
// start of a connection, too.
constexpr uint32_t kLongestBody = 128 * 1024;

using Step = MessageReader::Step;

constexpr Step badMessage(uint8_t alert, std::string_view reason) {
  return {MessageReader::Event::kRefuse, alert, reason};
}

}  // namespace

/// Judges a message by its type, as soon as its first byte has arrived.
Step MessageReader::judgeType() const {
  const uint8_t type = head_[0];
  const bool client = role_ == TlsRole::kClient;
  const bool allowed = tls13_   ? type == kKeyUpdate || (client && type == kNewSessionTicket)
                       : client ? type == kHelloRequest
                                : type == kClientHello;
  if (!allowed)
    return badMessage(Alert::unexpected_message, "a handshake message that is not allowed here");
  return {};
}

/// Judges a message by its length, before its body arrives.
Step MessageReader::judgeLength() const {
  const uint8_t type = head_[0];
  const uint32_t length = u24At(head_, 1);
  if (type == kKeyUpdate && length != 1)
    return badMessage(Alert::decode_error, "a KeyUpdate has a wrong length");
  if (length > kLongestBody || (type == kHelloRequest && length != 0))
    return badMessage(Alert::decode_error, "a handshake message has an impossible length");
  return {};
}

/// Returns the event of a complete message.
Step MessageReader::finish() {
  have_ = 0;
  switch (head_[0]) {
    case kKeyUpdate:
      if (head_[4] > 1)
        return badMessage(Alert::illegal_parameter, "a KeyUpdate has a value that is not defined");
      return {head_[4] == 1 ? Event::kUpdateRequested : Event::kKeyUpdate};
    case kNewSessionTicket:
      return {Event::kTicket};
    default:
      return {Event::kRenegotiation};
  }
}

Step MessageReader::next(std::span<const uint8_t>& input) {
  while (have_ < kMessageHeader && !input.empty()) {
    head_[have_++] = input.front();
    input = input.subspan(1);
    const Step verdict = have_ == 1                ? judgeType()
                         : have_ == kMessageHeader ? judgeLength()
                                                   : Step{};
    if (verdict.event == Event::kRefuse) return verdict;
    if (have_ < kMessageHeader) continue;
    bodyLeft_ = u24At(head_, 1);
    head_[kMessageHeader] = 0;
    ticket_.reset();
    if (head_[0] == kNewSessionTicket && bodyLeft_ <= kLongestTicket)
      ticket_ = std::make_unique<std::vector<uint8_t>>();
  }
  if (have_ < kMessageHeader) return {};
  if (have_ == kMessageHeader && bodyLeft_ != 0 && !input.empty()) head_[have_++] = input.front();
  const size_t part = std::min<size_t>(bodyLeft_, input.size());
  if (ticket_ && head_[0] == kNewSessionTicket)
    ticket_->insert(ticket_->end(), input.begin(), input.begin() + static_cast<ptrdiff_t>(part));
  bodyLeft_ -= static_cast<uint32_t>(part);
  input = input.subspan(part);
  return bodyLeft_ == 0 ? finish() : Step{};
}

}  // namespace culvert
