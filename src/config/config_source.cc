// SPDX-License-Identifier: GPL-3.0-or-later
// Reads all sources and passes them to the builder.
#include "config/config_source.h"

#include "config/config_builder.h"

namespace culvert {

LoadOutcome ConfigSource::load(const Validators& validators) const {
  if (file_.empty()) return build({}, {}, validators);
  Result<std::string> text = readConfigFile(file_);
  if (text) return loadText(*text, validators);
  LoadOutcome outcome;  // the file cannot be read, so check only the names in the overrides
  outcome.diagnostics.error(Origin::file(file_, 0), {}, {}, text.error().text);
  readEnvironment(overrides_.environment, outcome.diagnostics);
  readSets(overrides_.sets, outcome.diagnostics);
  outcome.diagnostics.sort();
  return outcome;
}

LoadOutcome ConfigSource::loadText(std::string_view text, const Validators& validators) const {
  Diagnostics diagnostics;
  RawDocument document = parseIni(text, file_, diagnostics);
  return build(std::move(document), std::move(diagnostics), validators);
}

LoadOutcome ConfigSource::build(RawDocument document, Diagnostics diagnostics,
                                const Validators& validators) const {
  LoadOutcome outcome;
  outcome.diagnostics = std::move(diagnostics);
  ConfigLayers layers;
  layers.file = std::move(document);
  layers.environment = readEnvironment(overrides_.environment, outcome.diagnostics);
  layers.sets = readSets(overrides_.sets, outcome.diagnostics);
  layers.named = readNamed(overrides_);
  layers.fileName = file_;
  layers.hints = passedOverVariables(overrides_.environment);
  layers.selfSigned = overrides_.selfSigned;
  outcome.config = buildConfig(layers, validators, outcome.diagnostics);
  const bool more = outcome.diagnostics.full();
  outcome.diagnostics.sort();
  if (more) outcome.diagnostics.addCut();
  return outcome;
}

}  // namespace culvert
