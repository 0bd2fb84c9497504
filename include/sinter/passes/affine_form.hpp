#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/match.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace sinter::passes::detail {

/// A value of rows as the sum of two others times constant matrices, and a constant row: x·A + h·B + bias.
struct affine_form {
  std::int64_t width = 0;
  std::array<std::vector<double>, 2> factors{};  ///< A and B, row-major; empty: zeros
  std::vector<double> bias{};

  bool uses(std::size_t source) const { return !factors[source].empty(); }
};

/// Finds such forms of the values of a graph, whichever of Gemm, MatMul, Add, Concat, Split and Slice make them.
class affine_forms {
 public:
  /// `sources` are x and h, whose last axis of `rank` has these widths.
  affine_forms(graph const& g, std::array<value_id, 2> sources, std::array<std::int64_t, 2> widths, std::size_t rank)
      : g_(g), sources_(sources), widths_(widths), rank_(rank) {}

  std::optional<affine_form> of(value_id v) {
    auto const known = forms_.find(v);
    if (known != forms_.end()) return known->second;
    forms_[v] = std::nullopt;
    auto form = find(v);
    forms_[v] = form;
    return form;
  }

  /// The value of `v`, if it follows from constants.
  std::optional<any_tensor> constant_of(value_id v) const {
    if (!v) return std::nullopt;
    if (g_.at(v).is_constant()) return g_.at(v).constant;
    auto const from = g_.at(v).producer;
    static constexpr std::array<std::string_view, 9> moves{"Cast",  "Concat",  "Constant",  "Identity", "Reshape",
                                                           "Slice", "Squeeze", "Transpose", "Unsqueeze"};
    if (!from || !g_.at(from).domain.empty() || std::ranges::find(moves, g_.at(from).op) == moves.end())
      return std::nullopt;
    std::vector<any_tensor> in;
    for (auto const i : g_.at(from).inputs) {
      auto t = constant_of(i);
      if (!t) return std::nullopt;
      in.push_back(std::move(*t));
    }
    return evaluate(bind(g_.at(from)), g_.at(from), in)[0];
  }

 private:
  using maybe = std::optional<affine_form>;

  maybe find(value_id v) {
    for (std::size_t s = 0; s < 2; ++s)
      if (v == sources_[s]) return identity(s);
    if (auto const c = constant_of(v)) return row_of(*c);
    auto const from = g_.at(v).producer;
    if (!from) return std::nullopt;
    auto const& n = g_.at(from);
    if (is(n, "Identity")) return of(n.inputs[0]);
    if (is(n, "Add")) return sum(of(n.inputs[0]), of(n.inputs[1]));
    if (is(n, "MatMul")) return times(of(n.inputs[0]), constant_of(n.inputs[1]), false, 1);
    if (is(n, "Gemm")) return gemm(n);
    if (is(n, "Concat")) return joined(n);
    if (is(n, "Split")) return part(n, static_cast<std::size_t>(std::ranges::find(n.outputs, v) - n.outputs.begin()));
    if (is(n, "Slice")) return sliced(n);
    return std::nullopt;
  }

  affine_form identity(std::size_t source) const {
    auto const w = widths_[source];
    affine_form f{.width = w, .bias = std::vector<double>(static_cast<std::size_t>(w))};
    f.factors[source].resize(static_cast<std::size_t>(w * w));
    for (std::int64_t i = 0; i < w; ++i) f.factors[source][static_cast<std::size_t>(i * w + i)] = 1;
    return f;
  }
  static maybe row_of(any_tensor const& t) {
    auto const& s = t.shape();
    if (t.type() != dtype::float32 || s.rank() > 2 || (s.rank() == 2 && s[0] != 1)) return std::nullopt;
    auto const numbers = t.as<float>();
    return affine_form{.width = s.empty() ? 1 : s.back(), .bias = {numbers.begin(), numbers.end()}};
  }
  static maybe sum(maybe a, maybe b) {
    if (!a || !b) return std::nullopt;
    if (a->width < b->width) std::swap(a, b);
    if (b->width != a->width && (b->width != 1 || b->uses(0) || b->uses(1))) return std::nullopt;
    for (std::size_t i = 0; i < a->bias.size(); ++i) a->bias[i] += b->bias[b->width == 1 ? 0 : i];
    for (std::size_t s = 0; s < 2; ++s) {
      if (!b->uses(s)) continue;
      if (!a->uses(s)) a->factors[s].resize(b->factors[s].size());
      for (std::size_t i = 0; i < b->factors[s].size(); ++i) a->factors[s][i] += b->factors[s][i];
    }
    return a;
  }
  /// `m` is width x n, or transposed n x width.
  static maybe times(maybe const& a, std::optional<any_tensor> const& m, bool transposed, double scale) {
    if (!a || !m || m->type() != dtype::float32 || m->shape().rank() != 2) return std::nullopt;
    auto const n = m->shape()[transposed ? 0 : 1];
    if (m->shape()[transposed ? 1 : 0] != a->width) return std::nullopt;
    auto const numbers = m->as<float>();
    auto const product = [&](std::vector<double> const& rows) {
      auto const count = static_cast<std::int64_t>(rows.size()) / a->width;
      std::vector<double> result(static_cast<std::size_t>(count * n));
      for (std::int64_t i = 0; i < count; ++i)
        for (std::int64_t k = 0; k < a->width; ++k) {
          auto const left = rows[static_cast<std::size_t>(i * a->width + k)] * scale;
          if (left == 0) continue;
          for (std::int64_t j = 0; j < n; ++j)
            result[static_cast<std::size_t>(i * n + j)] +=
                left *
                static_cast<double>(numbers[static_cast<std::size_t>(transposed ? j * a->width + k : k * n + j)]);
        }
      return result;
    };
    return affine_form{
        .width = n, .factors = {product(a->factors[0]), product(a->factors[1])}, .bias = product(a->bias)};
  }
  maybe gemm(node const& n) {
    if (attribute_or<std::int64_t>(n, "transA", 0) != 0 || attribute_or(n, "beta", 1.0f) != 1) return std::nullopt;
    auto const product =
        times(of(n.inputs[0]), constant_of(n.inputs[1]), attribute_or<std::int64_t>(n, "transB", 0) != 0,
              static_cast<double>(attribute_or(n, "alpha", 1.0f)));
    if (n.inputs.size() < 3 || !n.inputs[2]) return product;
    return sum(product, of(n.inputs[2]));
  }
  bool is_last(node const& n, std::int64_t otherwise) const {
    auto const axis = attribute_or<std::int64_t>(n, "axis", otherwise);
    return axis == -1 || axis + 1 == static_cast<std::int64_t>(rank_);
  }
  maybe joined(node const& n) {
    if (!is_last(n, 0)) return std::nullopt;
    std::vector<affine_form> parts;
    affine_form all;
    for (auto const in : n.inputs) {
      auto form = of(in);
      if (!form) return std::nullopt;
      all.width += form->width;
      parts.push_back(std::move(*form));
    }
    std::int64_t first = 0;
    all.bias.resize(static_cast<std::size_t>(all.width));
    for (auto const& p : parts) {
      std::ranges::copy(p.bias, all.bias.begin() + first);
      for (std::size_t s = 0; s < 2; ++s) {
        if (!p.uses(s)) continue;
        all.factors[s].resize(static_cast<std::size_t>(widths_[s] * all.width));
        for (std::int64_t row = 0; row < widths_[s]; ++row)
          std::copy_n(p.factors[s].begin() + row * p.width, p.width, all.factors[s].begin() + row * all.width + first);
      }
      first += p.width;
    }
    return all;
  }
  maybe columns(maybe const& a, std::int64_t first, std::int64_t count) const {
    if (!a || first < 0 || count < 1 || first + count > a->width) return std::nullopt;
    auto const cut = [&](std::vector<double> const& rows) {
      std::vector<double> result;
      for (auto at = first; at < static_cast<std::int64_t>(rows.size()); at += a->width)
        result.insert(result.end(), rows.begin() + at, rows.begin() + at + count);
      return result;
    };
    return affine_form{.width = count, .factors = {cut(a->factors[0]), cut(a->factors[1])}, .bias = cut(a->bias)};
  }
  maybe part(node const& n, std::size_t output) {
    auto const whole = of(n.inputs[0]);
    if (!whole || !is_last(n, 0)) return std::nullopt;
    auto const given = attribute_or(n, "split", std::vector<std::int64_t>{});
    auto const sizes = n.inputs.size() > 1 && n.inputs[1] ? constant_of(n.inputs[1]) : std::nullopt;
    auto lengths = sizes ? integers_of(sizes->view()) : given;
    if (lengths.empty() && !(n.inputs.size() > 1 && n.inputs[1]))
      lengths.assign(n.outputs.size(), whole->width / static_cast<std::int64_t>(n.outputs.size()));
    if (lengths.size() != n.outputs.size()) return std::nullopt;
    std::int64_t first = 0;
    for (std::size_t i = 0; i < output; ++i) first += lengths[i];
    return columns(whole, first, lengths[output]);
  }
  maybe sliced(node const& n) {
    if (n.inputs.size() < 4) return std::nullopt;
    auto const whole = of(n.inputs[0]);
    std::array<std::int64_t, 4> numbers{0, 0, 0, 1};
    for (std::size_t i = 1; i < std::min<std::size_t>(n.inputs.size(), 5); ++i) {
      auto const t = n.inputs[i] ? constant_of(n.inputs[i]) : std::nullopt;
      if (!t || t->elements() != 1) return std::nullopt;
      numbers[i - 1] = integers_of(t->view())[0];
    }
    auto [first, last, axis, step] = numbers;
    if (!whole || step != 1 || (axis != -1 && axis + 1 != static_cast<std::int64_t>(rank_))) return std::nullopt;
    if (first < 0) first += whole->width;
    if (last < 0) last += whole->width;
    return columns(whole, first, std::min(last, whole->width) - first);
  }

  graph const& g_;
  std::array<value_id, 2> sources_;
  std::array<std::int64_t, 2> widths_;
  std::size_t rank_;
  std::map<value_id, maybe> forms_{};
};

}  // namespace sinter::passes::detail
