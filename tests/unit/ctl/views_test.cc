// SPDX-License-Identifier: GPL-3.0-or-later
// What people read, from answers that are whole, thin or hostile.
#include "ctl/views.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

JsonValue json(std::string_view text) {
  const Result<JsonValue> value = parseJson(text);
  EXPECT_TRUE(value) << text;
  return value.value_or(JsonValue());
}

TEST(CtlViews, EmptyAnswersMakeNoTrouble) {
  const JsonValue none = json("{}");
  EXPECT_TRUE(statusIsWrong(none));
  EXPECT_FALSE(statusView(none, 0, {}).empty());
  EXPECT_EQ(servicesView({none}, {}), "There is no service.\n");
  EXPECT_EQ(backendsView(none, "", {}), "There is no backend.\n");
  EXPECT_EQ(backendsView(none, "w\n", {}), "Service w\\x0a has no backend.\n");
  EXPECT_EQ(certificatesView(none, {}), "There is no certificate.\n");
  EXPECT_EQ(tunnelsView(none, true, {}), "No tunnel matches.\n");
  EXPECT_EQ(reloadView(none, {}), "The reload failed; nothing has changed.\n");
  EXPECT_FALSE(tunnelView(none).empty());
}

TEST(CtlViews, OnlyErrorsMakeTheStatusWrong) {
  constexpr std::string_view kGood = R"({"ready":{"ok":true},"live":{"ok":true},"problems":[)";
  EXPECT_FALSE(statusIsWrong(json(std::string(kGood) + "]}")));
  EXPECT_FALSE(statusIsWrong(json(std::string(kGood) + R"({"severity":"warning"}]})")));
  EXPECT_TRUE(statusIsWrong(json(std::string(kGood) + R"({"severity":"error"}]})")));
  EXPECT_TRUE(statusIsWrong(json(R"({"ready":{"ok":false},"live":{"ok":true}})")));
  EXPECT_TRUE(statusIsWrong(json(R"({"ready":{"ok":true},"live":{"ok":false}})")));
}

TEST(CtlViews, TimesHaveTheirDistance) {
  const JsonValue status = json(R"({"version":"1","ready":{"ok":true},"live":{"ok":true},
      "uptime_s":60,"started":"1970-01-01T00:00:00Z","loaded":"2999-01-01T00:00:00Z"})");
  const std::string text = statusView(status, 3600, {});
  EXPECT_NE(text.find("1970-01-01 00:00:00 UTC (1h00m ago)"), std::string::npos) << text;
  EXPECT_NE(text.find("2999-01-01 00:00:00 UTC\n"), std::string::npos) << text;
}

TEST(CtlViews, ServicesWithoutABackend) {
  const JsonValue answer = json(R"({"backends":[
      {"service":"a","state":"down"},{"service":"b","state":"failing"},
      {"service":"a","state":"up"},{"service":"c","state":"unresolved"}]})");
  EXPECT_EQ(servicesWithoutBackend(answer, ""), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(servicesWithoutBackend(answer, "a"), std::vector<std::string>());
  EXPECT_EQ(servicesWithoutBackend(answer, "c"), std::vector<std::string>{"c"});
}

TEST(CtlViews, ReloadErrorsHaveTheirPlaceOnce) {
  const JsonValue answer = json(R"({"done":false,"errors":[
      {"file":"/a.ini","line":3,"text":"/a.ini:3: error: x"},
      {"file":"/a.ini","line":4,"text":"y"},{"file":"","line":0,"text":"z\u001b"}],
      "warnings":[{"file":"/b.ini","line":0,"text":"w"}]})");
  EXPECT_EQ(reloadView(answer, {}),
            "/a.ini:3: error: x\n/a.ini:4: y\nz\\x1b\n/b.ini: w\n"
            "The reload failed; nothing has changed.\n");
}

TEST(CtlViews, DrainOfAllAndOfOneService) {
  EXPECT_EQ(drainView(json(R"({"draining":true,"tunnels":1})")),
            "culvert is draining: it accepts no new clients. 1 tunnel is still open.\n");
  EXPECT_EQ(drainView(json(R"({"service":"a","tunnels":0,"listeners_closed":["*:1"],
      "listeners_shared":["*:2","*:3"]})")),
            "Service a is draining: it accepts no new clients. 0 tunnels are still open.\n"
            "  closed                         *:1\n"
            "  still open for other services  *:2, *:3\n");
}

TEST(CtlViews, EveryTextIsMadeVisible) {
  // One hostile text in every member that holds one.
  constexpr std::string_view kTexts =
      R"("id":"\u001b","service":"\u001b","client":"\u001b","sni":"\u001b","alpn":"\u001b",
         "backend":"\u001b","state":"\u001b","tls":"\u001b","suite":"\u001b","group":"\u001b",
         "proxy":"\u001b","client_cert":"\u001b","backend_tls":"\u001b","blocked":"\u001b",
         "start":"\u001b","worker":"\u001b","why":"\u001b","text":"\u001b","severity":"\u001b",
         "name":"\u001b","error":"\u001b","check":"\u001b","subject":"\u001b","issuer":"\u001b",
         "names":["\u001b"],"listening":["\u001b"],"files":["\u001b"],"refused":"\u001b",
         "kind":"\u001b","key":"\u001b","not_after":"\u001b","result":"\u001b","file":"\u001b",
         "version":"\u001b","process":"\u001b","started":"\u001b","loaded":"\u001b",
         "log_level":"\u001b","log_level_until":"\u001b","level":"\u001b","time":"\u001b",
         "after":"\u001b","starttls":"\u001b","added":["\u001b"])";
  const std::string one = "{" + std::string(kTexts) + "}";
  const std::string list = "[" + one + "]";
  const JsonValue all =
      json("{" + std::string(kTexts) + R"(,"more":true,"tunnels":)" + list + R"(,"services":)" +
           list + R"(,"backends":)" + list + R"(,"certificates":)" + list + R"(,"problems":)" +
           list + R"(,"recent":)" + list + R"(,"errors":)" + list + R"(,"warnings":)" + list +
           R"(,"last_reload":)" + one + R"(,"ready":)" + one + R"(,"live":)" + one +
           R"(,"closed_by_cause":{"\u001b":1},"global":["\u001b"],
                                 "listeners_closed":["\u001b"],"done":true})");
  const JsonValue row = json(one);
  for (const std::string& text :
       {statusView(all, 0, {}), servicesView({all}, {}), serviceView(row), serviceNames({all}),
        backendsView(all, "", {}), certificatesView(all, {}), tunnelsView(all, true, {}),
        tunnelView(row), reloadView(all, {}), drainView(all)}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
    EXPECT_NE(text.find("\\x1b"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace culvert
