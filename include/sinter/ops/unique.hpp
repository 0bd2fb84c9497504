#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/entry.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace sinter {

/// Unique: the different slices along `axis` (elements, without axis), sorted or in the order in which they appear,
/// where each appears first, which one each slice is, and how often each appears.
/// https://onnx.ai/onnx/operators/onnx__Unique.html
struct unique {
  static constexpr op_schema schema{.name = "Unique", .since = 11, .max_inputs = 1, .max_outputs = 4};
  struct attributes {
    std::optional<std::int64_t> axis{};
    bool sorted = true;
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.axis = {}, .sorted = r.get("sorted", true)};
    if (r.has("axis")) a.axis = r.require<std::int64_t>("axis");
    return a;
  }

  struct found {
    std::vector<std::int64_t> first{};    ///< where each different slice appears first
    std::vector<std::int64_t> inverse{};  ///< which different slice each slice is
    std::vector<std::int64_t> counts{};
  };

  /// A tensor as slices along one axis.
  struct slices {
    tensor_view x{};
    std::int64_t outer = 1, extent = 0, inner = 1;

    std::size_t element(std::int64_t slice, std::int64_t i) const {
      return static_cast<std::size_t>((i / inner * extent + slice) * inner + i % inner);
    }
    /// A `comparison` by the slices' elements, which `at` reads. NaNs are equal and above all numbers.
    template <typename At>
    int compare(At const& at, std::int64_t a, std::int64_t b) const {
      for (std::int64_t i = 0; i < outer * inner; ++i) {
        auto const x_a = at(element(a, i)), x_b = at(element(b, i));
        bool const nan_a = x_a != x_a, nan_b = x_b != x_b;
        if (nan_a != nan_b) return nan_a ? 1 : -1;
        if (x_a < x_b) return -1;
        if (x_b < x_a) return 1;
      }
      return 0;
    }
  };

  static slices slices_of(tensor_view x, attributes const& a) {
    if (!a.axis) return {.x = x, .outer = 1, .extent = static_cast<std::int64_t>(x.elements()), .inner = 1};
    auto const axis = normalize_axis(*a.axis, x.shape.rank());
    return {.x = x,
            .outer = static_cast<std::int64_t>(x.shape.elements(0, axis)),
            .extent = x.shape[axis],
            .inner = static_cast<std::int64_t>(x.shape.elements(axis + 1, x.shape.rank()))};
  }

  /// Negative, zero or positive: how two slices are ordered.
  using comparison = std::function<int(std::int64_t, std::int64_t)>;

  static found find(std::int64_t slices, comparison const& compare, bool sorted) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(slices));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, [&](auto a, auto b) {
      auto const c = compare(a, b);
      return c != 0 ? c < 0 : a < b;
    });
    found f;
    f.inverse.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i == 0 || compare(order[i - 1], order[i]) != 0) {
        f.first.push_back(order[i]);
        f.counts.push_back(0);
      }
      ++f.counts.back();
      f.inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(f.first.size()) - 1;
    }
    return sorted ? f : by_appearance(f);
  }

  static found by_appearance(found const& f) {
    std::vector<std::size_t> order(f.first.size()), rank(f.first.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](auto i) { return f.first[i]; });
    found result;
    for (std::size_t i = 0; i < order.size(); ++i) {
      rank[order[i]] = i;
      result.first.push_back(f.first[order[i]]);
      result.counts.push_back(f.counts[order[i]]);
    }
    for (auto const i : f.inverse)
      result.inverse.push_back(static_cast<std::int64_t>(rank[static_cast<std::size_t>(i)]));
    return result;
  }

  static found find(tensor_view x, attributes const& a) {
    auto const s = slices_of(x, a);
    auto const find_by = [&](auto const& at) {
      return find(
          s.extent, [&](auto i, auto j) { return s.compare(at, i, j); }, a.sorted);
    };
    if (x.type == dtype::string)
      return find_by([&](std::size_t i) -> auto const& { return static_cast<std::string const*>(x.data)[i]; });
    return visit_compute(
        x.type, [&]<typename T>() { return find_by([&](std::size_t i) { return load<T>(x.type, x.data, i); }); });
  }

  static dtype element(inputs const& in, attributes const&, std::size_t output) {
    return output == 0 ? in.element(0) : dtype::int64;
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const x = in.value(0);
    auto const list = [](std::size_t n) { return tensor_type{dtype::int64, shape{static_cast<std::int64_t>(n)}}; };
    if (!x) {
      auto const open = unknown_shape(dtype::int64);
      return {unknown_shape(in.element(0)), open, open, open};
    }
    auto const f = find(*x, a);
    auto result = a.axis ? x->shape : shape{0};
    result[a.axis ? normalize_axis(*a.axis, result.rank()) : 0] = static_cast<std::int64_t>(f.first.size());
    return {{in.element(0), result}, list(f.first.size()), list(f.inverse.size()), list(f.counts.size())};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const f = find(in[0], a);
    if (out[0]) {
      auto const s = slices_of(in[0], a);
      std::int64_t to = 0;
      for (std::int64_t row = 0; row < s.outer; ++row)
        for (auto const slice : f.first) {
          copy_elements(in[0], (row * s.extent + slice) * s.inner, out[0], to, static_cast<std::size_t>(s.inner));
          to += s.inner;
        }
    }
    std::vector<std::int64_t> const* const lists[] = {&f.first, &f.inverse, &f.counts};
    for (std::size_t i = 1; i < out.size(); ++i)
      if (out[i]) std::ranges::copy(*lists[i - 1], out[i].as<std::int64_t>().begin());
  }
};

}  // namespace sinter
