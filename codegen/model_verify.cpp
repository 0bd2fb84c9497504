#include "model_verify.hpp"

#include <sinter/compile.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/ops/evaluate.hpp>

#include <fmt/format.h>

#include "example_tensor.hpp"
#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

namespace codegen {

using sinter::any_tensor;
using sinter::error_code;
using sinter::fail;
using sinter::graph;
using sinter::node;
namespace fs = std::filesystem;

bool verify_report::good() const {
  return std::ranges::all_of(outputs, &comparison::good) && std::ranges::all_of(nodes, &comparison::good);
}

std::int64_t first_bad(std::int64_t most, std::function<bool(std::int64_t)> const& is_bad) {
  std::int64_t low = 0;
  while (low < most) {
    auto const middle = low + (most - low) / 2;
    if (is_bad(middle))
      most = middle;
    else
      low = middle + 1;
  }
  return most;
}

namespace {

using tensors = std::vector<named_file_tensor>;

any_tensor const* find(tensors const& all, std::string_view name) {
  auto const at = std::ranges::find(all, name, &named_file_tensor::name);
  return at == all.end() ? nullptr : &at->value;
}

/// The tensors in prefix_0.pb, prefix_1.pb and so on, named after the ports of the graph in order.
tensors read_numbered(fs::path const& folder, std::string_view prefix, graph const& g,
                      std::vector<sinter::port> const& ports) {
  tensors all;
  for (std::size_t i = 0; fs::exists(folder / fmt::format("{}_{}.pb", prefix, i)); ++i) {
    auto const file = folder / fmt::format("{}_{}.pb", prefix, i);
    if (i >= ports.size())
      fail(error_code::invalid_argument, "'{}' is one {} too many, the model has {}", file.string(), prefix,
           ports.size());
    all.push_back({g.at(ports[i].value).name, std::move(read_tensors(file)[0].value)});
  }
  return all;
}

/// What is given for the inputs of a model, and expected of its values.
struct reference {
  tensors inputs{};
  tensors expected{};
};

reference read_reference(std::string const& from, graph const& g) {
  if (from.empty()) return {};
  if (fs::is_directory(from)) {
    auto ports = g.inputs;
    std::erase_if(ports, [&](auto const& p) { return g.at(p.value).is_constant(); });
    reference r{read_numbered(from, "input", g, ports), read_numbered(from, "output", g, g.outputs)};
    if (r.expected.empty()) fail(error_code::invalid_argument, "the folder '{}' has no output_0.pb", from);
    return r;
  }
  auto all = read_tensors(from);
  return {all, all};
}

/// The model for the inputs at hand, and these in its order.
struct prepared_case {
  graph g{};
  sinter::signature shapes{};
  std::vector<any_tensor> inputs{};
};

prepared_case prepare_case(graph g, model_arguments arguments, verify_options const& how, reference const& from) {
  auto const given = [&](std::string const& name) {
    auto const* const own = find(how.inputs, name);
    return own ? own : find(from.inputs, name);
  };
  for (auto const& t : how.inputs)
    if (std::ranges::none_of(g.inputs, [&](auto const& p) { return g.at(p.value).name == t.name; }))
      fail(error_code::invalid_argument, "the model has no input '{}'", t.name);
  for (auto const& p : g.inputs)
    if (auto const* const t = given(g.at(p.value).name))
      arguments.shapes.push_back(fmt::format("{}={}", g.at(p.value).name, sinter::to_string(t->shape())));
  auto shaped = shape_model(std::move(g), arguments);
  prepared_case c{.g = sinter::specialize(std::move(shaped.g), shaped.signatures[0]), .shapes = shaped.signatures[0]};
  for (auto const& p : c.g.inputs) {
    auto const& v = c.g.at(p.value);
    auto const* const t = given(v.name);
    if (!t && !how.reference.empty())
      fail(error_code::invalid_argument, "the reference has no input '{}'; give it: --input {}=FILE", v.name, v.name);
    if (t && t->type() != v.type.element)
      fail(error_code::invalid_argument, "input '{}': expected elements of {}, got {}", v.name, name(v.type.element),
           name(t->type()));
    c.inputs.push_back(t ? *t : example(v.type.element, *v.type.shape));
  }
  return c;
}

/// The outputs of the compiled graph, of which only so many rewrites are done.
class compiled_outputs {
 public:
  compiled_outputs(prepared_case const& c, verify_options const& how) : case_(c), how_(how) {}

  std::vector<any_tensor> operator()(graph const& g, std::int64_t rewrites = INT64_MAX) const {
    sinter::model_store store;
    sinter::compile_options options{.machine = how_.machine, .prefer = how_.prefer};
    options.passes.stop_after = rewrites;
    auto const code = sinter::compile(sinter::prepare(g, options.passes), case_.shapes, options, store, nullptr);
    sinter::workspace memory(code.memory(), sinter::limits{}.arena_bytes);
    std::vector<sinter::tensor_view> views;
    for (auto const& t : case_.inputs) views.push_back(t.view());
    code.run(memory, views);
    std::vector<any_tensor> results;
    for (auto const& r : memory.results) results.push_back(sinter::copy_of(r));
    return results;
  }

 private:
  prepared_case const& case_;
  verify_options const& how_;
};

/// A graph whose outputs are the values of all nodes, in the order of these.
graph with_all_outputs(graph g) {
  g.outputs.clear();
  for (auto const id : g.topological_order())
    for (auto const out : g.at(id).outputs)
      if (out) g.outputs.push_back({.value = out, .declared = {}});
  return g;
}

std::vector<comparison> compare_all(std::vector<std::string> const& names, std::vector<any_tensor> const& got,
                                    std::vector<any_tensor> const& expected, tolerance const& allowed) {
  std::vector<comparison> all;
  for (std::size_t i = 0; i < got.size(); ++i) all.push_back(compare_tensors(names[i], got[i], expected[i], allowed));
  return all;
}

bool any_bad(std::vector<comparison> const& all) { return !std::ranges::all_of(all, &comparison::good); }

/// The nodes of a graph, each as a line.
std::multiset<std::string> lines_of(graph const& g) {
  std::multiset<std::string> lines;
  for (auto const id : g.topological_order()) {
    auto line = sinter::describe(g.at(id)) + " of";
    for (auto const in : g.at(id).inputs) line += " " + (in ? g.at(in).name : "nothing");
    lines.insert(std::move(line));
  }
  return lines;
}

/// What a rewrite changed, in words.
std::string describe_rewrite(prepared_case const& c, std::int64_t number) {
  auto const after = [&](std::int64_t rewrites) {
    sinter::optimize_options how;
    how.stop_after = rewrites;
    return lines_of(sinter::bind(sinter::prepare(c.g, how), c.shapes, how).g);
  };
  auto const before = after(number - 1), now = after(number);
  std::vector<std::string> gone, made;
  std::ranges::set_difference(before, now, std::back_inserter(gone));
  std::ranges::set_difference(now, before, std::back_inserter(made));
  return fmt::format("in place of {} it made {}", gone.empty() ? "nothing" : fmt::format("{}", fmt::join(gone, "; ")),
                     made.empty() ? "nothing" : fmt::format("{}", fmt::join(made, "; ")));
}

/// All of a case that a search for the first difference needs.
struct search {
  prepared_case const& c;
  compiled_outputs const& run;
  std::vector<std::string> const& names;
  std::vector<any_tensor> const& expected;
  tolerance const& allowed;

  bool bad_after(std::int64_t rewrites) const {
    return any_bad(compare_all(names, run(c.g, rewrites), expected, allowed));
  }
};

/// The values of all nodes beside what the reference has for them, else beside what `evaluate` makes.
std::vector<comparison> compare_nodes(search const& s, tensors const& reference) {
  auto const open = with_all_outputs(s.c.g);
  auto expected = sinter::evaluate(open, s.c.inputs);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < open.outputs.size(); ++i) {
    auto const& v = open.at(open.outputs[i].value);
    names.push_back(fmt::format("{} of {}", v.name, sinter::describe(open.at(v.producer))));
    if (auto const* const t = find(reference, v.name)) expected[i] = *t;
  }
  return compare_all(names, s.run(open), expected, s.allowed);
}

/// Where outputs become bad that are bad in the end.
std::vector<std::string> find_first(search const& s, std::vector<comparison> const& nodes) {
  auto const rewrites = sinter::bind(sinter::prepare(s.c.g), s.c.shapes).done.rewrites;
  auto const first = first_bad(rewrites, [&](std::int64_t n) { return s.bad_after(n); });
  if (first > 0)
    return {fmt::format("rewrite {} of {} is the first that makes an output bad: {}", first, rewrites,
                        describe_rewrite(s.c, first)),
            fmt::format("see inspect --stop-after {} --show after", first)};
  auto const bad = std::ranges::find_if(nodes, [](auto const& c) { return !c.good(); });
  auto const where = bad == nodes.end() ? "" : ", first in " + bad->name;
  if (any_bad(compare_all(s.names, sinter::evaluate(s.c.g, s.c.inputs), s.expected, s.allowed)))
    return {"no rewrite is to blame: what evaluate computes differs from the reference as well" + where};
  if (!where.empty()) return {"no rewrite is to blame: code differs from what is expected" + where};
  return {"no rewrite is to blame, and each node alone is good: the differences of several add up"};
}

/// Leaves the outputs that the reference has, and returns what it has for them; names of the others go to `missing`.
std::vector<any_tensor> keep_expected(graph& g, tensors const& reference, std::vector<std::string>& missing) {
  std::vector<any_tensor> expected;
  std::vector<sinter::port> kept;
  for (auto const& p : g.outputs) {
    auto const& name = g.at(p.value).name;
    if (auto const* const t = find(reference, name))
      expected.push_back(*t), kept.push_back(p);
    else
      missing.push_back(name);
  }
  g.outputs = std::move(kept);
  return expected;
}

}  // namespace

verify_report verify_model(model_arguments const& model, verify_options const& how) {
  auto imported = sinter::onnx::import_file(model.file);
  sinter::check_supported(imported);
  auto const from = read_reference(how.reference, imported);
  auto c = prepare_case(std::move(imported), model, how, from);
  verify_report r;
  auto const expected =
      how.reference.empty() ? sinter::evaluate(c.g, c.inputs) : keep_expected(c.g, from.expected, r.missing);
  if (expected.empty()) fail(error_code::invalid_argument, "'{}' has none of the model's outputs", how.reference);
  std::vector<std::string> names;
  for (auto const& p : c.g.outputs) names.push_back(c.g.at(p.value).name);
  compiled_outputs const run(c, how);
  search const s{c, run, names, expected, how.allowed};
  r.outputs = compare_all(names, run(c.g), expected, how.allowed);
  bool const bad = any_bad(r.outputs);
  auto nodes = bad || how.nodes ? compare_nodes(s, from.expected) : std::vector<comparison>();
  if (bad) r.findings = find_first(s, nodes);
  if (how.nodes) r.nodes = std::move(nodes);
  return r;
}

}  // namespace codegen
