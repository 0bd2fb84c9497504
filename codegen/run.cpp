#include <sinter/sinter.hpp>

#include <fmt/format.h>

#include "commands.hpp"
#include "progress.hpp"
#include "tensor_files.hpp"
#include <algorithm>
#include <memory>

namespace codegen {
namespace {

struct run_settings {
  std::string model{};
  std::vector<std::string> inputs{};
  std::string output{};
  std::string set = "native";
  std::string device = "cpu";
  int threads = 0;
  sinter::preferences prefer{};
};

void print_floats(std::span<float const> values) {
  auto const [least, most] = std::ranges::minmax(values);
  auto const largest = std::ranges::max_element(values) - values.begin();
  fmt::print("  min {:.6g}  max {:.6g} at {}  first {:.6g}", least, most, largest,
             fmt::join(values.first(std::min<std::size_t>(values.size(), 4)), " "));
}

void run(run_settings const& s) {
  progress shown("run");
  shown.stage("loading " + s.model);
  auto const net = sinter::load(s.model, {.device = sinter::device_named(s.device),
                                          .target = sinter::target(s.set),
                                          .threads = s.threads,
                                          .prefer = s.prefer});
  print_warnings(net.warnings());
  shown.stage("reading inputs");
  std::vector<std::string> names;
  for (auto const& p : net.inputs()) names.push_back(p.name);
  auto const tensors = read_inputs(s.inputs, names);
  std::vector<sinter::named_tensor> inputs;
  for (auto const& t : tensors) inputs.push_back({t.name, t.value.view()});
  shown.stage("compiling and running");
  auto const out = net.run(inputs);
  std::vector<sinter::named_tensor> const results(out.begin(), out.end());
  shown.stage("writing outputs");
  if (!s.output.empty()) write_tensors(s.output, results);
  shown.erase();
  for (auto const& [name, value] : results) {
    fmt::print("{} {} {}", name, sinter::name(value.type), value.shape);
    if (value.type == sinter::dtype::float32 && value.elements() > 0) print_floats(value.as<float>());
    fmt::print("\n");
  }
}

}  // namespace

void add_run(CLI::App& app) {
  auto const s = std::make_shared<run_settings>();
  auto* const command = app.add_subcommand("run", "runs a model on tensors from files");
  command->footer(
      "Inputs are .npy, .npz (numpy.savez, whose entries are named after inputs) or .pb files (TensorProto messages).\n"
      "Without a name, files are taken in the order of the model's inputs.");
  command->add_option("model", s->model, "the ONNX file")->required()->check(CLI::ExistingFile);
  command->add_option("--input", s->inputs, "tensors for the inputs: FILE or NAME=FILE");
  command->add_option("-o,--output", s->output,
                      "where the outputs go: a folder that gets NAME.npy for each, or a file FILE.npz, .npy or .pb");
  add_target(*command, s->set);
  add_device(*command, s->device);
  add_preferences(*command, s->prefer);
  command->add_option("--threads", s->threads, "0: all")->check(CLI::NonNegativeNumber)->capture_default_str();
  command->callback([s] { run(*s); });
}

}  // namespace codegen
