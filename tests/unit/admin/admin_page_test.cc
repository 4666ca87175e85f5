// SPDX-License-Identifier: GPL-3.0-or-later
// The page and its policy: each nonce is in place, and the page needs nothing that the policy forbids.
#include "admin/admin_page.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace culvert {
namespace {

size_t countOf(std::string_view text, std::string_view word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + word.size()))
    ++count;
  return count;
}

TEST(AdminPage, ReplacesEveryNonce) {
  const std::string page = adminPage("bm9uY2U=");
  EXPECT_EQ(page.find("{{"), std::string::npos);
  EXPECT_EQ(countOf(page, "nonce=\"bm9uY2U=\""), 2U) << "one style sheet and one script";
}

TEST(AdminPage, IsWholeAndSmall) {
  const std::string page = adminPage("x");
  EXPECT_TRUE(page.starts_with("<!doctype html>")) << page.substr(0, 40);
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_LT(page.size(), 60U * 1024) << "the limit of a string literal in some compilers is 64 KiB";
}

TEST(AdminPage, EveryScriptAndStyleHasTheNonce) {
  const std::string page = adminPage("x");
  EXPECT_EQ(countOf(page, "<script"), countOf(page, "<script nonce=\"x\">"));
  EXPECT_EQ(countOf(page, "<style"), countOf(page, "<style nonce=\"x\">"));
}

TEST(AdminPage, NeedsNothingFromOutside) {
  const std::string page = adminPage("x");
  for (const char* word : {"src=", "@import", "url(", "//cdn", "https:"})
    EXPECT_EQ(page.find(word), std::string::npos) << word;
  // The name of the SVG namespace is not an address that a browser opens.
  EXPECT_EQ(countOf(page, "http:"), countOf(page, "http://www.w3.org/2000/svg"));
}

TEST(AdminPage, NeverMakesHtmlOfData) {
  const std::string page = adminPage("x");
  for (const char* word :
       {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
        "DOMParser", "createContextualFragment", "setHTMLUnsafe"})
    EXPECT_EQ(page.find(word), std::string::npos) << word;
}

TEST(AdminPage, HasNoInlineHandlerAndNoInlineStyle) {
  const std::string page = adminPage("x");
  EXPECT_FALSE(std::regex_search(page, std::regex("<[a-z][^>]* on[a-z]+=")));
  EXPECT_FALSE(std::regex_search(page, std::regex("<[a-z][^>]* style=")));
}

TEST(AdminPage, EveryIdIsThereOnceAndEveryReferenceHasItsTarget) {
  const std::string page = adminPage("x");
  const std::string markup = page.substr(0, page.find("<script"));
  std::set<std::string> ids;
  const std::regex declared(" id=\"([^\"]*)\"");
  for (auto it = std::sregex_iterator(markup.begin(), markup.end(), declared);
       it != std::sregex_iterator(); ++it)
    EXPECT_TRUE(ids.insert((*it)[1]).second) << (*it)[1] << " is there twice";
  const std::regex named(" (?:for|aria-labelledby|aria-describedby|href)=\"#?([a-z][a-z-]*)\"");
  for (auto it = std::sregex_iterator(markup.begin(), markup.end(), named);
       it != std::sregex_iterator(); ++it)
    EXPECT_TRUE(ids.contains((*it)[1])) << (*it)[0];
  // What the script finds by id: $("name").
  const std::regex used("\\$\\(\"([^\"]+)\"\\)");
  for (auto it = std::sregex_iterator(page.begin(), page.end(), used); it != std::sregex_iterator();
       ++it)
    EXPECT_TRUE(ids.contains((*it)[1])) << (*it)[0];
}

TEST(PageSecurityPolicy, AllowsOnlyWhatHasTheNonce) {
  EXPECT_EQ(pageSecurityPolicy("abc"),
            "default-src 'none'; script-src 'nonce-abc'; style-src 'nonce-abc'; connect-src "
            "'self'; img-src data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

}  // namespace
}  // namespace culvert
