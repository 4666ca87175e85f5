// SPDX-License-Identifier: GPL-3.0-or-later
// OpeningStream: proxy, dialog, TLS and settling, with scripted machines, any split of the bytes, and
// what happens at the borders between them.
#include "tls/session/opening_stream.h"

#include <functional>

#include "unit/tls/support/backend_fixture.h"

namespace culvert {
namespace {

using Next = DialogStep::Next;

/// A dialog of lines. `peer` and `far` answer a whole line each.
class ScriptDialog final : public Dialog {
 public:
  using OnLine = std::function<DialogStep(std::string_view line, DialogOutput& out)>;

  bool needsFar() const override { return far_ != nullptr && !alone; }
  DialogStep begin(DialogOutput& out) override {
    out.toPeer += greeting;
    return {first};
  }
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) override {
    return line(bytes, peer_, out);
  }
  DialogStep fromFar(std::span<const uint8_t> bytes, DialogOutput& out) override {
    return line(bytes, far_, out);
  }
  DialogStep onSecure(DialogOutput& out) override {
    out.toPeer += behindTls;
    return {afterTls};
  }
  std::string progress() const override { return "the script waits"; }

  std::string greeting, behindTls;
  Next first = Next::kMore;
  Next afterTls = Next::kSettled;
  bool alone = false;
  OnLine peer_, far_;

 private:
  static DialogStep line(std::span<const uint8_t> bytes, const OnLine& answer, DialogOutput& out) {
    const std::string_view text = asText(bytes);
    const size_t end = text.find('\n');
    if (end == std::string_view::npos || !answer) return {};
    DialogStep step = answer(text.substr(0, end), out);
    step.consumed = end + 1;
    return step;
  }
};

/// A proxy that says OK and a newline.
class ScriptProxy final : public ProxyDialog {
 public:
  void begin(std::string& toProxy) override { toProxy += "CONNECT\n"; }
  ProxyStep fromProxy(std::span<const uint8_t> bytes, std::string&) override {
    head_ += asText(bytes);
    const size_t end = head_.find('\n');
    if (end == std::string::npos) return {};
    const size_t consumed = bytes.size() - (head_.size() - end - 1);
    if (head_.substr(0, end) != "OK") return {ProxyStep::Next::kFailed, consumed, "it says no"};
    return {ProxyStep::Next::kDone, consumed};
  }
  std::string progress() const override { return "the proxy has not answered"; }

 private:
  std::string head_;
};

class OpeningStreamTest : public BackendTest {
 protected:
  void SetUp() override { openSockets(); }
  void TearDown() override {
    stream_.reset();
    next_.reset();
    BackendTest::TearDown();
  }

  void make(OpeningParts parts) {
    stream_ = std::make_unique<OpeningStream>(worker_, std::move(nearFd_), std::move(parts));
  }
  /// The parts of culvert as client of a backend.
  OpeningParts backendParts(std::unique_ptr<Dialog> dialog, bool proxy = false) {
    OpeningParts parts;
    if (proxy) parts.proxy = std::make_unique<ScriptProxy>();
    parts.dialog = std::move(dialog);
    parts.client = backendPeer(backendTls());
    parts.isBackend = true;
    return parts;
  }
  /// A dialog that says "START", and starts TLS when the peer says "GO".
  static std::unique_ptr<ScriptDialog> starter() {
    auto dialog = std::make_unique<ScriptDialog>();
    dialog->greeting = "START\n";
    dialog->peer_ = [](std::string_view line, DialogOutput&) {
      return line == "GO" ? DialogStep{Next::kStartTls} : DialogStep{};
    };
    return dialog;
  }
  /// Gives the peer's bytes to the stream, and lets it go on.
  IoStatus say(const std::string& bytes) {
    EXPECT_TRUE(sendAll(near_.get(), bytes));
    EXPECT_TRUE(waitFd(socket(), POLLIN));
    return stream_->handshake();
  }
  int socket() const { return stream_->fd(); }
  std::string heard(size_t bytes) { return receive(near_.get(), bytes, 2000).text; }
  /// The test's end becomes a TLS server, and the handshakes of both run.
  IoStatus secure(const TestTls& settings = testSettings({"leaf"})) {
    server_ = std::make_unique<TlsStream>(serverWorker_, std::move(near_),
                                          std::make_shared<const TlsEndpoint>(settings.endpoint()));
    IoStatus status = IoStatus::kBlocked;
    IoStatus served = IoStatus::kBlocked;
    for (int i = 0; i < 500; ++i) {
      if (status == IoStatus::kBlocked) status = stream_->handshake();
      if (served == IoStatus::kBlocked) served = server_->handshake();
      if (status != IoStatus::kBlocked && served != IoStatus::kBlocked) break;
      ::poll(nullptr, 0, 1);
    }
    EXPECT_EQ(served, IoStatus::kOk);
    return status;
  }
  std::string readNow(ByteStream& from) {
    std::string text;
    readStatus_ = from.read(in_, kBuffer).status;
    while (!in_.empty()) {
      text += asText(in_.readable());
      in_.consume(in_.readable().size());
    }
    return text;
  }
  /// Reads until `bytes` bytes have come, or nothing comes any more.
  std::string readSome(ByteStream& from, size_t bytes) {
    std::string text;
    for (int i = 0; i < 1000 && text.size() < bytes; ++i) {
      text += readNow(from);
      if (readStatus_ != IoStatus::kOk && readStatus_ != IoStatus::kBlocked) break;
      if (text.size() < bytes) ::poll(nullptr, 0, 1);
    }
    return text;
  }
  void write(ByteStream& to, const std::string& text) {
    ASSERT_TRUE(out_.append(asBytes(text)));
    (void)to.write(out_);
  }
  /// Replaces the stream by its successor, which has to exist.
  void succeed() {
    ASSERT_EQ(stream_->phase(), OpeningPhase::kDone);
    next_ = stream_->successor();
    ASSERT_NE(next_, nullptr);
  }

  std::unique_ptr<OpeningStream> stream_;
  std::unique_ptr<ByteStream> next_;
};

// --- proxy, dialog and TLS

/// The answers of the proxy and of the backend arrive in pieces of every size.
TEST_F(OpeningStreamTest, AnySplitOfTheDialogs) {
  for (size_t step = 1; step <= 3; ++step) {
    openSockets();
    OpeningParts parts = backendParts(starter(), /*proxy=*/true);
    parts.preface = "PROXY\r\n";
    make(std::move(parts));
    EXPECT_EQ(stream_->phase(), OpeningPhase::kHandshake);
    ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
    EXPECT_EQ(heard(8), "CONNECT\n");
    EXPECT_EQ(stream_->handshakeProgress(), "the proxy has not answered");
    const std::string answers = "OK\n";
    for (size_t at = 0; at < answers.size(); at += step)
      ASSERT_EQ(say(answers.substr(at, step)), IoStatus::kBlocked);
    EXPECT_EQ(heard(13), "PROXY\r\nSTART\n");
    EXPECT_EQ(stream_->handshakeProgress(), "the script waits");
    const std::string lines = "WAIT\nGO\n";
    for (size_t at = 0; at < lines.size(); at += step)
      ASSERT_EQ(say(lines.substr(at, step)), IoStatus::kBlocked);
    ASSERT_EQ(secure(), IoStatus::kOk);
    succeed();
    EXPECT_EQ(pass(*next_, *server_, "ping"), "ping");
    EXPECT_EQ(pass(*server_, *next_, "pong"), "pong");
  }
}

/// The bytes of the backend that come with the proxy's answer belong to the dialog.
TEST_F(OpeningStreamTest, BytesBehindTheProxysAnswerAreTheDialogs) {
  make(backendParts(starter(), /*proxy=*/true));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_EQ(say("OK\nWAIT\nGO\n"), IoStatus::kBlocked);
  EXPECT_EQ(heard(14), "CONNECT\nSTART\n");
  EXPECT_EQ(secure(), IoStatus::kOk);
}

TEST_F(OpeningStreamTest, EarlyDataBehindTheProxysAnswer) {
  make(backendParts(nullptr, /*proxy=*/true));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_EQ(say("OK\nx"), IoStatus::kFailed);
  EXPECT_EQ(stream_->failure()->text(), "starttls:early-data");
  EXPECT_EQ(stream_->handshake(), IoStatus::kFailed) << "sticky";
  EXPECT_EQ(stream_->read(in_, kBuffer).status, IoStatus::kFailed);
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kFailed);
}

TEST_F(OpeningStreamTest, AProxyThatRefuses) {
  make(backendParts(nullptr, /*proxy=*/true));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_EQ(say("NO\n"), IoStatus::kFailed);
  EXPECT_EQ(stream_->failure()->cause, CloseCause::kBackendUnreachable);
  EXPECT_EQ(stream_->failure()->detail, "by via: it says no");
}

TEST_F(OpeningStreamTest, AProxyThatLeaves) {
  make(backendParts(nullptr, /*proxy=*/true));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  EXPECT_EQ(heard(8), "CONNECT\n");
  near_.reset();
  ASSERT_TRUE(waitFd(socket(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kTruncated);
}

TEST_F(OpeningStreamTest, TheFirstBytesBehindAProxyArePayloadWithoutTls) {
  OpeningParts parts = backendParts(nullptr, /*proxy=*/true);
  parts.client.reset();
  make(std::move(parts));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_EQ(say("OK\nhello"), IoStatus::kOk);
  EXPECT_EQ(stream_->phase(), OpeningPhase::kSettling) << "5 bytes are still here";
  EXPECT_EQ(stream_->successor(), nullptr);
  EXPECT_EQ(readNow(*stream_), "hello");
  succeed();
  EXPECT_EQ(heard(8), "CONNECT\n");
  write(*next_, "later");
  EXPECT_EQ(heard(5), "later");
}

TEST_F(OpeningStreamTest, TlsAtOnceBehindAProxy) {
  make(backendParts(nullptr, /*proxy=*/true));
  bool began = false;
  stream_->onTls = [&began](TlsStream&) { began = true; };
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  EXPECT_EQ(heard(8), "CONNECT\n");
  EXPECT_FALSE(began);
  ASSERT_EQ(say("OK\n"), IoStatus::kBlocked);
  EXPECT_TRUE(began);
  ASSERT_EQ(secure(), IoStatus::kOk);
  succeed();
  EXPECT_EQ(pass(*next_, *server_, "ping"), "ping");
}

/// A refused certificate is the failure of the stream.
TEST_F(OpeningStreamTest, ATlsFailureIsReported) {
  make(backendParts(starter()));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_EQ(say("GO\n"), IoStatus::kBlocked);
  EXPECT_EQ(heard(6), "START\n");
  ASSERT_FALSE(receive(near_.get(), kBuffer, 20).text.empty());
  ASSERT_TRUE(sendAll(near_.get(), "not TLS"));
  IoStatus status = IoStatus::kBlocked;
  for (int i = 0; i < 1000 && status == IoStatus::kBlocked; ++i) {
    status = stream_->handshake();
    ::poll(nullptr, 0, 1);
  }
  EXPECT_EQ(status, IoStatus::kFailed);
  EXPECT_EQ(stream_->failure()->text(), "backend-tls-sent:unexpected_message");
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  const Received got = receiveAll(near_.get());
  EXPECT_EQ(got.text, std::string("\x15\x03\x03\x00\x02\x02\x0a", 7)) << "the alert";
  EXPECT_TRUE(got.ended) << "and the end behind it";
}

// --- the other ends of a dialog

TEST_F(OpeningStreamTest, PlainPassesAllBytes) {
  auto dialog = starter();
  dialog->peer_ = [](std::string_view line, DialogOutput& out) {
    out.toFar += std::string(line) + "\n";
    return DialogStep{Next::kPlain};
  };
  OpeningParts parts = backendParts(std::move(dialog));
  make(std::move(parts));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_EQ(say("CANCEL\nrest"), IoStatus::kOk);
  EXPECT_EQ(stream_->phase(), OpeningPhase::kSettling);
  EXPECT_EQ(readNow(*stream_), "CANCEL\nrest");
  EXPECT_EQ(heard(6), "START\n");
  succeed();
  write(*next_, "more");
  EXPECT_EQ(heard(4), "more");
  ASSERT_TRUE(sendAll(near_.get(), "and back"));
  EXPECT_EQ(readSome(*next_, 8), "and back");
}

/// As server: the client begins TLS without a command, and its bytes are the ClientHello.
TEST_F(OpeningStreamTest, DirectTlsOfAClient) {
  for (const size_t chunk : {size_t{1}, kBuffer}) {
    openSockets();
    auto dialog = std::make_unique<ScriptDialog>();
    dialog->first = Next::kDirect;
    OpeningParts parts;
    parts.dialog = std::move(dialog);
    parts.server = std::make_shared<const TlsEndpoint>(testSettings({"leaf"}).endpoint());
    make(std::move(parts));
    client_ =
        std::make_unique<TlsStream>(serverWorker_, std::move(farFd_), backendPeer(backendTls()));
    IoStatus status = IoStatus::kBlocked;
    IoStatus clients = IoStatus::kBlocked;
    for (int idle = 0;
         idle < 500 && (status == IoStatus::kBlocked || clients == IoStatus::kBlocked); ++idle) {
      if (clients == IoStatus::kBlocked) clients = client_->handshake();
      if (status == IoStatus::kBlocked) status = stream_->handshake();
      if (relay(chunk))
        idle = 0;
      else
        rest();
    }
    ASSERT_EQ(status, IoStatus::kOk);
    ASSERT_EQ(clients, IoStatus::kOk);
    succeed();
    EXPECT_EQ(pass(*client_, *next_, "ping"), "ping");
    EXPECT_EQ(pass(*next_, *client_, "pong"), "pong");
  }
}

TEST_F(OpeningStreamTest, AGoodbyeInTheHandshake) {
  for (const bool isBackend : {false, true}) {
    openSockets();
    auto dialog = starter();
    dialog->peer_ = [](std::string_view, DialogOutput& out) {
      out.toPeer += "BYE\n";
      return DialogStep{Next::kEnd};
    };
    OpeningParts parts = backendParts(std::move(dialog));
    parts.isBackend = isBackend;
    make(std::move(parts));
    ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
    ASSERT_EQ(say("QUIT\n"), IoStatus::kFailed);
    EXPECT_EQ(stream_->failure()->cause,
              isBackend ? CloseCause::kBackendFin : CloseCause::kClientFin);
    EXPECT_EQ(stream_->flush(), IoStatus::kOk);
    EXPECT_EQ(heard(10), "START\nBYE\n") << "the goodbye is answered";
  }
}

TEST_F(OpeningStreamTest, AFailureHasItsFaultAndItsAnswer) {
  auto dialog = starter();
  dialog->peer_ = [](std::string_view, DialogOutput& out) {
    out.toPeer += "NO\n";
    DialogStep step{Next::kFail};
    step.fault = DialogFault::kRefused;
    step.detail = "it does not offer TLS";
    return step;
  };
  make(backendParts(std::move(dialog)));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  ASSERT_EQ(say("WHAT\n"), IoStatus::kFailed);
  EXPECT_EQ(stream_->failure()->text(), "starttls:refused");
  EXPECT_EQ(stream_->failure()->detail, "it does not offer TLS");
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  const Received got = receiveAll(near_.get());
  EXPECT_EQ(got.text, "START\nNO\n");
  EXPECT_TRUE(got.ended);
}

TEST_F(OpeningStreamTest, AClientThatSaysNothingIsAProbe) {
  OpeningParts parts = backendParts(starter());
  parts.isBackend = false;
  make(std::move(parts));
  ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
  EXPECT_EQ(heard(6), "START\n");
  near_.reset();
  ASSERT_TRUE(waitFd(socket(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kEof);
}

// --- dialogs with the far side, and settling

/// A dialog that passes the lines of both sides in capitals or with a mark, until the peer says GO.
/// Behind TLS it does the same until the peer says SETTLED.
class FarDialogTest : public OpeningStreamTest {
 protected:
  static std::unique_ptr<ScriptDialog> relaying() {
    auto dialog = std::make_unique<ScriptDialog>();
    dialog->afterTls = Next::kMore;
    dialog->behindTls = "AGAIN\n";
    dialog->peer_ = [](std::string_view line, DialogOutput& out) {
      if (line == "GO") return DialogStep{Next::kStartTls};
      out.toFar += "<" + std::string(line) + "\n";
      if (line == "BYE") return DialogStep{Next::kEnd};
      return line == "SETTLED" ? DialogStep{Next::kSettled} : DialogStep{};
    };
    dialog->far_ = [](std::string_view line, DialogOutput& out) {
      out.toPeer += ">" + std::string(line) + "\n";
      return DialogStep{};
    };
    return dialog;
  }
  void begin() {
    make(backendParts(relaying()));
    ASSERT_EQ(stream_->handshake(), IoStatus::kOk);
    ASSERT_EQ(stream_->phase(), OpeningPhase::kDialog);
  }
  void beginSettling() {
    begin();
    ASSERT_TRUE(sendAll(near_.get(), "GO\n"));
    for (int i = 0; i < 1000 && stream_->phase() == OpeningPhase::kDialog; ++i) {
      EXPECT_EQ(readNow(*stream_), "");
      ::poll(nullptr, 0, 1);
    }
    ASSERT_EQ(stream_->phase(), OpeningPhase::kHandshake);
    ASSERT_EQ(secure(), IoStatus::kOk);
    ASSERT_EQ(stream_->phase(), OpeningPhase::kSettling);
    EXPECT_EQ(readSome(*server_, 6), "AGAIN\n");
  }
};

TEST_F(FarDialogTest, LinesPassBothWays) {
  begin();
  write(*stream_, "one\ntw");
  EXPECT_TRUE(out_.empty());
  EXPECT_EQ(heard(5), ">one\n");
  write(*stream_, "o\n");
  EXPECT_EQ(heard(5), ">two\n");
  ASSERT_TRUE(sendAll(near_.get(), "a\nb"));
  EXPECT_EQ(readSome(*stream_, 3), "<a\n");
  ASSERT_TRUE(sendAll(near_.get(), "\n"));
  EXPECT_EQ(readSome(*stream_, 3), "<b\n");
}

/// The FIFO gives a line in two pieces where its ring ends.
TEST_F(FarDialogTest, ALineOfTheFarSideWraps) {
  begin();
  ASSERT_TRUE(out_.append(std::vector<uint8_t>(kBuffer - 3, 'x')));
  out_.consume(kBuffer - 4);
  ASSERT_TRUE(out_.append(asBytes(std::string_view("\nwrapped line\n"))));
  ASSERT_LT(out_.readable().size(), out_.size());
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(heard(17), ">x\n>wrapped line\n");
}

TEST_F(FarDialogTest, SettlingBytesPassBothWays) {
  beginSettling();
  EXPECT_EQ(stream_->successor(), nullptr);
  write(*stream_, "far\n");
  EXPECT_EQ(readSome(*server_, 5), ">far\n");
  write(*server_, "peer\npart");
  EXPECT_EQ(readSome(*stream_, 6), "<peer\n");
  EXPECT_EQ(stream_->successor(), nullptr);
  write(*server_, "\nSETTLED\nunchanged");
  EXPECT_EQ(readSome(*stream_, 25), "<part\n<SETTLED\nunchanged");
  succeed();
  EXPECT_EQ(pass(*next_, *server_, "far\n"), "far\n");
  EXPECT_EQ(pass(*server_, *next_, "peer\n"), "peer\n");
}

/// The last bytes of the far side that were not a line pass unchanged when the dialog has settled.
TEST_F(FarDialogTest, TheSuccessorComesWhenAllBytesHaveLeft) {
  beginSettling();
  write(*stream_, "half a line");
  EXPECT_TRUE(out_.empty());
  write(*server_, "SETTLED\n");
  RingBuffer small(pool_, 4);
  for (int i = 0; i < 1000 && small.empty(); ++i) {
    ASSERT_EQ(stream_->read(small, 4).status, IoStatus::kOk);
    if (small.empty()) ::poll(nullptr, 0, 1);
  }
  EXPECT_EQ(stream_->phase(), OpeningPhase::kSettling) << "bytes for the far side are still here";
  EXPECT_EQ(stream_->successor(), nullptr);
  EXPECT_EQ(std::string(asText(small.readable())) + readSome(*stream_, 5), "<SETTLED\n");
  EXPECT_EQ(stream_->flush(), IoStatus::kOk);
  EXPECT_EQ(readSome(*server_, 11), "half a line");
  succeed();
}

TEST_F(FarDialogTest, AGoodbyeEndsTheDirectionBehindItsBytes) {
  begin();
  ASSERT_TRUE(sendAll(near_.get(), "BYE\nnobody reads this"));
  EXPECT_EQ(readSome(*stream_, 5), "<BYE\n");
  EXPECT_EQ(readNow(*stream_), "");
  EXPECT_EQ(readStatus_, IoStatus::kEof);
}

TEST_F(FarDialogTest, AnEndOfThePeerComesBehindItsLines) {
  begin();
  ASSERT_TRUE(sendAll(near_.get(), "last\n"));
  ASSERT_EQ(::shutdown(near_.get(), SHUT_WR), 0);
  EXPECT_EQ(readSome(*stream_, 6), "<last\n");
  EXPECT_EQ(readNow(*stream_), "");
  EXPECT_EQ(readStatus_, IoStatus::kEof);
  write(*stream_, "still\n");
  EXPECT_EQ(heard(7), ">still\n") << "half-closed";
}

TEST_F(FarDialogTest, AnEndOfTheFarSideReachesThePeer) {
  begin();
  write(*stream_, "last\n");
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  const Received got = receiveAll(near_.get());
  EXPECT_EQ(got.text, ">last\n");
  EXPECT_TRUE(got.ended);
}

/// The far side ends while TLS begins: the peer gets a close_notify behind the handshake.
TEST_F(FarDialogTest, AnEndDuringTheTlsHandshakeIsSentBehindIt) {
  begin();
  ASSERT_TRUE(sendAll(near_.get(), "GO\n"));
  for (int i = 0; i < 1000 && stream_->phase() == OpeningPhase::kDialog; ++i) {
    (void)readNow(*stream_);
    ::poll(nullptr, 0, 1);
  }
  ASSERT_EQ(stream_->phase(), OpeningPhase::kHandshake);
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  ASSERT_EQ(secure(), IoStatus::kOk);
  EXPECT_EQ(readSome(*server_, 1000), "AGAIN\n");
  EXPECT_EQ(readStatus_, IoStatus::kEof);
}

/// Without a dialog behind TLS, and before the first byte: the end waits too.
TEST_F(OpeningStreamTest, AnEndBeforeTlsIsSentBehindTheHandshake) {
  for (const bool early : {false, true}) {
    openSockets();
    make(backendParts(nullptr, /*proxy=*/true));
    ASSERT_EQ(stream_->handshake(), IoStatus::kBlocked);
    if (early) (void)stream_->shutdownWrite();
    EXPECT_EQ(heard(8), "CONNECT\n");
    ASSERT_EQ(say("OK\n"), IoStatus::kBlocked);
    if (!early) (void)stream_->shutdownWrite();
    ASSERT_EQ(secure(), IoStatus::kOk);
    succeed();
    EXPECT_EQ(readSome(*server_, 1), "");
    EXPECT_EQ(readStatus_, IoStatus::kEof);
  }
}

/// A peer that reads nothing: the stream takes no more than it can keep, and loses nothing.
TEST_F(FarDialogTest, APeerThatReadsNothing) {
  const int small = 4096;
  ::setsockopt(nearFd_.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  ::setsockopt(near_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  begin();
  std::string expected;
  for (int i = 0; i < 200'000 && stream_->backlog() == 0; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    if (!out_.append(asBytes(line))) break;
    expected += ">" + line;
    (void)stream_->write(out_);
  }
  ASSERT_GT(stream_->backlog(), 0u) << "the socket is full";
  EXPECT_GE(stream_->unacknowledged(), stream_->backlog());
  write(*stream_, "later\n");
  EXPECT_EQ(out_.size(), 6u) << "no more is taken";
  std::string got;
  for (int i = 0; i < 10'000 && got.size() < expected.size(); ++i) {
    got += receive(near_.get(), kBuffer, 1).text;
    (void)stream_->flush();
  }
  EXPECT_EQ(got, expected);
  EXPECT_EQ(stream_->backlog(), 0u);
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(heard(7), ">later\n");
}

/// A line that does not end: the stream holds no more than the longest line.
TEST_F(FarDialogTest, HoldsABoundedPartOfALine) {
  begin();
  ASSERT_TRUE(out_.append(std::vector<uint8_t>(kBuffer - 1, 'x')));
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kBlocked);
  EXPECT_EQ(kBuffer - 1 - out_.size(), Dialog::kLongestLine + 1);
  ASSERT_TRUE(sendAll(near_.get(), std::string(kBuffer, 'y')));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(readNow(*stream_), "");
  EXPECT_TRUE(waitFd(socket(), POLLIN, 0)) << "the rest waits in the socket";
}

}  // namespace
}  // namespace culvert
