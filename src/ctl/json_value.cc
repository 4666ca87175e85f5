// SPDX-License-Identifier: GPL-3.0-or-later
// The only source that includes nlohmann-json: its parser fills JsonValue.
#include "ctl/json_value.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/words.h"

namespace culvert {

/// Receives the parser's events and builds the value. Thread: one, during parseJson().
class JsonBuilder {
 public:
  using Json = nlohmann::json;

  bool null() { return put({}); }
  bool boolean(bool value) {
    JsonValue one;
    one.kind_ = JsonValue::Kind::kBool;
    one.truth_ = value;
    return put(std::move(one));
  }
  bool number_integer(Json::number_integer_t value) {
    return putNumber(static_cast<double>(value), std::to_string(value));
  }
  bool number_unsigned(Json::number_unsigned_t value) {
    return putNumber(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(Json::number_float_t value, const std::string& digits) {
    return putNumber(value, digits);
  }
  bool string(std::string& value) {
    JsonValue one;
    one.kind_ = JsonValue::Kind::kText;
    one.text_ = std::move(value);
    return put(std::move(one));
  }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(size_t) { return open(JsonValue::Kind::kObject); }
  bool start_array(size_t) { return open(JsonValue::Kind::kList); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    open_.back().key = std::move(name);
    return true;
  }
  bool parse_error(size_t position, const std::string&, const Json::exception&) {
    what_ = fmt::format("it is not JSON (at byte {})", position);
    return false;
  }

  JsonValue take() { return std::move(root_); }
  const std::string& what() const { return what_; }

 private:
  static constexpr size_t kMaxDepth = 64;
  struct Level {
    JsonValue value;
    std::string key;
  };

  bool putNumber(double value, std::string digits) {
    JsonValue one;
    one.kind_ = JsonValue::Kind::kNumber;
    one.number_ = value;
    one.text_ = std::move(digits);
    return put(std::move(one));
  }
  bool open(JsonValue::Kind kind) {
    if (open_.size() == kMaxDepth) {
      what_ = fmt::format("its JSON has more than {} levels", kMaxDepth);
      return false;
    }
    open_.emplace_back().value.kind_ = kind;
    return true;
  }
  bool close() {
    JsonValue done = std::move(open_.back().value);
    open_.pop_back();
    return put(std::move(done));
  }
  bool put(JsonValue value) {
    if (open_.empty())
      root_ = std::move(value);
    else if (open_.back().value.kind_ == JsonValue::Kind::kList)
      open_.back().value.items_.push_back(std::move(value));
    else
      open_.back().value.members_.emplace_back(std::move(open_.back().key), std::move(value));
    return true;
  }

  JsonValue root_;
  std::vector<Level> open_;
  std::string what_ = "it is not JSON";
};

const JsonValue& JsonValue::operator[](std::string_view name) const {
  static const JsonValue kNone;
  for (const Member& member : members_)
    if (member.first == name) return member.second;
  return kNone;
}

std::string JsonValue::text() const {
  if (kind_ == Kind::kBool) return truth_ ? "true" : "false";
  return text_;
}

std::optional<double> JsonValue::number() const {
  if (kind_ != Kind::kNumber) return std::nullopt;
  return number_;
}

bool JsonValue::flag(std::string_view name) const {
  const JsonValue& value = (*this)[name];
  return value.kind_ == Kind::kBool && value.truth_;
}

std::string JsonValue::joined(std::string_view name, std::string_view between) const {
  std::string out;
  for (const JsonValue& item : items(name)) {
    if (!out.empty()) out += between;
    out += item.text();
  }
  return out;
}

Result<JsonValue> parseJson(std::string_view text) {
  JsonBuilder builder;
  try {
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return fail(builder.what());
  } catch (const std::exception& error) {
    return fail(printable(error.what(), 200));
  }
  return builder.take();
}

}  // namespace culvert
