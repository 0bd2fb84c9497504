#pragma once

#include <sinter/core/compare.hpp>
#include <sinter/expr/function.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/pointwise.hpp>
#include <sinter/schedules/kernel_call.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

/// Operators on integers and booleans, and those whose operands and result differ in type: a kernel of the form
/// `pointwise` that computes in int64, uint64 or, where that is as good, in float32.
namespace sinter::detail::cuda {

using formula = expr::value (*)(kernel_call const&, std::vector<expr::value> const&);

/// What a kernel of the host computes, as an expression.
struct number_row {
  std::string_view kernel{};
  formula value{};
  bool narrow = false;                   ///< float32 has all numbers that occur for operands of at most 16 bits
  bool integers = true, floats = false;  ///< of what types its operands may be
};

inline expr::value truth(expr::condition const& c) { return select(c, 1.0f, 0.0f); }

template <expr::value (*Combine)(expr::value, expr::value)>
expr::value folded(kernel_call const&, std::vector<expr::value> const& x) {
  auto result = x[0];
  for (std::size_t i = 1; i < x.size(); ++i) result = Combine(result, x[i]);
  return result;
}

inline expr::value minus(expr::value a, expr::value b) { return std::move(a) - std::move(b); }
inline expr::value different(expr::value a, expr::value b) { return truth(std::move(a) != std::move(b)); }

inline expr::value compared(kernel_call const& call, std::vector<expr::value> const& x) {
  return truth({static_cast<compare>(call.integers[0]), x[0], x[1]});
}

/// The rest of a division, with the sign of the divisor or, if it truncates, of the dividend.
inline expr::value remainder(kernel_call const& call, std::vector<expr::value> const& x) {
  auto const &a = x[0], &b = x[1];
  auto const rest = select(b == 0.0f, 0.0f, a - a / b * b);
  if (call.integers[0] != 0) return rest;
  return select(truth(rest < 0.0f) != truth(b < 0.0f), select(rest == 0.0f, rest, rest + b), rest);
}

inline expr::value infinite(kernel_call const& call, std::vector<expr::value> const& x) {
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  expr::value const negative(call.integers[0] != 0 ? 1.0f : 0.0f), positive(call.integers[1] != 0 ? 1.0f : 0.0f);
  return select(x[0] == infinity, positive, select(x[0] == -infinity, negative, 0.0f));
}

/// Narrow rows compute on booleans or select what is there already.
inline constexpr std::array number_rows{number_row{
    "fold<sinter::kernels::sum>", folded < expr::operator+> },
    number_row{"fold<sinter::kernels::difference>", folded<minus>},
    number_row{
        "fold<sinter::kernels::product>", folded < expr::operator*> },
        number_row{
            "fold<sinter::kernels::quotient>",
            folded < expr::operator/> },
            number_row{"fold<sinter::kernels::greatest>", folded<expr::max>, true},
            number_row{"fold<sinter::kernels::least>", folded<expr::min>, true},
            number_row{"modulo", remainder},
            number_row{"map<sinter::kernels::negation>",
                       [](kernel_call const&, std::vector<expr::value> const& x) { return 0.0f - x[0]; }},
            number_row{"map<sinter::kernels::magnitude>",
                       [](kernel_call const&, std::vector<expr::value> const& x) {
                         return select(x[0] < 0.0f, 0.0f - x[0], x[0]);
                       }},
            number_row{"map<sinter::kernels::sign>",
                       [](kernel_call const&, std::vector<expr::value> const& x) {
                         return truth(x[0] > 0.0f) - truth(x[0] < 0.0f);
                       },
                       true},
            number_row{"map<sinter::kernels::positive_part>",
                       [](kernel_call const&, std::vector<expr::value> const& x) { return max(x[0], 0.0f); }, true},
            number_row{"map<sinter::kernels::logical_not>",
                       [](kernel_call const&, std::vector<expr::value> const& x) { return truth(x[0] == 0.0f); }, true},
            number_row{"compare_elements", compared, true, true, true},
            number_row{
                "select",
                [](kernel_call const&, std::vector<expr::value> const& x) { return select(x[0] != 0.0f, x[1], x[2]); },
                true, true, true},
            number_row{"cast", [](kernel_call const&, std::vector<expr::value> const& x) { return x[0]; }, true, true,
                       true},
            number_row{"is_nan",
                       [](kernel_call const&, std::vector<expr::value> const& x) { return truth(x[0] != x[0]); }, false,
                       false, true},
            number_row{"is_infinite", infinite, false, false, true},
    };

/// Logic on booleans: the rows of bits, where all operands are.
inline constexpr std::array boolean_rows{
    number_row{"fold<sinter::kernels::bits_and>", folded<expr::min>, true},
    number_row{"fold<sinter::kernels::bits_or>", folded<expr::max>, true},
    number_row{"fold<sinter::kernels::bits_xor>", folded<different>, true},
};

inline number_row const* find_row(std::string_view kernel, dtype operand) {
  auto const in = [&](auto const& rows) -> number_row const* {
    auto const found = std::ranges::find(rows, kernel, &number_row::kernel);
    return found == rows.end() ? nullptr : &*found;
  };
  auto const* const row = in(number_rows);
  return row || operand != dtype::boolean ? row : in(boolean_rows);
}

/// How a device computes a node on numbers: in which type, and what.
struct number_kernel {
  dtype computes = dtype::float32;
  expr::function function{};
  std::size_t reads = 0;  ///< inputs, from the front
};

/// Whether kernels have elements of a type, and float32 all numbers of it.
inline bool is_narrow(dtype t) {
  return t == dtype::boolean || t == dtype::uint8 || t == dtype::int8 || t == dtype::uint16 || t == dtype::int16;
}
inline bool is_wide(dtype t) {
  return t == dtype::int32 || t == dtype::int64 || t == dtype::uint32 || t == dtype::uint64;
}
inline bool is_float_of_device(dtype t) { return t == dtype::float32 || t == dtype::float16 || t == dtype::bfloat16; }

inline std::optional<number_kernel> number_kernel_of(scheduled_node const& n) {
  auto const known = [](operand_info const& o) {
    auto const t = o.type.element;
    return o.type.shape && o.shape().elements() > 0 && (is_narrow(t) || is_wide(t) || is_float_of_device(t));
  };
  if (n.outputs.size() != 1 || n.op.allocates() || !std::ranges::all_of(n.inputs, known) || !known(n.outputs[0]))
    return std::nullopt;
  auto const call = kernel_call_of(n);
  auto const reads = std::min(call.reads, n.inputs.size());
  auto const operand = n.inputs[reads > 2 ? 1 : 0].type.element;  // behind the condition of Where
  auto const* const row = find_row(call.kernel.name, operand);
  if (!row || !call.shapes.empty() || !(is_float_of_device(operand) ? row->floats : row->integers)) return std::nullopt;
  number_kernel k{.reads = reads};
  if (!is_float_of_device(operand) && !(row->narrow && is_narrow(operand)))
    k.computes = operand == dtype::uint64 ? dtype::uint64 : dtype::int64;
  std::vector<expr::value> x;
  for (std::size_t i = 0; i < reads; ++i) x.push_back(expr::input(i));
  k.function = expr::flatten(row->value(call, x), reads);
  return k;
}

inline fragment build_numbers(scheduled_node const& n) {
  auto k = *number_kernel_of(n);
  auto const& out = n.outputs[0];
  auto const axes = axes_in_memory(out.shape().rank(), out.how);
  device_epilogue each{.function = std::move(k.function), .alignment = alignment_of(n), .computes = k.computes};
  std::vector<address> places;
  for (std::size_t i = 0; i < k.reads; ++i) {
    each.arguments.push_back(argument_of(n.inputs[i], axes));
    places.push_back(input_of(n, i));
  }
  each.arguments.push_back(argument_of(out, axes, true));
  places.push_back(output_of());
  fragment f;
  f.add(pointwise_call(in_order(sizes_of(out.shape()), axes), std::move(each)), std::move(places));
  return f;
}

inline std::vector<candidate> numbers_offer(scheduled_node const& n, target const&) {
  if (!number_kernel_of(n)) return {};
  layout_choice layouts{.outputs = {result_layout(n)}, .slices = true};
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    auto const& in = n.inputs[i];
    layouts.inputs.push_back(device_layout(in));
    bool const alike = size_of(in.type.element) == size_of(n.outputs[0].type.element);
    if (alike && in.shape() == n.outputs[0].shape() && layouts.inputs[i] == layouts.outputs[0])
      layouts.in_place.push_back(static_cast<std::uint32_t>(i));
  }
  return {{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = build_numbers}};
}

inline constexpr schedule numbers_schedule{.name = "cuda numbers", .offer = numbers_offer};

}  // namespace sinter::detail::cuda
