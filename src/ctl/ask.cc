// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/ask.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/words.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

constexpr Millis kAnswerTimeout{10'000};
constexpr Millis kReloadTimeout{60'000};

}  // namespace

CtlResult<CtlAnswer> CtlAsk::send(const CtlRequest& request) const {
  const Millis usual = request.path == "/reload" ? kReloadTimeout : kAnswerTimeout;
  return client_.call(request, timeout_.value_or(usual));
}

CtlResult<JsonAnswer> CtlAsk::get(const std::string& path, Query query,
                                  std::initializer_list<int> also) const {
  return json({"GET", path, std::move(query)}, also);
}

CtlResult<JsonAnswer> CtlAsk::post(const std::string& path, Query query,
                                   std::initializer_list<int> also) const {
  return json({"POST", path, std::move(query)}, also);
}

CtlResult<JsonAnswer> CtlAsk::json(const CtlRequest& request,
                                   std::initializer_list<int> also) const {
  CtlResult<CtlAnswer> answer = send(request);
  if (!answer) return tl::unexpected(answer.error());
  const bool wanted = answer->isOk() || std::ranges::find(also, answer->status) != also.end();
  if (!wanted) return refusal(request.path, *answer);
  if (!answer->isJson())
    return misunderstood(request.path, fmt::format("its type is \"{}\", not application/json",
                                                   visible(answer->type)));
  Result<JsonValue> value = parseJson(answer->body);
  if (!value) return misunderstood(request.path, value.error().text);
  if (!value->isObject()) return misunderstood(request.path, "it is not a JSON object");
  // 422 and 503 can also be refusals in words.
  if (!answer->isOk() && value->members().size() == 1 && value->has("error"))
    return refusal(request.path, *answer);
  if (!answer->body.ends_with('\n')) answer->body += '\n';
  return JsonAnswer{std::move(answer->body), std::move(*value)};
}

tl::unexpected<CtlFailure> CtlAsk::refusal(const std::string& path, const CtlAnswer& answer) const {
  const Result<JsonValue> value = answer.isJson() ? parseJson(answer.body) : JsonValue();
  const std::string words = value ? shownText(*value, "error") : "";
  if (words.empty() || answer.status < 400)
    return misunderstood(path, fmt::format("status {} without words", answer.status));
  CtlFailure failure{kCtlWrong, fmt::format("culvert refused: {}", words), 0, answer.status};
  return tl::unexpected(std::move(failure));
}

tl::unexpected<CtlFailure> CtlAsk::misunderstood(const std::string& path,
                                                 std::string_view why) const {
  return ctlFail(kCtlAnswer,
                 fmt::format("the answer from {} to {} is not one that culvertctl understands: {}\n"
                             "  Is this the `admin` address of culvert, and of the same version?",
                             client_.address().text(), path, why));
}

}  // namespace culvert
