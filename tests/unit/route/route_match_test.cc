// SPDX-License-Identifier: GPL-3.0-or-later
// Which services get a transport that their options do not name.
#include "route/route_match.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Transport = MatchTransport;

RouteMatch carrying(Transport carries, Transport transport = Transport::kAny,
                    bool fallback = false) {
  RouteMatch match;
  match.carries = carries;
  match.transport = transport;
  match.fallback = fallback;
  return match;
}

std::vector<Transport> completed(std::vector<RouteMatch> services) {
  completeTransports(services);
  std::vector<Transport> transports;
  for (const RouteMatch& one : services) transports.push_back(one.transport);
  return transports;
}

TEST(RouteMatch, ServicesOfOneKindAreNotAskedForTheirTransport) {
  EXPECT_EQ(completed({carrying(Transport::kTls), carrying(Transport::kTls)}),
            (std::vector{Transport::kAny, Transport::kAny}));
  EXPECT_EQ(completed({carrying(Transport::kRaw)}), std::vector{Transport::kAny});
}

TEST(RouteMatch, ServicesOfBothKindsAreToldApart) {
  EXPECT_EQ(completed({carrying(Transport::kTls), carrying(Transport::kRaw)}),
            (std::vector{Transport::kTls, Transport::kRaw}));
}

TEST(RouteMatch, TheFallbackTakesBothButItsKindCounts) {
  EXPECT_EQ(completed({carrying(Transport::kTls),
                       carrying(Transport::kRaw, Transport::kAny, /*fallback=*/true)}),
            (std::vector{Transport::kTls, Transport::kAny}));
}

TEST(RouteMatch, OneNamedTransportCountsForAll) {
  EXPECT_EQ(completed({carrying(Transport::kTls, Transport::kTls), carrying(Transport::kTls)}),
            (std::vector{Transport::kTls, Transport::kTls}));
}

}  // namespace
}  // namespace culvert
