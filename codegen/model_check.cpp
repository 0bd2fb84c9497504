#include "model_check.hpp"

#include <sinter/compile.hpp>
#include <sinter/onnx/description.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/fold_constants.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

namespace codegen {

using sinter::error;
using sinter::error_code;

namespace {

/// Notes an error of the model in the list that it belongs to; others go on.
void note(check_report& r, error const& e) {
  if (e.code() == error_code::malformed_model)
    r.faults.emplace_back(e.what());
  else if (e.code() == error_code::unsupported_operator || e.code() == error_code::unsupported_feature ||
           e.code() == error_code::limit_exceeded)
    r.unsupported.emplace_back(e.what());
  else
    throw;
}

/// Runs `body`; returns whether the model had no error there.
template <typename Body>
bool holds(check_report& r, Body&& body) {
  try {
    body();
    return true;
  } catch (error const& e) {
    note(r, e);
    return false;
  }
}

std::string header_of(sinter::onnx::model_description const& d) {
  auto text = fmt::format("IR version {}", d.ir_version);
  if (!d.producer.empty()) text += ", made by " + d.producer;
  text += ", operator sets";
  for (auto const& [domain, version] : d.opsets)
    text += fmt::format(" {} {}", domain.empty() ? "ai.onnx" : domain, version);
  return text;
}

std::string describe(sinter::tensor_type const& t) {
  return fmt::format("{} {}", name(t.element), t.shape ? to_string(*t.shape) : "of unknown shape");
}

bool agree(sinter::onnx::declared_type const& declared, sinter::tensor_type const& found) {
  if (declared.element != sinter::dtype::undefined && declared.element != found.element) return false;
  return !found.shape || sinter::fits(declared.dimensions, *found.shape);
}

/// Infers all types and compares them with those that the model declares.
void check_types(check_report& r, sinter::graph g, sinter::onnx::model_description const& declared) {
  sinter::rewriter rewrites(g);
  if (!holds(r, [&] { sinter::passes::fold_constants(rewrites); })) return;
  for (std::size_t i = 0; i < g.value_count(); ++i) {
    auto const& v = g.at(sinter::value_id{static_cast<std::int32_t>(i)});
    auto const found = declared.values.find(v.name);
    if (found == declared.values.end() || v.type.element == sinter::dtype::undefined) continue;
    ++r.compared;
    if (auto const& d = found->second; !agree(d, v.type))
      r.faults.push_back(fmt::format("value '{}' is declared as {} {}, it is {}", v.name, name(d.element),
                                     sinter::to_string(d.dimensions), describe(v.type)));
  }
}

/// A step that runs without code of its own, with its nodes and the types that it works on.
std::string loop_line(sinter::program const& p, sinter::program_step const& s) {
  std::string nodes;
  for (auto const id : s.nodes) nodes += (nodes.empty() ? "" : ", ") + sinter::describe(p.at(id));
  if (auto const* const h = std::get_if<sinter::host_call>(&s.action)) {
    std::string types;
    for (auto const& in : h->inputs)
      if (in.type.element != sinter::dtype::undefined) types += (types.empty() ? "" : ", ") + describe(in.type);
    return fmt::format("{}: a plain loop over {}", nodes, types);
  }
  auto const& i = std::get<sinter::island>(s.action);
  if (i.body) return fmt::format("{}: compiled when the run knows the shapes", nodes);
  if (i.compiled) return fmt::format("{}: subgraphs are compiled when they run", nodes);
  return fmt::format(
      "{}: plain loops on the heap; {}", nodes,
      i.op.allocates() ? "it makes its outputs itself" : "shapes depend on data, or it holds no numbers");
}

void check_plan(check_report& r, sinter::graph const& g, sinter::signature const& s, sinter::target const& machine,
                sinter::preferences const& prefer) {
  holds(r, [&] {
    auto const how = sinter::passes_for(machine);
    auto const bound = sinter::bind(sinter::prepare(g, how), s, how);
    auto const p = sinter::plan(bound.g, {.machine = machine, .prefer = prefer});
    r.steps = p.steps.size();
    for (auto const& step : p.steps) {
      bool const host = std::holds_alternative<sinter::host_call>(step.action);
      if (host || std::holds_alternative<sinter::island>(step.action)) r.loops.push_back(loop_line(p, step));
    }
  });
}

/// The graph for the shapes that are given, and its signature; where shapes stay open, why there is none.
std::optional<sinter::signature> with_shapes(check_report& r, sinter::graph& g, model_arguments const& model) {
  try {
    auto shaped = shape_model(g, model);
    g = sinter::specialize(std::move(shaped.g), shaped.signatures.front());
    return shaped.signatures.front();
  } catch (error const& e) {
    if (!model.shapes.empty() || e.code() != error_code::invalid_argument) throw;
    r.not_planned = e.message();
    return std::nullopt;
  }
}

}  // namespace

check_report check_model(model_arguments const& model, sinter::target const& machine,
                         sinter::preferences const& prefer) {
  check_report r;
  sinter::onnx::model_description described;
  if (!holds(r, [&] { described = sinter::onnx::describe_file(model.file); })) return r;
  r.header = header_of(described);
  r.faults = described.faults;
  sinter::graph g;
  if (!holds(r, [&] { g = sinter::onnx::import_file(model.file); })) return r;
  r.nodes = g.topological_order().size();
  r.warnings = sinter::warnings(g);
  for (auto const& n : sinter::unsupported_nodes(g))
    (n.code == error_code::malformed_model ? r.faults : r.unsupported).push_back(n.reason);
  if (!r.runs()) return r;
  auto const s = with_shapes(r, g, model);
  check_types(r, g, described);
  if (s && r.runs()) check_plan(r, g, *s, machine, prefer);
  return r;
}

namespace {

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string lines(std::vector<std::string> const& texts) {
  std::string result;
  for (auto const& t : texts) result += "    " + t + "\n";
  return result;
}

}  // namespace

std::string to_string(check_report const& r) {
  std::string text;
  if (!r.header.empty()) text += r.header + "\n";
  for (auto const& w : r.warnings) text += "warning: " + w + "\n";
  if (!r.is_sound()) text += fmt::format("not sound, {}:\n{}", counted(r.faults.size(), "fault"), lines(r.faults));
  if (!r.unsupported.empty())
    text += fmt::format("does not run here, {}:\n{}", counted(r.unsupported.size(), "reason"), lines(r.unsupported));
  if (!r.runs()) return text;
  text += fmt::format("sound: {}, {} of the declared type; all operators are supported\n", counted(r.nodes, "node"),
                      counted(r.compared, "value"));
  if (!r.not_planned.empty()) return text + "how it runs is not known: " + r.not_planned + "\n";
  text += fmt::format("{} of {} without code of {}\n{}", r.loops.size(), counted(r.steps, "step"),
                      r.loops.size() == 1 ? "its own" : "their own", lines(r.loops));
  return text;
}

}  // namespace codegen
