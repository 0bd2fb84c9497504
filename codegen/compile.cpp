#include <sinter/emit/cpp/identifier.hpp>
#include <sinter/runtime/thread_pool.hpp>

#include "commands.hpp"
#include "library_files.hpp"
#include "progress.hpp"
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace codegen {
namespace {

struct compile_settings {
  model_arguments model{};
  std::string folder = ".";
  std::string name{};
  std::vector<std::string> sets{};
  std::string device = "cpu";
  std::string weights = "embed";
  int threads = 1;
  std::vector<std::string> batch{};
  std::vector<std::string> states{};
  std::vector<std::string> bounds{};
  sinter::preferences prefer{};
};

constexpr int most_threads = sinter::thread_pool::max_workers;

/// Adds a text that is not there yet.
void add_once(std::vector<std::string>& to, std::string text) {
  if (std::ranges::find(to, text) == to.end()) to.push_back(std::move(text));
}

/// Each target once. Commas part short names; a target with a colon is one argument, commas being its own.
std::vector<std::string> parse_sets(std::vector<std::string> const& texts) {
  std::vector<std::string> sets;
  for (std::string_view text : texts) {
    if (text.find(':') != std::string_view::npos)
      add_once(sets, std::string(text));
    else
      while (!text.empty()) add_once(sets, std::string(sinter::detail::take_word(text, ',')));
  }
  for (auto const text : sinter::library_targets)
    if (texts.empty()) add_once(sets, std::string(text));
  return sets;
}

/// A target for each architecture of a device, as cuda:sm_80,sm_90 names them.
std::vector<std::string> parse_device(std::string_view text) {
  std::vector<std::string> sets;
  auto const name = sinter::detail::take_word(text, ':');
  while (!text.empty()) add_once(sets, fmt::format("{}:{}", name, sinter::detail::take_word(text, ',')));
  if (sets.empty()) sets.emplace_back(name);
  return sets;
}

std::vector<sinter::state_pair> parse_states(std::vector<std::string> const& texts) {
  std::vector<sinter::state_pair> states;
  for (std::string_view const text : texts) {
    auto const equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size())
      sinter::fail(sinter::error_code::invalid_argument,
                   "'{}' is no state; expected an input and the output that gives its next value, as h=h_next", text);
    states.push_back({std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))});
  }
  return states;
}

void compile(compile_settings const& s) {
  auto given = s.model;
  for (auto const& text : s.bounds) given.bounds.push_back(parse_bound(text));
  library_options options{.name = s.name,
                          .sets = s.device == "cpu" ? parse_sets(s.sets) : parse_device(s.device),
                          .embed_weights = s.weights == "embed",
                          .threads = s.threads,
                          .batch = parse_batch(s.batch),
                          .states = parse_states(s.states),
                          .bounds = given.bounds,
                          .prefer = s.prefer,
                          .cache = sinter::cubin_cache::of_user()};
  if (options.name.empty()) options.name = sinter::cpp::identifier(std::filesystem::path(s.model.file).stem().string());
  if (auto const right = sinter::cpp::identifier(options.name); right != options.name)
    sinter::fail(sinter::error_code::invalid_argument, "'{}' cannot be the name of a class; '{}' can", options.name,
                 right);
  progress shown("compile");
  shown.stage("reading " + s.model.file);
  auto model = load_model(given, options.batch);
  options.begins = [&](std::string text) { shown.stage(std::move(text)); };
  write_library(std::move(model), options, s.folder);
}

}  // namespace

void add_compile(CLI::App& app) {
  auto const s = std::make_shared<compile_settings>();
  auto* const command = app.add_subcommand("compile", "makes a C++ library of a model");
  command->footer(
      "Writes NAME.hpp, which declares the class NAME, its source files, and NAME.weights. In CMake,\n"
      "sinter_add_model(NAME net.onnx) does this and builds the result. By hand: -O2 -ffp-contract=off for all files,\n"
      "@NAME_SET.flags for NAME_SET.cpp besides; -Wa,-IDIR lets NAME_weights.cpp find NAME.weights, and NAME_SET.cpp\n"
      "NAME_SET.cubins.\n"
      "A target of --isa in full, as x86-64:avx512f,avx512vnni, is an argument of its own.");
  add_model(*command, s->model);
  command
      ->add_option(
          "--batch", s->batch,
          "sizes of the first extent that the model leaves open: 1,4,16 (each a type of call) or 1..16 (any of "
          "them, chosen at run time)")
      ->delimiter(',');
  command->add_option("--state", s->states,
                      "inputs that an object keeps from run to run, with the outputs that give their next values: "
                      "h=h_next");
  command->add_option("--bounds", s->bounds,
                      "of state that grows, a dimension by its name in the model, and the most it can be: past=4096");
  command->add_option("-o,--output", s->folder, "folder for the files")->capture_default_str();
  command->add_option("--name", s->name, "name of the class and the files; default: that of the model's file");
  auto* const sets = command->add_option(
      "--isa,--target", s->sets,
      "targets, the best is chosen at start: avx512, avx2, portable, native, or in full; default: " +
          fmt::format("{}", fmt::join(sinter::library_targets, ",")));
  command
      ->add_option(
          "--device", s->device,
          "cpu, or CUDA devices by architecture: cuda:sm_80,sm_90; NVRTC compiles the kernels here, without a GPU")
      ->excludes(sets)
      ->capture_default_str();
  command->add_option("--weights", s->weights, "embed: in the program; file: NAME.weights is mapped at run time")
      ->check(CLI::IsMember({"embed", "file"}))
      ->capture_default_str();
  command->add_option("--threads", s->threads, "the most threads that a run uses; with 1 it needs none of the system's")
      ->check(CLI::Range(1, most_threads))
      ->capture_default_str();
  add_preferences(*command, s->prefer);
  command->callback([s] { compile(*s); });
}

}  // namespace codegen
