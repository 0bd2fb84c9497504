#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_transposes.hpp>
#include <sinter/passes/match.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter::passes {

namespace detail {

/// An Einsum of two operands that is a stack of matrix products: every label is in two of the three terms, or in all.
struct einsum_product {
  std::string a{}, b{}, y{};                       ///< labels of the operands and the result
  std::string batch{}, left{}, summed{}, right{};  ///< in all; in a and y; in a and b; in b and y
  std::string a_order() const { return batch + left + summed; }
  std::string b_order() const { return batch + summed + right; }
  std::string y_order() const { return batch + left + right; }
};

/// The equation as a product; none if it has an ellipsis, more or fewer than two operands, no explicit result, a label
/// twice in one term, or one in a single term.
inline std::optional<einsum_product> read_equation(std::string equation) {
  std::erase(equation, ' ');
  auto const comma = equation.find(','), arrow = equation.find("->");
  if (equation.find('.') != std::string::npos || arrow == std::string::npos || comma > arrow) return std::nullopt;
  einsum_product p{.a = equation.substr(0, comma),
                   .b = equation.substr(comma + 1, arrow - comma - 1),
                   .y = equation.substr(arrow + 2)};
  auto const has = [](std::string const& term, char label) { return std::ranges::count(term, label) == 1; };
  for (auto const label : p.y) {
    bool const in_a = has(p.a, label), in_b = has(p.b, label);
    if (!has(p.y, label) || (!in_a && !in_b)) return std::nullopt;
    (in_a && in_b ? p.batch : in_a ? p.left : p.right) += label;
  }
  for (auto const label : p.a) {
    if (has(p.y, label)) continue;
    if (!has(p.b, label) || !has(p.a, label)) return std::nullopt;
    p.summed += label;
  }
  if (p.a_order().size() != p.a.size() || p.b_order().size() != p.b.size()) return std::nullopt;
  return p;
}

/// Builds the nodes of a product in place of the Einsum `id`.
class einsum_lowering {
 public:
  einsum_lowering(graph& g, node_id id, einsum_product p) : g_(g), id_(id), p_(std::move(p)) {}

  /// Whether the shapes are known and no label stands for two extents, one of which is 1.
  bool fits() {
    auto const& n = g_.at(id_);
    auto const& a = g_.at(n.inputs[0]).type;
    auto const& b = g_.at(n.inputs[1]).type;
    if (!a.shape || !b.shape || a.element != b.element || !is_floating(a.element)) return false;
    if (a.shape->rank() != p_.a.size() || b.shape->rank() != p_.b.size()) return false;
    for (std::size_t i = 0; i < p_.a.size(); ++i) labels_ += p_.a[i], extents_.push_back((*a.shape)[i]);
    for (std::size_t i = 0; i < p_.b.size(); ++i) {
      auto const known = labels_.find(p_.b[i]);
      if (known != std::string::npos && extents_[known] != (*b.shape)[i]) return false;
      labels_ += p_.b[i], extents_.push_back((*b.shape)[i]);
    }
    return true;
  }

  void run() {
    auto const n = g_.at(id_);
    auto const left = matrices(arranged(n.inputs[0], p_.a, p_.a_order()), p_.left, p_.summed);
    auto const right = matrices(arranged(n.inputs[1], p_.b, p_.b_order()), p_.summed, p_.right);
    auto const stack = joined(extents(p_.batch), joined({product(p_.left)}, {product(p_.right)}));
    auto const products = value(stack);
    g_.add_node(
        {.name = n.name + "_product", .op = "MatMul", .version = 13, .inputs = {left, right}, .outputs = {products}});
    auto const result = value(extents(p_.y_order()));
    auto split = reshape_node(g_, products, extents(p_.y_order()));
    split.outputs = {result};
    g_.add_node(std::move(split));
    node last{.name = n.name, .op = "Transpose", .version = 13, .inputs = {result}};
    last.attributes = {{"perm", order(p_.y_order(), p_.y)}};
    replace_node(g_, id_, std::move(last));
  }

 private:
  static bool is_floating(dtype t) {
    return t == dtype::float32 || t == dtype::float64 || t == dtype::float16 || t == dtype::bfloat16;
  }
  shape extents(std::string_view labels) const {
    shape s;
    for (auto const label : labels) s.push_back(extents_[labels_.find(label)]);
    return s;
  }
  std::int64_t product(std::string_view labels) const { return static_cast<std::int64_t>(extents(labels).elements()); }
  static shape joined(shape a, shape const& b) {
    for (auto const extent : b) a.push_back(extent);
    return a;
  }
  static std::vector<std::int64_t> order(std::string_view from, std::string_view to) {
    std::vector<std::int64_t> perm;
    for (auto const label : to) perm.push_back(static_cast<std::int64_t>(from.find(label)));
    return perm;
  }
  value_id value(shape s) {
    auto const& out = g_.at(g_.at(id_).outputs[0]);
    return g_.add_value(out.name + "_" + std::to_string(made_++), {out.type.element, std::move(s)});
  }

  /// `v` with its dimensions, labelled `from`, in the order `to`.
  value_id arranged(value_id v, std::string const& from, std::string const& to) {
    if (from == to) return v;
    node turn{.name = g_.at(id_).name + "_turned", .op = "Transpose", .version = 13, .inputs = {v}};
    turn.outputs = {value(extents(to))};
    turn.attributes = {{"perm", order(from, to)}};
    auto const out = turn.outputs[0];
    g_.add_node(std::move(turn));
    return out;
  }

  /// A stack of matrices of `v`, whose last dimensions are those of `rows` and of `columns`.
  value_id matrices(value_id v, std::string const& rows, std::string const& columns) {
    if (rows.size() == 1 && columns.size() == 1) return v;
    auto const to = joined(extents(p_.batch), joined({product(rows)}, {product(columns)}));
    auto flat = reshape_node(g_, v, to);
    flat.outputs = {value(to)};
    auto const out = flat.outputs[0];
    g_.add_node(std::move(flat));
    return out;
  }

  graph& g_;
  node_id id_;
  einsum_product p_;
  std::string labels_{};
  std::vector<std::int64_t> extents_{};  ///< of the labels
  int made_ = 0;
};

}  // namespace detail

/// Turns Einsum of two operands that is a stack of matrix products into MatMul, between Transposes and Reshapes.
inline void lower_einsum(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is(n, "Einsum") || n.inputs.size() != 2) return;
    auto product = detail::read_equation(attribute_or<std::string>(n, "equation", ""));
    if (!product) return;
    detail::einsum_lowering lowering(g, id, std::move(*product));
    if (!lowering.fits()) return;
    lowering.run();
    r.rewrote();
  });
}

}  // namespace sinter::passes
