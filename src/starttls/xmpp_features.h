// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the start of the backend's stream: its header and its features (RFC 6120 4.2, 4.3). It
// passes them on without what cannot work through culvert: <starttls/>, SASL mechanisms with channel
// binding (their names end with -PLUS), and the types of channel binding (XEP-0440). Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "starttls/dialog.h"
#include "starttls/xmpp_tokens.h"

namespace culvert {

class XmppFeatureFilter {
 public:
  enum class State : uint8_t {
    kMore,
    kDone,       ///< the features have passed, or the stream begins with another element
    kNoVersion,  ///< the header has no version, so no features follow (RFC 6120 4.7.5)
    kBad,        ///< not the start of a stream
    kTooLong,    ///< longer than Dialog::kLongestLine
  };

  explicit XmppFeatureFilter(bool needsVersion) : needsVersion_(needsVersion) {}

  /// Appends to `out` what passes, and adds to `used` how many bytes were read.
  State feed(std::string_view bytes, size_t& used, std::string& out);

  /// True if the backend sent features.
  bool hasFeatures() const { return features_; }
  /// True if the features had <starttls/>.
  bool hasStartTls() const { return startTls_; }
  /// After kDone without features: the name of the first element, for example "stream:error".
  std::string_view firstElement() const { return firstElement_; }

 private:
  State handle(const XmppToken& token, std::string& out);
  State beforeHeader(const XmppToken& token, std::string& out);
  State inStream(const XmppToken& token, std::string& out);
  State inFeatures(const XmppToken& token, std::string& out);
  State openChild(const XmppToken& token, std::string& out);
  State closeChild(const XmppToken& token, std::string& out);

  bool needsVersion_;
  XmppScanner scanner_;
  unsigned depth_ = 0;      // of open elements; 1: in the stream, 2: in the features
  unsigned dropDepth_ = 0;  // elements at this depth and below do not pass; 0: all pass
  unsigned holdDepth_ = 0;  // depth of the <mechanism> that is held; 0: none
  std::string held_;        // the <mechanism> as received
  std::string mechanism_;   // its text
  std::string firstElement_;
  bool features_ = false;
  bool startTls_ = false;
};

/// Passes the start of the backend's stream behind TLS, whose features end the dialog, to `out`.
DialogStep passXmppFeatures(XmppFeatureFilter& filter, std::string_view text, std::string& out);

}  // namespace culvert
