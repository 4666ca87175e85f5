// SPDX-License-Identifier: GPL-3.0-or-later
// Answers of the daemon as values: types, missing members, bad JSON.
#include "ctl/json_value.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(JsonValue, Getters) {
  const Result<JsonValue> value = parseJson(
      R"({"text":"a\u00e9","int":18446744073709551615,"real":1.50,"yes":true,"none":null,
          "list":["x",2,null],"object":{"inner":-3}})");
  ASSERT_TRUE(value);
  EXPECT_TRUE(value->isObject());
  EXPECT_EQ(value->text("text"), "a\xc3\xa9");
  EXPECT_EQ(value->text("int"), "18446744073709551615") << "an id keeps its digits";
  EXPECT_EQ(value->text("real"), "1.50");
  EXPECT_EQ(value->number("real"), 1.5);
  EXPECT_TRUE(value->flag("yes"));
  EXPECT_EQ(value->text("yes"), "true");
  EXPECT_FALSE(value->has("none"));
  EXPECT_EQ(value->joined("list", "+"), "x+2+");
  EXPECT_EQ((*value)["object"].count("inner"), -3);
  EXPECT_EQ(value->members().size(), 7U);
}

TEST(JsonValue, MissingAndWrongTypesAreEmpty) {
  const JsonValue value = *parseJson(R"({"text":"1","number":1})");
  EXPECT_EQ(value.text("absent"), "");
  EXPECT_EQ(value.number("text"), std::nullopt);
  EXPECT_EQ(value.count("absent"), 0);
  EXPECT_FALSE(value.flag("number"));
  EXPECT_TRUE(value.items("text").empty());
  EXPECT_TRUE(value["text"]["deeper"].isNull());
}

TEST(JsonValue, RefusesBadDocuments) {
  for (const char* text : {"", "{", "{]", "{} x", "nul", "\"\xff\"", "{\"a\":1,}", "01"})
    EXPECT_FALSE(parseJson(text)) << text;
  EXPECT_EQ(parseJson("[1,}").error().text, "it is not JSON (at byte 4)");
  EXPECT_TRUE(parseJson(std::string(64, '[') + std::string(64, ']')));
  EXPECT_NE(parseJson(std::string(65, '[') + std::string(65, ']')).error().text.find("64 levels"),
            std::string::npos);
  EXPECT_FALSE(parseJson(std::string(1'000'000, '[')));
}

}  // namespace
}  // namespace culvert
