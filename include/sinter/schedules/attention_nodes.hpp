#pragma once

#include <sinter/ops/fused_elementwise.hpp>
#include <sinter/ops/fused_gemm.hpp>
#include <sinter/ops/transpose.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/schedules/strides.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

/// Attention as models write it out: softmax(scale * Q·K' + mask)·V, with what leads to Q, K and V and from the result.
namespace sinter::detail {

/// A function scale * x + a, of inputs `x` and `added`; without the latter, scale * x.
struct scaled_sum {
  float scale = 1;
  std::optional<std::size_t> added{};
};

/// What a line of `f` multiplies input `x` by; none: it is no such product.
inline std::optional<float> factor_of(expr::function const& f, std::size_t x, std::uint16_t line) {
  auto const& l = f.lines[line];
  if (l.code == expr::op::input) return l.index == x ? std::optional(1.0f) : std::nullopt;
  if (l.code != expr::op::mul && l.code != expr::op::div) return std::nullopt;
  for (std::size_t slot = 0; slot < (l.code == expr::op::div ? 1u : 2u); ++slot) {
    auto const& other = f.lines[l.operands[1 - slot]];
    auto const inner = factor_of(f, x, l.operands[slot]);
    if (inner && other.code == expr::op::constant)
      return l.code == expr::op::div ? *inner / other.value : *inner * other.value;
  }
  return std::nullopt;
}

/// How `f` depends on input `x`; a function without lines gives x0.
inline std::optional<scaled_sum> scaled_sum_of(expr::function const& f, std::size_t x = 0) {
  if (f.lines.empty()) return scaled_sum{};
  auto const last = static_cast<std::uint16_t>(f.lines.size() - 1);
  if (auto const factor = factor_of(f, x, last)) return scaled_sum{*factor};
  auto const& l = f.lines.back();
  if (l.code != expr::op::add) return std::nullopt;
  for (std::size_t slot = 0; slot < 2; ++slot) {
    auto const& other = f.lines[l.operands[1 - slot]];
    auto const factor = factor_of(f, x, l.operands[slot]);
    if (factor && other.code == expr::op::input) return scaled_sum{*factor, other.index};
  }
  return std::nullopt;
}

/// Q, K or V from the product of a layer's input and weights on, or from a Slice or Split that takes it out of a larger
/// tensor; nodes are null where there are none.
struct head_nodes {
  node const *product = nullptr, *part = nullptr, *reshape = nullptr;
  std::size_t part_output = 0;       ///< which output of `part` it is
  std::vector<node const*> steps{};  ///< Transposes and products with a number behind them, in order
  /// Who reads the operand, and as which input.
  node const* reader = nullptr;
  std::size_t slot = 0;
};

struct attention_nodes {
  head_nodes query{}, key{}, value{};
  node const *scores = nullptr, *masked = nullptr, *softmax = nullptr, *guard = nullptr, *mix = nullptr,
             *merge = nullptr;
  float scale = 1;
  /// Which input of `scores` or `masked` is the mask.
  node const* mask_reader = nullptr;
  std::size_t mask_slot = 0;

  std::array<head_nodes const*, 3> operands() const { return {&query, &key, &value}; }
  /// In order of execution.
  std::vector<node const*> all() const {
    std::vector<node const*> nodes;
    for (auto const* h : operands()) {
      bool const known = std::ranges::find(nodes, h->part) != nodes.end();
      nodes.insert(nodes.end(), {h->product, known ? nullptr : h->part, h->reshape});
      nodes.insert(nodes.end(), h->steps.begin(), h->steps.end());
    }
    nodes.insert(nodes.end(), {scores, masked, softmax, guard, mix, merge});
    std::erase(nodes, nullptr);
    return nodes;
  }
};

/// Finds the nodes of the attention that ends with `last`. `find` gives the producer of a value that may be one of
/// them, or null.
template <typename Find>
class attention_finder {
 public:
  explicit attention_finder(Find const& find) : find_(find) {}

  std::optional<attention_nodes> run(node const& last) {
    a_.mix = &last;
    if (is(&last, "", "Transpose")) a_.merge = &last, a_.mix = find_(last.inputs[0]);
    if (!is_product(a_.mix) || has(a_.mix, 2) || a_.mix->attributes.contains("epilogue")) return std::nullopt;
    a_.softmax = find_(a_.mix->inputs[0]);
    if (replaces_nan(a_.softmax)) a_.guard = a_.softmax, a_.softmax = find_(a_.guard->inputs[0]);
    if (!is(a_.softmax, "", "Softmax") || !find_scores()) return std::nullopt;
    a_.query = heads(*a_.scores, 0, true);
    a_.key = heads(*a_.scores, 1, true);
    a_.value = heads(*a_.mix, 1, false);
    return a_;
  }

 private:
  static bool is(node const* n, std::string_view domain, std::string_view op) {
    return n && n->domain == domain && n->op == op;
  }
  static bool is_product(node const* n) { return is(n, "sinter", "Gemm"); }
  /// Whether `n` makes NaN zero, which is what a softmax gives where a mask hides all keys.
  static bool replaces_nan(node const* n) {
    if (!is(n, "sinter", "Elementwise")) return false;
    return expr::print(bind(*n).template attributes_as<fused_elementwise::attributes>().function) ==
           expr::print(zero_for_nan());
  }
  static bool has(node const* n, std::size_t input) { return input < n->inputs.size() && n->inputs[input]; }

  /// The product before the softmax, with a scale and a mask behind it or in its epilogue.
  bool find_scores() {
    a_.scores = find_(a_.softmax->inputs[0]);
    if (is(a_.scores, "sinter", "Elementwise")) {
      a_.masked = a_.scores;
      std::size_t slot = 0;
      while (slot < a_.masked->inputs.size() && !is_product(find_(a_.masked->inputs[slot]))) ++slot;
      if (slot == a_.masked->inputs.size()) return false;
      a_.scores = find_(a_.masked->inputs[slot]);
      auto const f = bind(*a_.masked).template attributes_as<fused_elementwise::attributes>().function;
      if (!apply(*a_.masked, scaled_sum_of(f, slot), 0)) return false;
    }
    if (!is_product(a_.scores) || has(a_.scores, 2)) return false;
    auto const epilogue = bind(*a_.scores).template attributes_as<fused_gemm::attributes>().epilogue;
    return !epilogue || apply(*a_.scores, scaled_sum_of(*epilogue), 2);
  }

  /// Notes the scale and mask of a function of `n`, whose input i > 0 is the node's input i + `before`.
  bool apply(node const& n, std::optional<scaled_sum> const& f, std::size_t before) {
    if (!f || (f->added && (a_.mask_reader || a_.scale != 1))) return false;
    a_.scale *= f->scale;
    if (f->added) a_.mask_reader = &n, a_.mask_slot = *f->added + before;
    return true;
  }

  head_nodes heads(node const& reader, std::size_t slot, bool may_scale) {
    head_nodes h{.reader = &reader, .slot = slot};
    auto const read_by = [&](node const* n) { h.reader = n, h.slot = 0; };
    auto const* n = find_(reader.inputs[slot]);
    while (is(n, "", "Transpose") || (may_scale && takes_scale(n))) {
      h.steps.insert(h.steps.begin(), n);
      read_by(n);
      n = find_(n->inputs[0]);
    }
    auto const* const reshape = is(n, "", "Reshape") ? n : nullptr;
    auto const before = reshape ? reshape->inputs[0] : h.reader->inputs[h.slot];
    auto const* const source = find_(before);
    if (is(source, "", "Slice") || is(source, "", "Split")) {
      h.part = source, h.reshape = reshape;
      h.part_output = static_cast<std::size_t>(std::ranges::find(source->outputs, before) - source->outputs.begin());
      read_by(source);
    } else if (reshape && is_product(source) && !source->attributes.contains("epilogue") &&
               source->inputs.size() <= 3) {
      h.product = source, h.reshape = reshape;
    }
    return h;
  }

  /// Notes the number that `n` multiplies by, if it does that only.
  bool takes_scale(node const* n) {
    if (!is(n, "sinter", "Elementwise") || n->inputs.size() != 1) return false;
    auto const f = scaled_sum_of(bind(*n).template attributes_as<fused_elementwise::attributes>().function);
    if (!f || f->added) return false;
    a_.scale *= f->scale;
    return true;
  }

  Find const& find_;
  attention_nodes a_{};
};

/// Whether an operand is no part, or one whose rows are in runs of a larger tensor.
inline bool lies_in_runs(graph const& g, head_nodes const& h) {
  if (!h.part) return true;
  auto const& part = *g.at(h.part->outputs[h.part_output]).type.shape;
  auto const runs = runs_of_part(*g.at(h.part->inputs[0]).type.shape, part);
  auto const& s = h.reshape ? *g.at(h.reshape->outputs[0]).type.shape : part;
  auto strides = strides_of(s, layout::row_major);
  return runs && runs->spread(sizes_of(s), strides);
}

/// Whether an operand is not of a Split, or one of which all outputs are operands.
inline bool is_whole(attention_nodes const& a, head_nodes const& h) {
  if (!h.part || h.part->op != "Split") return true;
  return std::ranges::count(a.operands(), h.part, &head_nodes::part) ==
         std::ranges::count_if(h.part->outputs, [](value_id v) { return static_cast<bool>(v); });
}

/// The attention that ends with node `last`, each value of which only the next node needs. `of_parts`: its operands may
/// be parts of larger tensors.
inline std::optional<attention_nodes> find_attention(graph const& g, node_id last, bool of_parts) {
  auto const needed_once = [&](value_id v) { return g.at(v).producer && g.at(v).users.size() == 1 && !g.is_output(v); };
  auto const out = g.at(last).outputs[0];
  bool const goes_on = out && needed_once(out) && g.at(g.at(out).users[0]).op == "Transpose";
  if (goes_on && g.at(last).op != "Transpose") return std::nullopt;
  auto const find = [&](value_id v) -> node const* {
    auto const* const n = v && needed_once(v) ? &g.at(g.at(v).producer) : nullptr;
    return n && !of_parts && (n->op == "Slice" || n->op == "Split") ? nullptr : n;
  };
  auto found = attention_finder(find).run(g.at(last));
  auto const is_free = [&](head_nodes const* h) { return lies_in_runs(g, *h) && is_whole(*found, *h); };
  if (!found || std::ranges::all_of(found->operands(), is_free)) return found;
  return find_attention(g, last, false);
}

/// All of its nodes but the last one.
inline std::vector<node_id> nodes_before(graph const& g, attention_nodes const& a, node_id last) {
  std::vector<node_id> before;
  for (auto const* n : a.all())
    if (n != &g.at(last)) before.push_back(g.at(n->outputs[0]).producer);
  return before;
}

/// The nodes of a group, and those of them that the planner describes.
struct attention_group {
  attention_nodes nodes{};
  scheduled_node const* group = nullptr;

  scheduled_node const& at(node const* n) const {
    if (n == group->n) return *group;
    return *std::ranges::find(group->before, n, &scheduled_node::n);
  }
};

inline std::optional<attention_group> attention_group_of(scheduled_node const& n) {
  auto const find = [&](value_id v) -> node const* {
    auto const found = std::ranges::find_if(
        n.before, [&](scheduled_node const& s) { return std::ranges::find(s.n->outputs, v) != s.n->outputs.end(); });
    return found == n.before.end() ? nullptr : found->n;
  };
  auto const nodes = attention_finder(find).run(*n.n);
  return nodes ? std::optional(attention_group{*nodes, &n}) : std::nullopt;
}

}  // namespace sinter::detail
