#pragma once

#include <sinter/ops/composite.hpp>
#include <sinter/ops/interpret.hpp>
#include <sinter/ops/operator.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

namespace sinter {

/// For operators without attributes: `using attributes = no_attributes;`, and no `parse`.
struct no_attributes {};

template <typename Operator>
concept parsed_operator = requires(attribute_reader const& r) {
  { Operator::parse(r) } -> std::same_as<typename Operator::attributes>;
};

namespace detail {

/// Attributes whose type only the operator knows. One kind of shared pointer for all types, as there are many.
template <typename Attributes>
std::shared_ptr<void const> erase(Attributes attributes) {
  return {static_cast<void const*>(new Attributes(std::move(attributes))),
          +[](void const* p) { delete static_cast<Attributes const*>(p); }};
}

template <typename Operator>
kernel_call kernel_of(inputs const& in, void const* attributes) {
  auto const& a = *static_cast<typename Operator::attributes const*>(attributes);
  if constexpr (kernel_operator<Operator>)
    return Operator::kernel(in, a);
  else
    return pointwise_call(in.size(), [&](std::span<expr::value const> x) { return Operator::expression(x, a); });
}

}  // namespace detail

/// The table entry of an operator: a struct with
///   static constexpr op_schema schema;
///   struct attributes;                 (or `using attributes = no_attributes;`)
///   static attributes parse(attribute_reader const&);                                 omitted: default attributes
///   static types infer(inputs const&, attributes const&);
///   static dtype element(inputs const&, attributes const&, std::size_t output);       omitted: that of input 0
///   static constexpr bool infers_any_shape = true;       in its place, where `infer` does not need the inputs' shapes
///   static constexpr bool passes_on = true;              where the output is input 0, which may be a container
///   static constexpr bool appends = true;                where the output may have the memory of input 0, and then is
///                                                        it but for some rows that the kernel writes
///   static kernel_call kernel(inputs const&, attributes const&);
///   static expr::value expression(std::span<expr::value const>, attributes const&);   optional
///   static std::vector<bounded_shape> bounds(inputs const&, attributes const&);       with a counting kernel
/// or, in place of the kernel, what only the in-process compiler runs: plain loops on the heap, or for operators that
/// allocate their outputs themselves a function that does,
///   static void evaluate(input_views, output_views, attributes const&);
///   static std::vector<any_tensor> execute(std::span<any_tensor const>, attributes const&);
/// with subgraphs that a runner runs (subgraph_runner.hpp), and the number of values that these carry,
///   static std::vector<any_tensor> execute(std::span<any_tensor const>, attributes const&, subgraph_runner&);
///   static std::size_t carried(attributes const&);
/// and where these may be planned with the graph around them, how a node of so many inputs runs them,
///   static control_form form(attributes const&, std::size_t inputs);
/// or, where other operators say it all, a graph of these, which takes the node's place (passes/expand_composites.hpp),
///   static graph body(inputs const&, attributes const&);                              `infer` is omitted then
/// An operator with an expression alone gets the kernel that interprets expressions.
template <typename Operator>
constexpr operator_entry entry_of() {
  using attributes = typename Operator::attributes;
  constexpr int ways = kernel_operator<Operator> + evaluable_operator<Operator> + allocating_operator<Operator> +
                       control_operator<Operator> + composite_operator<Operator>;
  static_assert(ways <= 1);
  constexpr bool interpreted = ways == 0;
  static_assert(!interpreted || pointwise_operator<Operator>);
  operator_entry entry{};
  entry.schema = Operator::schema;
  entry.passes_on = passing_operator<Operator>;
  entry.appends = appending_operator<Operator>;
  entry.parse = [](attribute_reader const& r) -> std::shared_ptr<void const> {
    if constexpr (parsed_operator<Operator>) {
      return detail::erase<attributes>(Operator::parse(r));
    } else {
      static_cast<void>(r);
      return detail::erase<attributes>({});
    }
  };
  if constexpr (composite_operator<Operator>) {
    entry.body = [](inputs const& in, void const* a) { return Operator::body(in, *static_cast<attributes const*>(a)); };
    entry.infer = [](inputs const& in, void const* a) {
      return output_types(Operator::body(in, *static_cast<attributes const*>(a)));
    };
  } else {
    entry.infer = [](inputs const& in, void const* a) {
      return Operator::infer(in, *static_cast<attributes const*>(a));
    };
  }
  if constexpr (typed_operator<Operator>) {
    entry.element = [](inputs const& in, void const* a, std::size_t output) {
      return Operator::element(in, *static_cast<attributes const*>(a), output);
    };
  } else if constexpr (!shapeless_operator<Operator>) {
    entry.element = [](inputs const& in, void const*, std::size_t) { return in.element(0); };
  }
  if constexpr (pointwise_operator<Operator>) {
    entry.expression = [](std::span<expr::value const> x, void const* a) {
      return Operator::expression(x, *static_cast<attributes const*>(a));
    };
  }
  if constexpr (counting_operator<Operator>) {
    static_assert(kernel_operator<Operator>);
    entry.bounds = [](inputs const& in, void const* a) {
      return Operator::bounds(in, *static_cast<attributes const*>(a));
    };
  }
  if constexpr (composite_operator<Operator>) {
    entry.execute = [](std::span<any_tensor const> in, void const* a, subgraph_runner&) {
      auto const operands = operands_of(in);
      return execute_body(Operator::body(inputs(operands), *static_cast<attributes const*>(a)), in);
    };
  } else if constexpr (control_operator<Operator>) {
    entry.execute = [](std::span<any_tensor const> in, void const* a, subgraph_runner& bodies) {
      return Operator::execute(in, *static_cast<attributes const*>(a), bodies);
    };
    entry.carried = [](void const* a) { return Operator::carried(*static_cast<attributes const*>(a)); };
    if constexpr (formed_operator<Operator>) {
      entry.form = [](void const* a, std::size_t inputs) {
        return Operator::form(*static_cast<attributes const*>(a), inputs);
      };
    }
  } else if constexpr (allocating_operator<Operator>) {
    entry.execute = [](std::span<any_tensor const> in, void const* a, subgraph_runner&) {
      return Operator::execute(in, *static_cast<attributes const*>(a));
    };
  } else if constexpr (evaluable_operator<Operator>) {
    entry.evaluate = [](input_views in, output_views out, void const* a) {
      Operator::evaluate(in, out, *static_cast<attributes const*>(a));
    };
  } else {
    entry.kernel = detail::kernel_of<Operator>;
  }
  return entry;
}

/// Several entries as one line of the list in ops/all.hpp: a struct with `static constexpr std::array entries`.
template <typename T>
concept operator_family = requires {
  T::entries.size();
};

namespace detail {

template <typename T>
constexpr auto entries_of() {
  if constexpr (operator_family<T>)
    return T::entries;
  else
    return std::array<operator_entry, 1>{entry_of<T>()};
}

}  // namespace detail

/// The entries of operators and families, in the order given.
template <typename... Members>
struct operator_list {
  static constexpr auto entries = [] {
    std::array<operator_entry, (0 + ... + detail::entries_of<Members>().size())> all{};
    std::size_t next = 0;
    auto const append = [&](auto const& some) {
      for (auto const& entry : some) all[next++] = entry;
    };
    (append(detail::entries_of<Members>()), ...);
    return all;
  }();
};

}  // namespace sinter
