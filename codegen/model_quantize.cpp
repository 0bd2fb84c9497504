#include "model_quantize.hpp"

#include <sinter/compile.hpp>
#include <sinter/onnx/export.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/quantize/dynamic_quantization.hpp>
#include <sinter/quantize/short_names.hpp>
#include <sinter/quantize/standard_form.hpp>
#include <sinter/quantize/weight_storage.hpp>
#include <sinter/runtime/thread_pool.hpp>
#include <sinter/sinter.hpp>

#include <fmt/format.h>

#include "median.hpp"
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace codegen {

using sinter::any_tensor;
using sinter::error_code;
using sinter::fail;
using sinter::graph;
namespace quantize = sinter::quantize;

namespace {

/// A graph compiled for the shapes of inputs that come.
class compiled_runs {
 public:
  compiled_runs(graph const& g, sinter::target const& machine, std::shared_ptr<sinter::thread_pool> pool)
      : options_{.machine = machine}, pool_(std::move(pool)), prepared_(sinter::prepare(g, options_.passes)) {}

  sample operator()(sample const& inputs) {
    sinter::signature s;
    for (auto const& t : inputs) s.shapes.emplace_back(t.shape());
    auto& code = code_[to_string(s)];
    if (!code) code.emplace(sinter::compile(prepared_, s, options_, store_, pool_.get()));
    sinter::workspace memory(code->memory(), sinter::limits{}.arena_bytes);
    std::vector<sinter::tensor_view> views;
    for (auto const& t : inputs) views.push_back(t.view());
    code->run(memory, views);
    sample results;
    for (auto const& r : memory.results) results.push_back(sinter::copy_of(r));
    return results;
  }

 private:
  sinter::compile_options options_;
  std::shared_ptr<sinter::thread_pool> pool_;
  sinter::model_store store_{};
  sinter::rewritten_graph prepared_;
  std::map<std::string, std::optional<sinter::executable>> code_{};
};

quantize::graph_compiler compiler(quantize_options const& how) {
  return
      [machine = sinter::runnable_here(how.machine), pool = sinter::shared_thread_pool(how.threads)](graph const& g) {
        auto const runs = std::make_shared<compiled_runs>(g, machine, pool);
        return [runs](sample const& inputs) { return (*runs)(inputs); };
      };
}

/// Samples to calibrate with, and to measure with.
struct sample_sets {
  std::vector<sample> calibration{}, measured{};
  bool held_out = false;
};

/// Of four samples the last is for measuring; where there are less than four all are for both.
sample_sets divide(std::vector<sample> all) {
  if (all.size() < 4) return {all, all, false};
  sample_sets sets{.held_out = true};
  for (std::size_t i = 0; i < all.size(); ++i)
    (i % 4 == 3 ? sets.measured : sets.calibration).push_back(std::move(all[i]));
  return sets;
}

sample_sets read_sample_sets(graph const& imported, model_arguments const& model, quantize_options const& how) {
  auto inputs = imported;
  std::erase_if(inputs.inputs, [&](auto const& p) { return inputs.at(p.value).is_constant(); });
  if (!how.data.empty()) return divide(read_samples(inputs, how.data, how.samples, how.pictures));
  auto arguments = model;
  for (auto const& p : inputs.inputs) {  // an open batch is 1
    auto declared = p.declared;
    if (!declared || declared->empty() || declared->front().known()) continue;
    declared->front() = {.extent = 1};
    auto const& name = inputs.at(p.value).name;
    bool const given = std::ranges::any_of(model.shapes, [&](auto const& s) { return parse_shape(s).name == name; });
    if (auto const known = sinter::static_shape(declared); known && !given)
      arguments.shapes.push_back(fmt::format("{}={}", name, sinter::to_string(*known)));
  }
  auto const shaped = shape_model(inputs, arguments);
  return divide(random_samples(sinter::specialize(shaped.g, shaped.signatures[0]), how.samples));
}

std::set<sinter::node_id> named_nodes(graph const& g, std::vector<std::string> const& names) {
  std::set<sinter::node_id> found;
  auto const nodes = quantize::quantizable_nodes(g);
  for (auto const& name : names) {
    auto const at = std::ranges::find_if(nodes, [&](auto id) { return g.at(id).name == name; });
    if (at == nodes.end())
      fail(error_code::invalid_argument, "the model has no node '{}' that would be quantised; --sensitivity lists them",
           name);
    found.insert(*at);
  }
  return found;
}

quantize::progress_report reporter(progress& shown) {
  return [&shown](std::string_view what, std::size_t done, std::size_t all) {
    shown.stage(fmt::format("{} {} of {}", what, done + 1, all));
  };
}

/// Static quantisation of a graph in standard form; notes what it did.
graph quantize_integers(graph const& g, sample_sets const& samples, quantize_options const& how, quantize_report& r,
                        progress& shown) {
  // Samples of the search, which runs the model for each node: of so many, one may differ for an agreement of 99 %.
  constexpr std::size_t most_searched = 100;
  auto const compile = compiler(how);
  auto const report = reporter(shown);
  auto const seen = quantize::calibrate(g, samples.calibration, compile, how.calibration, report);
  shown.stage("running the float model");
  auto const some = std::span(samples.calibration).first(std::min(samples.calibration.size(), most_searched));
  auto const measured = quantize::measure_float(g, some, compile);
  quantize::static_options options{.in_float = named_nodes(g, how.in_float), .correct_bias = how.correct_bias};
  shown.stage("quantising");
  auto found = quantize::quantize_within(g, seen, how.budget, measured, compile, options, report);
  if (how.sensitivity && found.table.empty())
    found.table = quantize::measure_sensitivity(g, seen, measured, compile, options, report);
  for (auto const& line : found.table)
    r.sensitivity.push_back({g.at(line.node).name, line.sqnr, found.in_float.contains(line.node)});
  r.quantizable = quantize::quantizable_nodes(g).size();
  r.quantized = r.quantizable - found.in_float.size();
  return std::move(found.g);
}

graph quantized(graph const& g, sample_sets const& samples, quantize_options const& how, quantize_report& r,
                progress& shown) {
  switch (how.what) {
    case quantization::dynamic: return quantize::quantize_dynamic(g);
    case quantization::int4: return quantize::store_blocks(g, {.bits = 4, .block = how.block});
    case quantization::int8: return quantize::store_blocks(g, {.bits = 8, .block = how.block});
    case quantization::float16: return quantize::store_halves(g, sinter::dtype::float16);
    case quantization::bfloat16: return quantize::store_halves(g, sinter::dtype::bfloat16);
    case quantization::integers: break;
  }
  return quantize_integers(g, samples, how, r, shown);
}

/// A model in a file, run on samples.
class loaded_model {
 public:
  loaded_model(std::string const& file, quantize_options const& how, std::vector<std::string> names)
      : net_(sinter::load(file, {.target = how.machine, .threads = how.threads})), names_(std::move(names)) {}

  sample run(sample const& s) const {
    auto const out = net_.run(named(s));
    sample results;
    for (std::size_t i = 0; i < out.size(); ++i) results.push_back(sinter::copy_of(out[i]));
    return results;
  }
  double milliseconds(sample const& s) const {
    auto const inputs = named(s);
    auto const start = std::chrono::steady_clock::now();
    net_.run(inputs);
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  std::vector<sinter::named_tensor> named(sample const& s) const {
    std::vector<sinter::named_tensor> inputs;
    for (std::size_t i = 0; i < s.size(); ++i) inputs.push_back({names_[i], s[i].view()});
    return inputs;
  }

  sinter::model net_;
  std::vector<std::string> names_;
};

/// Runs both models in turn, for about two seconds or 101 times.
before_and_after measure_time(loaded_model const& before, loaded_model const& after, sample const& s) {
  std::vector<double> a, b;
  double spent = 0;
  while (a.size() < 101 && (a.size() < 3 || spent < 2000)) {
    a.push_back(before.milliseconds(s));
    b.push_back(after.milliseconds(s));
    spent += a.back() + b.back();
  }
  return {median(std::move(a)), median(std::move(b))};
}

/// How many operators compute on 8-bit integers when the model runs here.
std::size_t count_on_integers(graph const& g, sample const& s) {
  sinter::signature shapes;
  for (auto const& t : s) shapes.shapes.emplace_back(t.shape());
  auto const bound = sinter::bind(sinter::prepare(g), shapes).g;
  return static_cast<std::size_t>(std::ranges::count_if(bound.topological_order(), [&](auto id) {
    return bound.at(id).domain == "sinter" && bound.at(id).op.starts_with("Quantized");
  }));
}

void measure(std::string const& file, std::string const& written, graph const& g, sample_sets const& samples,
             quantize_options const& how, quantize_report& r, progress& shown) {
  std::vector<std::string> names;
  for (auto const& p : g.inputs) names.push_back(g.at(p.value).name);
  shown.stage("loading both models");
  loaded_model const before(file, how, names), after(written, how, names);
  r.accuracy = quantize::no_runs(g);
  for (auto const& s : samples.measured) {
    reporter(shown)("measuring sample", static_cast<std::size_t>(&s - samples.measured.data()),
                    samples.measured.size());
    quantize::add_run(r.accuracy, before.run(s), after.run(s));
  }
  shown.stage("measuring time");
  r.milliseconds = measure_time(before, after, samples.measured.at(0));
  r.bytes = {static_cast<double>(std::filesystem::file_size(file)),
             static_cast<double>(std::filesystem::file_size(written))};
  r.on_integers = count_on_integers(sinter::onnx::import_file(written), samples.measured.at(0));
  auto const machine = sinter::runnable_here(how.machine);
  r.multiplies_bytes = machine.adds_byte_products(machine.lanes());
}

}  // namespace

quantize_report quantize_model(model_arguments const& model, quantize_options const& how,
                               std::filesystem::path const& to, progress& shown) {
  shown.stage("reading " + model.file);
  auto imported = sinter::onnx::import_file(model.file);
  sinter::check_supported(imported);
  shown.stage("reading samples");
  auto const samples = read_sample_sets(imported, model, how);
  shown.stage("folding constants");
  auto const g = quantize::standard_form(std::move(imported));
  quantize_report r{
      .calibrated = samples.calibration.size(), .measured = samples.measured.size(), .held_out = samples.held_out};
  auto result = quantized(g, samples, how, r, shown);
  quantize::shorten_names(result);
  shown.stage("writing " + to.string());
  sinter::onnx::export_file(result, to);
  measure(model.file, to.string(), g, samples, how, r, shown);
  r.within_budget = how.budget.holds(r.accuracy);
  return r;
}

}  // namespace codegen
