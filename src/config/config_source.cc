// SPDX-License-Identifier: GPL-3.0-or-later
// Reads all sources and passes them to the builder.
#include "config/config_source.h"

#include "config/config_builder.h"
#include "config/included_files.h"

namespace culvert {
namespace {

/// Returns the entry that sets include, from the strongest source; nullptr if there is none. If a
/// source has two, the builder reports that as an error.
const RawEntry* includeEntry(const ConfigLayers& layers) {
  for (const RawDocument* document :
       {&layers.named, &layers.sets, &layers.environment, &layers.file})
    for (const RawSection& section : document->sections)
      for (const RawEntry& entry : section.entries)
        if (section.kind == SectionKind::kGlobal && entry.key == "include") return &entry;
  return nullptr;
}

}  // namespace

LoadOutcome ConfigSource::load(const Validators& validators) const {
  if (file_.empty()) return build({}, {}, Includes::kRead, validators);
  Result<std::string> text = readConfigFile(file_);
  if (text) return parse(*text, Includes::kRead, validators);
  LoadOutcome outcome;  // the file cannot be read, so check only the names in the overrides
  outcome.diagnostics.error(Origin::file(file_, 0), {}, {}, text.error().text);
  readEnvironment(overrides_.environment, outcome.diagnostics);
  readSets(overrides_.sets, outcome.diagnostics);
  outcome.diagnostics.sort();
  return outcome;
}

LoadOutcome ConfigSource::loadText(std::string_view text, const Validators& validators) const {
  return parse(text, Includes::kIgnore, validators);
}

LoadOutcome ConfigSource::parse(std::string_view text, Includes includes,
                                const Validators& validators) const {
  Diagnostics diagnostics;
  RawDocument document = parseIni(text, file_, diagnostics);
  return build(std::move(document), std::move(diagnostics), includes, validators);
}

LoadOutcome ConfigSource::build(RawDocument document, Diagnostics diagnostics, Includes includes,
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
  const RawEntry* include = includeEntry(layers);
  if (include != nullptr && includes == Includes::kRead) {
    IncludedFiles read = readIncludedFiles(*include, file_, outcome.diagnostics);
    layers.included = std::move(read.documents);
    layers.unread = !read.complete;
  }
  outcome.config = buildConfig(layers, validators, outcome.diagnostics);
  outcome.config.includedFiles = layers.included.size();
  const bool more = outcome.diagnostics.full();
  outcome.diagnostics.sort();
  if (more) outcome.diagnostics.addCut();
  return outcome;
}

}  // namespace culvert
