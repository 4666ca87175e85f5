// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes what a proxy may send, and the two texts of the configuration. The first byte chooses the
// protocol, the login, the host and the pieces. The dialog gives the same result in whatever pieces
// the bytes come, consumes no more than there is, and sends a bounded number of bytes.
//
// modules: proxy
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "proxy/proxy_dialog.h"
#include "proxy/proxy_url.h"

namespace {

using namespace culvert;
using Next = ProxyStep::Next;

constexpr size_t kMostSent = 2048;
constexpr size_t kMostDetail = 250;
constexpr std::string_view kPassword = "s3cret";

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  Next next = Next::kMore;
  size_t consumed = 0;
  std::string detail, sent, progress;
  bool operator==(const Outcome&) const = default;
};

std::unique_ptr<ProxyDialog> makeDialog(uint8_t choice) {
  static const SharedCredentials kLogin = std::make_shared<const ProxyCredentials>(
      std::move(*ProxyCredentials::parse("user:" + std::string(kPassword))));
  constexpr std::string_view kHosts[] = {"db.example", "10.0.0.1", "2001:db8::1", "x"};
  const std::string_view host = kHosts[choice >> 2 & 3];
  const SharedCredentials login = choice & 2 ? kLogin : nullptr;
  auto dialog = choice & 1 ? makeSocks5(host, 5432, login) : makeHttpConnect(host, 5432, login);
  require(dialog.has_value());
  return std::move(*dialog);
}

Outcome run(uint8_t choice, std::span<const uint8_t> bytes, size_t piece) {
  const std::unique_ptr<ProxyDialog> dialog = makeDialog(choice);
  Outcome out;
  dialog->begin(out.sent);
  while (!bytes.empty() && out.next == Next::kMore) {
    const auto part = bytes.first(std::min(piece, bytes.size()));
    const size_t before = out.sent.size();
    ProxyStep step = dialog->fromProxy(part, out.sent);
    require(step.consumed <= part.size());
    require(step.next != Next::kMore || step.consumed == part.size());
    require(step.next != Next::kDone || piece != 1 || out.sent.size() == before);
    out.next = step.next;
    out.detail = std::move(step.detail);
    out.consumed += step.consumed;
    bytes = bytes.subspan(step.consumed);
  }
  out.progress = dialog->progress();
  return out;
}

void checkOutcome(const Outcome& out, std::string_view fromProxy) {
  require(out.sent.size() <= kMostSent);
  require(out.detail.size() <= kMostDetail);
  require((out.next == Next::kFailed) == !out.detail.empty());
  // The detail quotes the proxy, but never the password.
  require(out.detail.find(kPassword) == std::string::npos ||
          fromProxy.find(kPassword) != std::string_view::npos);
  for (const char c : out.detail) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  // All heads together: the final one and the interim ones.
  require(out.consumed <= (ProxyDialog::kMostInterim + 2) * (ProxyDialog::kLongestHead + 1));
}

void checkTexts(std::string_view text) {
  if (const Result<ProxyUrl> url = parseProxyUrl(text)) {
    const Result<ProxyUrl> again = parseProxyUrl(url->text());
    require(again && *again == *url);
  } else {
    require(!url.error().text.empty() && url.error().text.size() < 400);
  }
  if (const auto credentials = ProxyCredentials::parse(text)) {
    const size_t user = credentials->user().size(), password = credentials->password().size();
    require(user >= 1 && user <= ProxyCredentials::kLongest);
    require(password >= 1 && password <= ProxyCredentials::kLongest);
    require(credentials->user().find(':') == std::string_view::npos);
  } else {
    require(credentials.error().text.size() < 120);
  }
  // Any text may be the host of a backend: what is accepted has no line break.
  if (const auto dialog = makeHttpConnect(text, 1, nullptr)) {
    std::string sent;
    (*dialog)->begin(sent);
    require(std::count(sent.begin(), sent.end(), '\n') == 3);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  const uint8_t choice = data[0];
  const Outcome whole = run(choice, bytes, size);
  checkOutcome(whole, asText(bytes));
  require(run(choice, bytes, 1) == whole);
  require(run(choice, bytes, size_t{2} + (choice >> 4)) == whole);
  checkTexts(asText(bytes));
  return 0;
}
