#pragma once

#include <sinter/graph/attributes.hpp>
#include <sinter/onnx/derivatives.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sinter::onnx {

/// Puts the nodes that compute partial derivatives in the place of each Gradient of a graph, by reverse accumulation.
/// The operator names tensors of the graph: those that `y` is a function of, and whose values are its inputs.
/// https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Gradient.html
class gradient_expansion {
 public:
  gradient_expansion(graph& g, limits const& bounds)
      : graph_(g), nodes_("the graph's nodes", bounds.nodes), depth_(bounds.depth) {}

  void run() {
    auto const count = graph_.node_capacity();
    for (std::size_t i = 0; i < count; ++i)
      if (node_id const id{static_cast<std::int32_t>(i)}; is_gradient(id)) expand(id, 0);
  }

 private:
  using value_map = std::map<value_id, value_id>;

  bool is_gradient(node_id id) const {
    auto const& n = graph_.at(id);
    return !n.erased && n.op == "Gradient" && n.domain == "ai.onnx.preview.training";
  }

  void expand(node_id id, std::size_t depth) {
    with_context([&] { return fmt::format("node '{}' (Gradient)", graph_.at(id).name); },
                 [&] {
                   if (depth > depth_)
                     fail(error_code::limit_exceeded, "derivatives of derivatives are nested more than {} deep",
                          depth_);
                   if (!open_.insert(id).second)
                     fail(error_code::malformed_model, "its y depends on what the node computes");
                   replace(id, depth);
                   open_.erase(id);
                 });
  }

  void replace(node_id id, std::size_t depth) {
    auto const call = graph_.at(id);
    auto const xs = names(call, "xs"), zs = names(call, "zs");
    if (call.inputs.size() != xs.size() + zs.size() || call.outputs.size() > xs.size())
      fail(error_code::malformed_model, "the node has {} inputs and {} outputs, expected {} and at most {}",
           call.inputs.size(), call.outputs.size(), xs.size() + zs.size(), xs.size());
    node_writer w(graph_, call.name, nodes_);
    value_map here;  // values of the graph, at the inputs given
    std::vector<value_id> at_inputs;
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
      auto const variable = named(i < xs.size() ? xs[i] : zs[i - xs.size()]);
      auto const given = call.inputs[i];
      if (!given) fail(error_code::malformed_model, "input {} is not given", i);
      at_inputs.push_back(given == variable ? given : w("Identity", {given}));
      if (!here.emplace(variable, at_inputs.back()).second)
        fail(error_code::malformed_model, "'{}' is named twice", graph_.at(variable).name);
    }
    auto const target = named(text(call, "y"));
    for (auto const source : steps_to(target, here))
      if (is_gradient(source)) expand(source, depth + 1);

    at_inputs.resize(xs.size());
    auto const steps = forwards(w, steps_to(target, here), here);
    auto const found = backwards(w, steps, at(here, target), {at_inputs.begin(), at_inputs.end()});
    graph_.erase(id);
    for (std::size_t i = 0; i < call.outputs.size(); ++i)
      if (call.outputs[i]) give(w, call.outputs[i], found, at_inputs[i]);
  }

  /// Makes `out` the gradient of `x`: zeros where nothing depends on it.
  void give(node_writer& w, value_id out, value_map const& found, value_id x) {
    auto const it = found.find(x);
    auto const from = it == found.end() ? w.filled(0, x) : it->second;
    nodes_.charge(1);
    graph_.add_node({.name = graph_.at(out).name, .op = "Identity", .version = 14, .inputs = {from}, .outputs = {out}});
  }

  static value_id at(value_map const& here, value_id v) {
    auto const it = here.find(v);
    return it == here.end() ? v : it->second;
  }

  // The function that y is.

  /// The nodes that `target` depends on and that depend on no independent value alone, each after its inputs'.
  std::vector<node_id> steps_to(value_id target, value_map const& independent) {
    std::vector<node_id> order;
    std::set<node_id> seen;
    std::vector<std::pair<node_id, std::size_t>> path;  // with the next input to look at
    auto const enter = [&](value_id v) {
      if (!v || independent.contains(v)) return;
      auto const producer = graph_.at(v).producer;
      if (!producer || !seen.insert(producer).second) return;
      nodes_.charge(1);
      path.emplace_back(producer, 0);
    };
    for (enter(target); !path.empty();) {
      auto const [id, next] = path.back();
      if (next < graph_.at(id).inputs.size()) {
        ++path.back().second;
        enter(graph_.at(id).inputs[next]);
      } else {
        order.push_back(id);
        path.pop_back();
      }
    }
    return order;
  }

  /// The nodes at the inputs given: copies of those that other values than the graph's own go through.
  std::vector<node_id> forwards(node_writer& w, std::vector<node_id> steps, value_map& here) {
    for (auto& id : steps) {
      auto const differs = [&](value_id v) { return at(here, v) != v; };
      if (std::ranges::none_of(graph_.at(id).inputs, differs)) continue;
      auto copy = graph_.at(id);
      nodes_.charge(1);
      copy.name = fmt::format("{}/{}_{}", graph_.at(id).name, "again", graph_.node_capacity());
      for (auto& v : copy.inputs) v = at(here, v);
      for (auto& v : copy.outputs)
        if (v) v = here[v] = w.get().add_value(copy.name + "/" + graph_.at(v).name, graph_.at(v).type);
      id = graph_.add_node(std::move(copy));
    }
    return steps;
  }

  // The way back.

  /// The gradients of `y` by values, from those that `reached` names on.
  value_map backwards(node_writer& w, std::vector<node_id> const& steps, value_id y, std::set<value_id> reached) {
    for (auto const id : steps)
      if (std::ranges::any_of(graph_.at(id).inputs, [&](value_id v) { return reached.contains(v); }))
        for (auto const out : graph_.at(id).outputs) reached.insert(out);
    value_map gradients{{y, w.filled(1, y)}};
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      auto const& n = graph_.at(*step);
      auto const is_wanted = [&](value_id v) { return v && reached.contains(v); };
      auto const used = std::ranges::find_if(n.outputs, [&](value_id v) { return gradients.contains(v); });
      if (used == n.outputs.end() || std::ranges::none_of(n.inputs, is_wanted)) continue;
      auto const found = with_context([&] { return fmt::format("node '{}' ({})", n.name, n.op); },
                                      [&] { return through(w, n, *used, gradients.at(*used)); });
      for (std::size_t i = 0; i < found.size(); ++i)
        if (found[i] && is_wanted(n.inputs[i]))
          if (auto const [it, first] = gradients.emplace(n.inputs[i], found[i]); !first)
            it->second = w.plus(it->second, found[i]);
    }
    return gradients;
  }

  static input_gradients through(node_writer& w, node const& n, value_id output, value_id gradient) {
    auto const rule = std::ranges::find(derivatives, std::string_view(n.op), &derivative::op);
    auto const known = rule != derivatives.end() && (n.domain.empty() || n.domain == "sinter");
    if (!known || output != n.outputs[0]) {
      std::vector<std::string_view> ops;
      for (auto const& d : derivatives) ops.push_back(d.op);
      fail(error_code::unsupported_operator, "no derivative of this operator is known; known are those of {}",
           fmt::join(ops, ", "));
    }
    return rule->of(w, {n, gradient});
  }

  // What the node names.

  value_id named(std::string const& name) {
    if (values_.empty())
      for (std::size_t i = 0; i < graph_.value_count(); ++i)
        if (value_id const id{static_cast<std::int32_t>(i)}; !graph_.at(id).name.empty())
          values_.emplace(graph_.at(id).name, id);
    auto const it = values_.find(name);
    if (it == values_.end()) fail(error_code::malformed_model, "the graph has no tensor '{}'", name);
    return it->second;
  }

  static std::string text(node const& call, std::string_view name) {
    auto const it = call.attributes.find(name);
    auto const* const value = it == call.attributes.end() ? nullptr : std::get_if<std::string>(&it->second);
    if (!value) fail(error_code::malformed_model, "the attribute '{}' is missing, expected the name of a tensor", name);
    return *value;
  }
  static std::vector<std::string> names(node const& call, std::string_view name) {
    auto const it = call.attributes.find(name);
    if (it == call.attributes.end()) return {};
    auto const* const list = std::get_if<std::vector<std::string>>(&it->second);
    if (!list) fail(error_code::malformed_model, "the attribute '{}' is no list of names of tensors", name);
    return *list;
  }

  graph& graph_;
  budget nodes_;
  std::size_t depth_;
  std::set<node_id> open_{};  ///< that are being expanded
  std::unordered_map<std::string, value_id> values_{};
};

}  // namespace sinter::onnx
