// SPDX-License-Identifier: GPL-3.0-or-later
// Streams of XMPP, as in RFC 6120 9.1 and as common servers send them: shared by the tests of both
// roles.
#pragma once

#include <string>

#include "message_run.h"
#include "starttls/xmpp_dialog.h"

namespace culvert::testing_messages {

inline const std::string kTlsSpace = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'";
inline const std::string kXmHeader =
    "<?xml version='1.0'?><stream:stream from='juliet@im.example.com' to='im.example.com' "
    "version='1.0' xml:lang='en' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams'>";
inline const std::string kXmCommand = "<starttls " + kTlsSpace + "/>";
inline const std::string kXmProceed = "<proceed " + kTlsSpace + "/>";
inline const std::string kXmRequired =
    "<stream:features><starttls " + kTlsSpace + "><required/></starttls></stream:features>";
inline const std::string kXmTail =
    "' version='1.0' xml:lang='en' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams'>";
inline const std::string kXmBackHeader =
    "<?xml version='1.0'?>\n<stream:stream from=\"im.example.com\" id='t7AMCin9>' "
    "version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
inline const std::string kXmSasl =
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1-PLUS</mechanism>"
    "<mechanism>SCRAM-SHA-1</mechanism><mechanism>\n SCRAM-SHA-256-PLUS </mechanism>"
    "<mechanism>PLAIN</mechanism></mechanisms>";
inline const std::string kXmSaslLeft =
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism>"
    "<mechanism>PLAIN</mechanism></mechanisms>";
inline const std::string kXmBinding =
    "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>"
    "</sasl-channel-binding>";

inline std::string xmError(const std::string& condition) {
  return "<stream:error><" + condition +
         " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
}
inline std::string features(const std::string& inside) {
  return "<stream:features>" + inside + "</stream:features>";
}

/// culvert's answer to a header, with the id that culvert chose.
inline std::string xmAnswerTo(const std::string& header) {
  MessageRun run(makeXmppServer());
  run.peer(header);
  return run.takePeer();
}

inline const std::string kXmOffer = features("<starttls " + kTlsSpace + "/>" + kXmSasl);

}  // namespace culvert::testing_messages
