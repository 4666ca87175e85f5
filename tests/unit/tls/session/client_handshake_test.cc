// SPDX-License-Identifier: GPL-3.0-or-later
// Handshakes with a backend: versions, resumption, verification, key shares, and how they fail.
#include "tls/session/client_handshake.h"

#include "unit/tls/support/backend_fixture.h"

namespace culvert {
namespace {

class ClientHandshakeTest : public BackendTest {
 protected:
  static TestTls serverOf(uint16_t version) {
    TestTls settings = testSettings({"leaf"});
    settings.maxVersion = version;
    return settings;
  }
  void expectFailed(const std::string& cause, const std::string& detail) {
    ASSERT_TRUE(client_->failure());
    EXPECT_EQ(client_->failure()->text(), cause);
    EXPECT_NE(client_->failure()->detail.find(detail), std::string::npos)
        << client_->failure()->detail;
    EXPECT_EQ(client_->handshake(), IoStatus::kFailed) << "sticky";
    EXPECT_EQ(counted(Counter::kBackendHandshakesFailed), failedBefore_ + 1);
    EXPECT_EQ(counted(Counter::kBackendHandshakesOk), okBefore_);
    EXPECT_EQ(worker_.sessions.sessions(), 0u);
  }
  /// Opens a session, and lets its tickets arrive.
  void useOnce(const BackendPeer& peer, const TestTls& settings) {
    open(peer, settings);
    ASSERT_EQ(shake(), IoStatus::kOk);
    ASSERT_FALSE(client_->facts().resumed);
    expectAlive();
  }
};

// --- sound handshakes

TEST_F(ClientHandshakeTest, Tls13) {
  open(backendPeer(backendTls()));
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_EQ(serverStatus_, IoStatus::kOk);
  EXPECT_TRUE(client_->established());
  EXPECT_EQ(client_->facts().version, "TLSv1.3");
  EXPECT_EQ(client_->facts().suite, server_->facts().suite);
  EXPECT_EQ(client_->facts().group, server_->facts().group);
  EXPECT_FALSE(client_->facts().resumed);
  EXPECT_EQ(client_->serverName(), "leaf.example.org");
  EXPECT_EQ(server_->serverName(), "leaf.example.org");
  EXPECT_EQ(counted(Counter::kBackendHandshakesOk), 1u);
  EXPECT_EQ(counted(Counter::kBackendHandshakesResumed), 0u);
  expectAlive();
}

TEST_F(ClientHandshakeTest, Tls12) {
  open(backendPeer(backendTls()), serverOf(kTls12));
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_EQ(serverStatus_, IoStatus::kOk);
  EXPECT_EQ(client_->facts().version, "TLSv1.2");
  EXPECT_EQ(client_->facts().suite, server_->facts().suite);
  expectAlive();
}

TEST_F(ClientHandshakeTest, ByteByByte) {
  for (const uint16_t version : {kTls12, kTls13}) {
    open(backendPeer(backendTls()), serverOf(version));
    ASSERT_EQ(shake(1), IoStatus::kOk);
    EXPECT_EQ(client_->negotiated().version, version);
    expectAlive();
  }
}

TEST_F(ClientHandshakeTest, ThePrefaceLeavesBeforeTheHello) {
  const std::string preface = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
  open(backendPeer(backendTls()), testSettings({"leaf"}), preface);
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_EQ(toServer.substr(0, preface.size()), preface);
  EXPECT_EQ(toServer[preface.size()], 22);
  expectAlive();
}

/// The payload has arrived with the Finished of the server: the socket is silent afterwards.
TEST_F(ClientHandshakeTest, PayloadBehindTheLastFlightIsDelivered) {
  open(backendPeer(backendTls()), serverOf(kTls12));
  IoStatus status = client_->handshake();
  for (int round = 0; round < 500 && server_->handshake() == IoStatus::kBlocked; ++round) {
    // The client does not see the bytes that the server sends last.
    size_t none = 0;
    if (!move(near_.get(), far_.get(), kBuffer, toServer, none) &&
        move(far_.get(), near_.get(), kBuffer, toClient, none))
      for (int i = 0; i < 100 && waitFd(client_->fd(), POLLIN, 10); ++i)
        status = client_->handshake();
    rest();
  }
  ASSERT_EQ(status, IoStatus::kBlocked);
  ASSERT_TRUE(server_->established());
  ASSERT_TRUE(out_.append(asBytes(std::string_view("early payload"))));
  ASSERT_EQ(server_->write(out_).status, IoStatus::kOk);
  std::string flight;
  ASSERT_TRUE(waitFd(far_.get(), POLLIN));
  flight = receive(far_.get(), kBuffer, 50).text;
  ASSERT_TRUE(sendAll(near_.get(), flight));
  ASSERT_TRUE(waitFd(client_->fd(), POLLIN));
  ASSERT_EQ(client_->handshake(), IoStatus::kOk);
  ASSERT_FALSE(waitFd(client_->fd(), POLLIN, 0)) << "all bytes were received";
  EXPECT_EQ(client_->read(in_, kBuffer).status, IoStatus::kOk);
  EXPECT_EQ(asText(in_.readable()), "early payload");
}

// --- resumption

TEST_F(ClientHandshakeTest, ResumesASessionOfEachVersion) {
  for (const uint16_t version : {kTls12, kTls13}) {
    const BackendPeer peer = backendPeer(backendTls());
    const uint64_t before = counted(Counter::kBackendHandshakesResumed);
    useOnce(peer, serverOf(version));
    ASSERT_GE(worker_.sessions.sessions(), 1u);
    const size_t kept = worker_.sessions.sessions();
    open(peer, serverOf(version));
    ASSERT_EQ(shake(), IoStatus::kOk);
    EXPECT_TRUE(client_->facts().resumed) << version;
    EXPECT_TRUE(server_->facts().resumed) << version;
    EXPECT_EQ(client_->negotiated().version, version);
    EXPECT_EQ(counted(Counter::kBackendHandshakesResumed), before + 1);
    expectAlive();
    EXPECT_GE(worker_.sessions.sessions(), kept) << "the resumed session brings a ticket too";
    worker_.sessions.dropUnused();
  }
}

/// A lifetime hint of 0 leaves the lifetime to the client (RFC 5077 3.3).
TEST_F(ClientHandshakeTest, OffersATicketWithoutALifetimeHint) {
  TestTls settings = serverOf(kTls12);
  settings.ticketLifetime = std::chrono::seconds(0);
  const BackendPeer peer = backendPeer(backendTls());
  useOnce(peer, settings);
  open(peer, settings);
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_GT(helloOffered().ticket12Length, 0);
  expectAlive();
}

TEST_F(ClientHandshakeTest, OffersAGroupToo) {
  const BackendPeer peer = backendPeer(backendTls());
  useOnce(peer, serverOf(kTls13));
  open(peer);
  ASSERT_EQ(shake(), IoStatus::kOk);
  ASSERT_TRUE(client_->facts().resumed);
  EXPECT_EQ(sharesOffered().size(), 1u) << "resumption with (EC)DHE: RFC 8446 2.2";
}

TEST_F(ClientHandshakeTest, AnotherConfigurationDoesNotResume) {
  useOnce(backendPeer(backendTls()), serverOf(kTls13));
  open(backendPeer(backendTls()));
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_FALSE(client_->facts().resumed);
}

TEST_F(ClientHandshakeTest, AServerThatHasForgottenTheTicketGetsAFullHandshake) {
  for (const uint16_t version : {kTls12, kTls13}) {
    const BackendPeer peer = backendPeer(backendTls());
    useOnce(peer, serverOf(version));
    TestTls other = serverOf(version);
    other.service = "other";  // tickets are bound to the service
    open(peer, other);
    ASSERT_EQ(shake(), IoStatus::kOk);
    EXPECT_FALSE(client_->facts().resumed);
    expectAlive();
  }
}

TEST_F(ClientHandshakeTest, WithoutTicketsNothingIsKept) {
  TlsSettings settings = backendSettings();
  settings.sessionTickets = false;
  for (const uint16_t version : {kTls12, kTls13}) {
    useOnce(backendPeer(backendTls(settings)), serverOf(version));
    EXPECT_EQ(worker_.sessions.sessions(), 0u);
  }
}

// --- key shares

TEST_F(ClientHandshakeTest, TheFirstHelloHasAHybridAndAPlainShare) {
  if (groupsHere({0x11ec}).empty()) GTEST_SKIP() << "this wolfSSL has no ML-KEM";
  const BackendPeer peer = backendPeer(backendTls());
  open(peer);
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_EQ(sharesOffered(), (std::vector<uint16_t>{0x11ec, 0x001d}));
  EXPECT_EQ(client_->facts().group, "X25519MLKEM768");
  open(peer);
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_EQ(sharesOffered(), std::vector<uint16_t>{0x11ec}) << "the group is remembered";
}

TEST_F(ClientHandshakeTest, AGroupOfTheBackendIsRemembered) {
  TestTls settings = testSettings({"leaf"});
  settings.groups = {0x001d};
  const BackendPeer peer = backendPeer(backendTls());
  open(peer, settings);
  ASSERT_EQ(shake(), IoStatus::kOk);
  open(peer, settings);
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_EQ(sharesOffered(), std::vector<uint16_t>{0x001d});
  // The backend has changed its mind: a HelloRetryRequest puts that right.
  settings.groups = {0x0018};
  open(peer, settings);
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_EQ(sharesOffered(), std::vector<uint16_t>{0x001d});
  EXPECT_EQ(client_->facts().group, "P-384");
}

TEST_F(ClientHandshakeTest, AnswersAHelloRetryRequest) {
  TestTls settings = testSettings({"leaf"});
  settings.groups = {0x0018};
  const BackendPeer peer = backendPeer(backendTls());
  for (const size_t chunk : {kBuffer, size_t{1}}) {
    worker_.sessions = SessionPool();
    open(peer, settings);
    ASSERT_EQ(shake(chunk), IoStatus::kOk);
    EXPECT_EQ(client_->facts().group, "P-384");
    const auto first = sharesOffered();
    EXPECT_EQ(std::find(first.begin(), first.end(), 0x0018), first.end());
    expectAlive();
  }
  open(peer, settings);
  ASSERT_EQ(shake(), IoStatus::kOk);
  EXPECT_EQ(sharesOffered(), std::vector<uint16_t>{0x0018}) << "no retry the next time";
}

// --- verification

TEST_F(ClientHandshakeTest, RefusesAnotherName) {
  for (const uint16_t version : {kTls12, kTls13}) {
    SCOPED_TRACE(version);
    BackendPeer peer = backendPeer(backendTls());
    peer.host = "other.example.org";
    open(peer, serverOf(version));
    EXPECT_EQ(shake(), IoStatus::kFailed);
    expectFailed("backend-certificate",
                 "certificate is for leaf.example.org, expected other.example.org (alert "
                 "bad_certificate)");
    EXPECT_EQ(client_->failure()->cause, CloseCause::kBackendCertificate);
    EXPECT_EQ(serverStatus_, IoStatus::kFailed);
    EXPECT_EQ(server_->failure()->text(), "tls-received:bad_certificate");
  }
}

TEST_F(ClientHandshakeTest, RefusesAnUnknownCa) {
  TlsSettings settings = backendSettings();
  settings.peerAuth = trustIn("ec", PeerPurpose::kServers);
  open(backendPeer(backendTls(settings)));
  EXPECT_EQ(shake(), IoStatus::kFailed);
  expectFailed("backend-certificate", "is unknown");
  EXPECT_EQ(server_->failure()->text(), "tls-received:unknown_ca");
}

TEST_F(ClientHandshakeTest, RefusesAnotherKey) {
  const auto tls = backendTls();
  ASSERT_TRUE(tls->pins.add(PeerRule::kSpki, std::string(64, '7')));
  open(backendPeer(tls));
  EXPECT_EQ(shake(), IoStatus::kFailed);
  expectFailed("backend-certificate", "has a key that is not in backend-spki");
}

TEST_F(ClientHandshakeTest, WithoutVerificationAnyCertificateWillDo) {
  TlsSettings settings = backendSettings();
  settings.peerAuth = nullptr;
  BackendPeer peer = backendPeer(backendTls(settings));
  peer.host = "other.example.org";
  open(peer);
  EXPECT_EQ(shake(), IoStatus::kOk);
  EXPECT_EQ(client_->peerProof(), nullptr);
  expectAlive();
}

TEST_F(ClientHandshakeTest, ShowsItsCertificate) {
  for (const uint16_t version : {kTls12, kTls13}) {
    TestTls settings = serverOf(version);
    settings.peerAuth = trustIn("root", PeerPurpose::kClients);
    const auto tls = backendTls();
    tls->credentials = testCredentials("leaf");
    open(backendPeer(tls), settings);
    ASSERT_EQ(shake(), IoStatus::kOk);
    ASSERT_EQ(serverStatus_, IoStatus::kOk);
    ASSERT_NE(server_->peerProof(), nullptr);
    EXPECT_TRUE(server_->peerProof()->verified());
    expectAlive();
  }
}

TEST_F(ClientHandshakeTest, ABackendThatMissesACertificateSaysSo) {
  for (const uint16_t version : {kTls12, kTls13}) {
    SCOPED_TRACE(version);
    TestTls settings = serverOf(version);
    settings.peerAuth = trustIn("root", PeerPurpose::kClients);
    open(backendPeer(backendTls()), settings);
    const IoStatus status = shake();
    EXPECT_EQ(serverStatus_, IoStatus::kFailed);
    if (version == kTls12) {
      EXPECT_EQ(status, IoStatus::kFailed);
    } else {
      ASSERT_EQ(status, IoStatus::kOk) << "the client's handshake is over before the verdict";
      arrive(*client_, 1);
      EXPECT_EQ(readStatus_, IoStatus::kFailed);
    }
    EXPECT_EQ(client_->failure()->cause, CloseCause::kBackendTlsReceived);
  }
}

TEST_F(ClientHandshakeTest, Alpn) {
  for (const uint16_t version : {kTls12, kTls13}) {
    TestTls settings = serverOf(version);
    settings.alpn = {"http/1.1", "h2"};
    BackendPeer peer = backendPeer(backendTls());
    peer.alpn = {"x", "h2"};
    open(peer, settings);
    ASSERT_EQ(shake(), IoStatus::kOk);
    EXPECT_EQ(client_->facts().alpn, "h2");
    EXPECT_EQ(server_->facts().alpn, "h2");
    worker_.sessions = SessionPool();
    peer.alpn = {"x"};
    open(peer, settings);
    EXPECT_EQ(shake(), IoStatus::kFailed);
    expectFailed("backend-tls-received:no_application_protocol", "");
  }
}

TEST_F(ClientHandshakeTest, NoVersionInCommon) {
  TlsSettings old = backendSettings();
  old.maxVersion = kTls12;
  TestTls settings = testSettings({"leaf"});
  settings.minVersion = kTls13;
  open(backendPeer(backendTls(old)), settings);
  EXPECT_EQ(shake(), IoStatus::kFailed);
  expectFailed("backend-tls-received:protocol_version", "");
}

// --- backends that are not sound

class BadBackendTest : public ClientHandshakeTest {
 protected:
  /// Sends culvert's hello, and answers with `bytes`.
  IoStatus answer(const std::string& bytes) {
    openSockets();
    client_ = std::make_unique<TlsStream>(worker_, std::move(nearFd_), backendPeer(backendTls()));
    EXPECT_EQ(client_->handshake(), IoStatus::kBlocked);
    EXPECT_FALSE(receive(near_.get(), kBuffer, 20).text.empty()) << "the hello";
    EXPECT_TRUE(sendAll(near_.get(), bytes));
    EXPECT_TRUE(waitFd(client_->fd(), POLLIN));
    return client_->handshake();
  }
};

TEST_F(BadBackendTest, PlainTextIsQuoted) {
  EXPECT_EQ(answer("220 mail.example.org ESMTP\r\n"), IoStatus::kFailed);
  expectFailed("backend-tls-sent:unexpected_message",
               "the backend does not answer with TLS: \"220 mail.example.org ESMTP");
  EXPECT_EQ(client_->handshakeFailure(), HandshakeFailure::kOther);
}

TEST_F(BadBackendTest, AnAlertIsNamed) {
  EXPECT_EQ(answer(std::string("\x15\x03\x03\x00\x02\x02\x28", 7)), IoStatus::kFailed);
  expectFailed("backend-tls-received:handshake_failure", "");
}

TEST_F(BadBackendTest, ARefusedServerHelloGetsAnAlert) {
  // A record of 2^14 + 1 bytes.
  EXPECT_EQ(answer(std::string("\x16\x03\x03\x40\x01", 5)), IoStatus::kFailed);
  expectFailed("backend-tls-sent:record_overflow", "a record is longer than 2^14 bytes");
  EXPECT_EQ(client_->shutdownWrite(), IoStatus::kOk);
  const Received got = receiveAll(near_.get());
  ASSERT_GE(got.text.size(), 7u);
  EXPECT_EQ(got.text.substr(got.text.size() - 7, 1), "\x15");
  EXPECT_EQ(got.text.substr(got.text.size() - 2), "\x02\x16") << "fatal, record_overflow";
}

TEST_F(BadBackendTest, AnEndWithinTheHandshakeIsATruncation) {
  EXPECT_EQ(answer("\x16"), IoStatus::kBlocked);
  EXPECT_NE(client_->handshakeProgress().find("is not complete"), std::string::npos);
  near_.reset();
  ASSERT_TRUE(waitFd(client_->fd(), POLLIN));
  EXPECT_EQ(client_->handshake(), IoStatus::kTruncated);
  EXPECT_EQ(client_->handshakeFailure(), HandshakeFailure::kClosed);
}

TEST_F(BadBackendTest, AnEndOrAResetInsteadOfAnAnswer) {
  for (const bool reset : {false, true}) {
    openSockets();
    client_ = std::make_unique<TlsStream>(worker_, std::move(nearFd_), backendPeer(backendTls()));
    ASSERT_EQ(client_->handshake(), IoStatus::kBlocked);
    EXPECT_NE(client_->handshakeProgress().find("has not answered"), std::string::npos);
    ASSERT_FALSE(receive(near_.get(), kBuffer, 20).text.empty());
    if (reset) setLingerReset(near_.get());
    near_.reset();
    ASSERT_TRUE(waitFd(client_->fd(), POLLIN));
    EXPECT_EQ(client_->handshake(), reset ? IoStatus::kReset : IoStatus::kTruncated);
    EXPECT_EQ(client_->handshakeFailure(), HandshakeFailure::kClosed);
  }
  EXPECT_EQ(counted(Counter::kBackendHandshakesFailed), 2u);
}

}  // namespace
}  // namespace culvert
