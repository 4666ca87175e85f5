// SPDX-License-Identifier: GPL-3.0-or-later
// Splits the bytes of an XMPP stream into tags and text. RFC 6120 11.1 forbids comments, processing
// instructions and DTDs in a stream, so the scanner refuses them; it also refuses CDATA sections,
// which no opening contains. It decodes no entities. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

/// The namespace of <starttls/>, <proceed/> and <failure/>.
constexpr std::string_view kXmppTlsNamespace = "urn:ietf:params:xml:ns:xmpp-tls";

struct XmppToken {
  enum class Kind : uint8_t {
    kText,         ///< between tags: white space, or other bytes; a text may give several tokens
    kOpen,         ///< <name ...>
    kEmpty,        ///< <name .../>
    kClose,        ///< </name>
    kDeclaration,  ///< <?xml ...?>
  };
  Kind kind = Kind::kText;
  std::string raw{};  ///< exactly as received

  bool isElement() const { return kind == Kind::kOpen || kind == Kind::kEmpty; }
  /// The name of a tag, with its prefix.
  std::string_view name() const;
  /// The name of a tag, without its prefix.
  std::string_view localName() const;
  /// The value of an attribute, between its quotes.
  std::optional<std::string_view> attribute(std::string_view name) const;
  /// True for white space.
  bool isBlank() const;
};

class XmppScanner {
 public:
  enum class State : uint8_t {
    kMore,     ///< all bytes are used, and a tag is not complete
    kToken,    ///< `token()` is valid until the next call
    kBad,      ///< not well-formed, or a form that is not supported
    kTooLong,  ///< all tokens together have more than Dialog::kLongestLine bytes
  };

  /// Reads bytes up to the end of a token, and adds their number to `used`.
  State next(std::string_view bytes, size_t& used);
  const XmppToken& token() const { return token_; }

 private:
  State readText(std::string_view bytes, size_t& used);
  State addByte(char c);
  State finishTag();

  XmppToken token_;
  bool inTag_ = false;
  char quote_ = 0;  // in an attribute's value: its quote
  size_t total_ = 0;
};

}  // namespace culvert
