#include <fmt/format.h>

#include "commands.hpp"
#include "model_check.hpp"
#include "progress.hpp"
#include <memory>

namespace codegen {
namespace {

struct check_settings {
  model_arguments model{};
  std::string set = "native";
  sinter::preferences prefer{};
  bool compiled = false;
};

constexpr int broken = 1, unsupported = 2, not_compiled = 3;

void check(check_settings const& s) {
  progress shown("check");
  shown.stage("checking " + s.model.file);
  auto const r = check_model(s.model, s.set, s.prefer);
  shown.erase();
  fmt::print("{}", to_string(r));
  if (!r.is_sound()) throw CLI::RuntimeError(broken);
  if (!r.runs()) throw CLI::RuntimeError(unsupported);
  if (s.compiled && (!r.not_planned.empty() || !r.loops.empty())) throw CLI::RuntimeError(not_compiled);
}

}  // namespace

void add_check(CLI::App& app) {
  auto const s = std::make_shared<check_settings>();
  auto* const command = app.add_subcommand("check", "whether a model is sound, and whether and how it runs here");
  command->footer(
      "Checks the structure of the file, versions, and types and shapes against what the model declares; lists all\n"
      "nodes that this library cannot run, with the reasons, and those that run as plain loops.\n"
      "Exit status: 0 it runs; 1 the model is not sound, or cannot be read; 2 it is, but does not run here; 3 with\n"
      "--compiled: parts of it run as plain loops, or shapes are open.");
  add_model(*command, s->model);
  command->add_flag("--compiled", s->compiled, "ask that every step has code of its own");
  add_target(*command, s->set, "--isa,--target,--device");
  add_preferences(*command, s->prefer);
  command->callback([s] { check(*s); });
}

}  // namespace codegen
