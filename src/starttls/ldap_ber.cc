// SPDX-License-Identifier: GPL-3.0-or-later
#include "starttls/ldap_ber.h"

#include <array>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "starttls/dialog.h"

namespace culvert {
namespace {

constexpr uint8_t kLdapBoolean = 0x01, kLdapInteger = 0x02, kLdapOctets = 0x04;
constexpr uint8_t kLdapEnumerated = 0x0a, kLdapSequence = 0x30;
constexpr uint8_t kLdapControls = 0xa0;

struct LdapHead {
  LdapRead state = LdapRead::kMore;
  size_t bytes = 0;   // of tag and length
  size_t length = 0;  // of the contents
};

/// Reads tag and length. The contents need not be there.
LdapHead readLdapHead(std::string_view bytes) {
  if (bytes.empty()) return {};
  // The five low bits are all ones if the tag has more bytes. No tag of LDAP is so large.
  if ((static_cast<uint8_t>(bytes[0]) & 0x1f) == 0x1f) return {LdapRead::kBad};
  if (bytes.size() < 2) return {};
  const uint8_t first = static_cast<uint8_t>(bytes[1]);
  if (first < 0x80) return {LdapRead::kWhole, 2, first};
  const size_t count = first & 0x7f;
  if (count == 0 || count > 4) return {LdapRead::kBad};
  if (bytes.size() < 2 + count) return {};
  return {LdapRead::kWhole, 2 + count, bigEndian(asBytes(bytes.substr(2, count)))};
}

/// Returns true if one of the controls is critical, and nothing if they are malformed.
std::optional<bool> hasCriticalLdapControl(std::string_view controls) {
  bool critical = false;
  while (!controls.empty()) {
    auto control = takeLdapElement(controls);
    if (!control || control->tag != kLdapSequence) return std::nullopt;
    const auto type = takeLdapElement(control->content);
    if (!type || type->tag != kLdapOctets) return std::nullopt;
    const auto criticality = takeLdapElement(control->content);
    if (criticality && criticality->tag == kLdapBoolean)
      critical = critical || criticality->content != std::string_view("\0", 1);
  }
  return critical;
}

/// Reads a messageID: INTEGER (0 .. 2147483647).
std::optional<uint32_t> takeLdapId(std::string_view& rest) {
  const auto id = takeLdapElement(rest);
  if (!id || id->tag != kLdapInteger || id->content.empty() || id->content.size() > 4)
    return std::nullopt;
  const uint64_t number = bigEndian(asBytes(id->content));
  if ((static_cast<uint8_t>(id->content[0]) & 0x80) != 0) return std::nullopt;
  return static_cast<uint32_t>(number);
}

std::string ldapInteger(uint32_t number) {
  std::array<uint8_t, 5> bytes{};
  putBigEndian(number, bytes);
  size_t first = 0;
  while (first < 4 && bytes[first] == 0 && bytes[first + 1] < 0x80) ++first;
  return ldapElement(kLdapInteger, asText(std::span(bytes).subspan(first)));
}

}  // namespace

std::optional<LdapElement> takeLdapElement(std::string_view& rest) {
  const LdapHead head = readLdapHead(rest);
  if (head.state != LdapRead::kWhole || rest.size() - head.bytes < head.length) return std::nullopt;
  const LdapElement element{static_cast<uint8_t>(rest[0]), rest.substr(head.bytes, head.length)};
  rest.remove_prefix(head.bytes + head.length);
  return element;
}

LdapRead readLdapMessage(std::string_view bytes, LdapMessage& message) {
  if (bytes.empty()) return LdapRead::kMore;
  if (static_cast<uint8_t>(bytes[0]) != kLdapSequence) return LdapRead::kBad;
  const LdapHead head = readLdapHead(bytes);
  if (head.state != LdapRead::kWhole) return head.state;
  if (head.length > Dialog::kLongestLine - head.bytes) return LdapRead::kTooLong;
  message.size = head.bytes + head.length;
  if (bytes.size() < message.size) return LdapRead::kMore;
  std::string_view rest = bytes.substr(head.bytes, head.length);
  const auto id = takeLdapId(rest);
  if (!id) return LdapRead::kBad;
  const auto operation = takeLdapElement(rest);
  if (!operation) return LdapRead::kBad;
  message.id = *id;
  message.operation = *operation;
  message.criticalControl = false;
  if (rest.empty()) return LdapRead::kWhole;
  const auto controls = takeLdapElement(rest);
  if (!controls || controls->tag != kLdapControls) return LdapRead::kBad;
  const auto critical = hasCriticalLdapControl(controls->content);
  if (!critical) return LdapRead::kBad;
  message.criticalControl = *critical;
  return LdapRead::kWhole;
}

std::string ldapElement(uint8_t tag, std::string_view content) {
  std::string out(1, static_cast<char>(tag));
  if (content.size() < 0x80) {
    out.push_back(static_cast<char>(content.size()));
  } else {
    out.push_back(static_cast<char>(0x82));
    out.append(asText(u16Bytes(content.size())));
  }
  return out.append(content);
}

std::string ldapMessage(uint32_t id, std::string_view operation) {
  return ldapElement(kLdapSequence, ldapInteger(id).append(operation));
}

std::string ldapResponse(uint32_t id, uint8_t tag, LdapResult result, std::string_view text,
                         std::string_view responseName) {
  std::string content = ldapElement(kLdapEnumerated, std::string(1, static_cast<char>(result)));
  content += ldapElement(kLdapOctets, "");  // matchedDN
  content += ldapElement(kLdapOctets, text);
  if (!responseName.empty()) content += ldapElement(kLdapResponseName, responseName);
  return ldapMessage(id, ldapElement(tag, content));
}

}  // namespace culvert
