// SPDX-License-Identifier: GPL-3.0-or-later
// Reads and writes LDAP messages in BER as RFC 4511 5.1 restricts it: definite lengths and tags of
// one byte. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

/// The object identifiers of RFC 4511 4.14.1 and 4.4.1.
constexpr std::string_view kLdapStartTlsOid = "1.3.6.1.4.1.1466.20037";
constexpr std::string_view kLdapDisconnectionOid = "1.3.6.1.4.1.1466.20036";

/// Tags of ExtendedRequest and ExtendedResponse, and of their parts (RFC 4511 4.12).
constexpr uint8_t kLdapExtended = 0x77, kLdapExtendedReply = 0x78;
constexpr uint8_t kLdapRequestName = 0x80, kLdapRequestValue = 0x81, kLdapResponseName = 0x8a;

/// Result codes of RFC 4511 appendix A.
enum class LdapResult : uint8_t {
  kSuccess = 0,
  kProtocolError = 2,
  kUnavailableCriticalExtension = 12,
  kConfidentialityRequired = 13,
};

/// One element: its tag and its contents.
struct LdapElement {
  uint8_t tag;
  std::string_view content;
};

/// Takes the element at the front of `rest`. Returns nothing if `rest` does not begin with a whole,
/// well-formed element.
std::optional<LdapElement> takeLdapElement(std::string_view& rest);

struct LdapMessage {
  size_t size = 0;  ///< of the whole message, in bytes
  uint32_t id = 0;
  LdapElement operation{};
  bool criticalControl = false;  ///< a control has the criticality TRUE
};

enum class LdapRead : uint8_t {
  kMore,     ///< the message is not complete
  kWhole,    ///< `message` is filled
  kTooLong,  ///< the message is longer than Dialog::kLongestLine
  kBad,      ///< the bytes are not an LDAPMessage
};
/// Reads the message at the front of `bytes`.
LdapRead readLdapMessage(std::string_view bytes, LdapMessage& message);

/// Returns an element with this tag.
std::string ldapElement(uint8_t tag, std::string_view content);

/// Returns an LDAPMessage.
std::string ldapMessage(uint32_t id, std::string_view operation);

/// Returns an LDAPMessage with a response that consists of an LDAPResult. `responseName` is for an
/// ExtendedResponse; an empty one is left out.
std::string ldapResponse(uint32_t id, uint8_t tag, LdapResult result, std::string_view text,
                         std::string_view responseName = {});

}  // namespace culvert
