#include <sinter/onnx/import.hpp>

#include <fmt/format.h>

#include "commands.hpp"
#include "model_verify.hpp"
#include "progress.hpp"
#include <memory>

namespace codegen {
namespace {

struct verify_settings {
  model_arguments model{};
  std::vector<std::string> inputs{};
  std::string against = "evaluate";
  std::string set = "native";
  double atol = -1;
  verify_options how{};
};

std::vector<std::string> input_names(std::string const& file) {
  auto const g = sinter::onnx::import_file(file);
  std::vector<std::string> names;
  for (auto const& p : g.inputs)
    if (!g.at(p.value).is_constant()) names.push_back(g.at(p.value).name);
  return names;
}

void verify(verify_settings const& s) {
  progress shown("verify");
  shown.stage("verifying " + s.model.file);
  auto how = s.how;
  how.machine = s.set;
  if (s.against != "evaluate") how.reference = s.against;
  if (s.atol >= 0) how.allowed.atol = s.atol;
  if (how.prefer.precision != sinter::precision::exact) how.allowed.share = 3e-2;
  if (!s.inputs.empty()) how.inputs = read_inputs(s.inputs, input_names(s.model.file));
  auto const r = verify_model(s.model, how);
  shown.erase();
  if (!r.nodes.empty()) fmt::print("values of nodes:\n");
  for (auto const& c : r.nodes) fmt::print("  {}\n", to_string(c));
  fmt::print("outputs:\n");
  for (auto const& c : r.outputs) fmt::print("  {}\n", to_string(c));
  for (auto const& name : r.missing) fmt::print("  not compared: {}, which the reference lacks\n", name);
  for (auto const& text : r.findings) fmt::print("{}\n", text);
  if (!r.good()) throw CLI::RuntimeError(1);
}

}  // namespace

void add_verify(CLI::App& app) {
  auto const s = std::make_shared<verify_settings>();
  auto* const command = app.add_subcommand("verify", "whether a compiled model computes what it should");
  command->footer(
      "An element is good if |got - expected| <= atol + rtol |expected|. If an output is bad, the rewrite of the "
      "graph\n"
      "that makes it so is found, or else the first node. Exit status 1: something is bad.\n"
      "Against evaluate, the plain loops of this library, inputs that are not given are numbers between 0 and 1.\n"
      "--nodes compares the values of all nodes: with those that the reference has by that name, else with "
      "evaluate's;\n"
      "as all are outputs then, nodes are not fused.");
  add_model(*command, s->model);
  command
      ->add_option("--against", s->against,
                   "evaluate, a file .npz (numpy.savez) with entries named after inputs and values, or a folder with "
                   "input_0.pb, output_0.pb and so on")
      ->capture_default_str();
  command->add_option("--input", s->inputs, "tensors for the inputs: FILE or NAME=FILE, .npy, .npz or .pb");
  command->add_flag("--nodes", s->how.nodes, "compare the values of all nodes, too");
  command->add_option("--rtol", s->how.allowed.rtol, "relative tolerance")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--atol", s->atol,
                   "absolute tolerance; by default 1e-4 of the largest magnitude in the tensor, 0.03 with --precision")
      ->check(CLI::NonNegativeNumber);
  add_target(*command, s->set);
  add_preferences(*command, s->how.prefer);
  command->callback([s] { verify(*s); });
}

}  // namespace codegen
