#pragma once

#include <sinter/kernels/broadcast.hpp>
#include <sinter/ops/entry.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace sinter {

/// The operand and result types of elementwise operators, and what tables with one line per operator share.

/// The entries of `Operator<0>` … `Operator<Count - 1>`: one for each line of a table.
template <template <std::size_t> typename Operator, std::size_t Count>
struct table_family {
  static constexpr auto entries = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<operator_entry, Count>{entry_of<Operator<I>>()...};
  }
  (std::make_index_sequence<Count>{});
};

/// The shape of all inputs broadcast together.
inline shape broadcast_shape(inputs const& in) {
  auto result = in.shape(0);
  for (std::size_t i = 1; i < in.size(); ++i)
    if (in.has(i)) result = broadcast(result, in.shape(i));
  return result;
}

/// An error unless all inputs from the `first` on have one element type.
inline void expect_one_element_type(inputs const& in, std::size_t first = 0) {
  for (auto i = first + 1; i < in.size(); ++i)
    if (in.has(i) && in.element(i) != in.element(first))
      fail(error_code::malformed_model, "inputs {} and {} hold {} and {}, expected one element type", first, i,
           name(in.element(first)), name(in.element(i)));
}

/// The attributes `broadcast` and `axis` of binary operators before operator set 7.
struct legacy_broadcast {
  bool broadcasts = false;
  std::optional<std::int64_t> axis{};

  static legacy_broadcast parse(attribute_reader const& r) {
    legacy_broadcast b{.broadcasts = r.get("broadcast", false), .axis = {}};
    if (r.has("axis")) b.axis = r.require<std::int64_t>("axis");
    return b;
  }

  /// The shape with which the second operand broadcasts to `target` by today's rules.
  shape aligned(shape const& second, shape const& target) const {
    if (!broadcasts) {
      if (second != target)
        fail(error_code::malformed_model, "the operands have shapes {} and {}, without broadcast they must be equal",
             target, second);
      return second;
    }
    auto const first =
        axis ? normalize_axis(*axis, target.rank()) : target.rank() - std::min(target.rank(), second.rank());
    if (first + second.rank() > target.rank())
      fail(error_code::malformed_model, "an operand of shape {} does not fit into {} at axis {}", second, target,
           first);
    auto result = second;
    while (first + result.rank() < target.rank()) result.push_back(1);
    if (broadcast(result, target) != target)
      fail(error_code::malformed_model, "an operand of shape {} does not broadcast to {} at axis {}", second, target,
           first);
    return result;
  }

  /// A call whose second operand is aligned so.
  kernel_call aligned(kernel_call call, inputs const& in) const {
    call.shapes = {in.shape(0), aligned(in.shape(1), in.shape(0))};
    return call;
  }
};

}  // namespace sinter
