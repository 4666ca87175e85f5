// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a ProxyDialog over the bytes of a proxy, whole and in pieces, for the tests of both dialogs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "proxy/proxy_dialog.h"

namespace culvert::testing_proxy {

using Next = ProxyStep::Next;
using Factory = Result<std::unique_ptr<ProxyDialog>> (*)(std::string_view, uint16_t,
                                                         SharedCredentials);

inline SharedCredentials login(std::string_view text) {
  if (text.empty()) return nullptr;
  return std::make_shared<const ProxyCredentials>(std::move(*ProxyCredentials::parse(text)));
}

struct ProxyRun {
  Next next = Next::kMore;
  std::string sent;  ///< all bytes to the proxy
  std::string rest;  ///< the bytes that belong to the tunnel
  std::string detail;
  std::string progress;
};

inline ProxyRun runPieces(ProxyDialog& dialog, std::string_view bytes, size_t piece) {
  ProxyRun run;
  dialog.begin(run.sent);
  while (run.next == Next::kMore && !bytes.empty()) {
    const std::string_view part = bytes.substr(0, piece);
    const ProxyStep step = dialog.fromProxy(asBytes(part), run.sent);
    run.next = step.next;
    run.detail = step.detail;
    if (step.next == Next::kMore) {
      EXPECT_EQ(step.consumed, part.size());
    }
    bytes.remove_prefix(step.consumed);
  }
  run.rest = bytes;
  run.progress = dialog.progress();
  if (run.next == Next::kMore) return run;
  const ProxyStep again = dialog.fromProxy(asBytes("more"), run.sent);
  EXPECT_EQ(again.next, run.next);
  EXPECT_EQ(again.consumed, 0u);
  EXPECT_EQ(again.detail, run.detail);
  return run;
}

/// Runs the bytes whole and in pieces, and expects the same from every run.
inline ProxyRun runDialog(Factory make, std::string_view host, uint16_t port,
                          std::string_view credentials, std::string_view bytes) {
  ProxyRun whole;
  for (size_t piece : {bytes.size() + 1, size_t{1}, size_t{2}, size_t{3}, size_t{7}}) {
    Result<std::unique_ptr<ProxyDialog>> dialog = make(host, port, login(credentials));
    if (!dialog) {
      ADD_FAILURE() << dialog.error().text;
      return whole;
    }
    const ProxyRun run = runPieces(**dialog, bytes, piece);
    if (piece > bytes.size()) whole = run;
    EXPECT_EQ(run.next, whole.next) << piece;
    EXPECT_EQ(run.sent, whole.sent) << piece;
    EXPECT_EQ(run.rest, whole.rest) << piece;
    EXPECT_EQ(run.detail, whole.detail) << piece;
    EXPECT_EQ(run.progress, whole.progress) << piece;
  }
  EXPECT_EQ(whole.next == Next::kFailed, !whole.detail.empty());
  EXPECT_LT(whole.detail.size(), 250u);
  return whole;
}

}  // namespace culvert::testing_proxy
