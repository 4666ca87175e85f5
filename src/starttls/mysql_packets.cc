// SPDX-License-Identifier: GPL-3.0-or-later
#include "starttls/mysql_packets.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr char kMysqlOk = 0x00, kMysqlErr = static_cast<char>(0xff);
constexpr char kMysqlVersion10 = 10;

uint8_t mysqlByte(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

}  // namespace

std::optional<MysqlHead> readMysqlHead(std::string_view bytes) {
  if (bytes.size() < kMysqlHead) return std::nullopt;
  const size_t length =
      mysqlByte(bytes, 0) | size_t{mysqlByte(bytes, 1)} << 8 | size_t{mysqlByte(bytes, 2)} << 16;
  return MysqlHead{length, mysqlByte(bytes, 3)};
}

std::string mysqlHead(size_t length, uint8_t sequence) {
  return {static_cast<char>(length), static_cast<char>(length >> 8),
          static_cast<char>(length >> 16), static_cast<char>(sequence)};
}

uint16_t mysqlFlags(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(mysqlByte(bytes, at) | mysqlByte(bytes, at + 1) << 8);
}

void putMysqlFlags(std::string& bytes, size_t at, uint16_t flags) {
  bytes[at] = static_cast<char>(flags);
  bytes[at + 1] = static_cast<char>(flags >> 8);
}

std::optional<size_t> mysqlGreetingFlags(std::string_view payload) {
  if (payload.empty() || payload[0] != kMysqlVersion10) return std::nullopt;
  const size_t end = payload.find('\0', 1);  // of the server's version
  if (end == payload.npos) return std::nullopt;
  // The id of the connection (4 bytes), a part of the challenge (8), a filler (1).
  const size_t flags = end + 1 + 4 + 8 + 1;
  if (payload.size() < flags + 2) return std::nullopt;
  return flags;
}

std::string mysqlError(uint8_t sequence, uint16_t code, std::string_view sqlState,
                       std::string_view text) {
  std::string payload{kMysqlErr, static_cast<char>(code), static_cast<char>(code >> 8), '#'};
  payload.append(sqlState).append(text);
  return mysqlHead(payload.size(), sequence) + payload;
}

MysqlRelay::Step MysqlRelay::feed(std::string_view bytes, std::string& out) {
  size_t used = 0;
  while (used < bytes.size()) {
    if (left_ == 0) {
      const auto state = beginPacket(bytes.substr(used), out, used);
      if (state) return {*state, used};
    }
    const size_t now = std::min(left_, bytes.size() - used);
    out += bytes.substr(used, now);
    used += now;
    left_ -= now;
    if (left_ == 0 && last_) return {State::kLoginDone, used};
  }
  return {State::kMore, used};
}

/// Passes the head of a packet. Returns a state if the relay has to wait or to stop.
std::optional<MysqlRelay::State> MysqlRelay::beginPacket(std::string_view bytes, std::string& out,
                                                         size_t& used) {
  const auto head = readMysqlHead(bytes);
  if (!head) return State::kMore;
  if (head->length > kLongestPacket) return State::kTooLong;
  if (client_ && !started_) return beginResponse(*head, bytes, out, used);
  // A command begins with 0 again. It waits until the login is done.
  if (client_ && head->sequence == 0) return State::kMore;
  if (!client_ && head->length > 0) {
    if (bytes.size() == kMysqlHead) return State::kMore;
    last_ = bytes[kMysqlHead] == kMysqlOk || bytes[kMysqlHead] == kMysqlErr;
  }
  out += mysqlHead(head->length, static_cast<uint8_t>(head->sequence + shift_));
  used += kMysqlHead;
  left_ = head->length;
  return std::nullopt;
}

std::optional<MysqlRelay::State> MysqlRelay::beginResponse(MysqlHead head, std::string_view bytes,
                                                           std::string& out, size_t& used) {
  if (head.sequence != first_ || head.length <= kMysqlFixedPart) return State::kBad;
  if (bytes.size() < kMysqlHead + 2) return State::kMore;
  const uint16_t flags = mysqlFlags(bytes, kMysqlHead);
  if ((flags & kMysqlProtocol41) == 0 || ((flags & kMysqlSsl) != 0) == ssl_) return State::kBad;
  std::string start = mysqlHead(head.length, static_cast<uint8_t>(head.sequence + shift_)) + "  ";
  putMysqlFlags(start, kMysqlHead, flags ^ kMysqlSsl);
  out += start;
  used += start.size();
  left_ = head.length - 2;
  started_ = true;
  return std::nullopt;
}

}  // namespace culvert
