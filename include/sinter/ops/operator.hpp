#pragma once

#include <sinter/expr/expression.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/ops/attribute_reader.hpp>
#include <sinter/ops/control_form.hpp>
#include <sinter/ops/kernel_call.hpp>

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sinter {

/// What an operator is called and since which version of its domain this definition holds. Of several definitions of
/// one name, a node gets the one with the largest `since` that is not above the node's version.
struct op_schema {
  std::string_view name{};
  std::int64_t since = 1;
  std::string_view domain = {};
  std::size_t min_inputs = 1;  ///< inputs that may not be omitted, from the front
  std::size_t max_inputs = 16384;
  std::size_t max_outputs = 1;
};

/// One input of an operator during inference.
struct operand {
  tensor_type type{};
  any_tensor const* value = nullptr;  ///< where the elements are known already
};

using types = std::vector<tensor_type>;

/// The inputs of an operator during inference. Omitted ones are absent, also those past the end.
class inputs {
 public:
  explicit inputs(std::span<operand const> operands) : operands_(operands) {}
  /// The same for inference that is not to run counting kernels: what they count is not known.
  static inputs uncounted(std::span<operand const> operands) {
    inputs in(operands);
    in.counts_ = false;
    return in;
  }

  std::size_t size() const { return operands_.size(); }
  std::span<operand const> all() const { return operands_; }
  bool has(std::size_t i) const { return i < size() && operands_[i].type.element != dtype::undefined; }
  /// Asking for the type of an input that is absent is an error of the model.
  tensor_type const& operator[](std::size_t i) const {
    if (!has(i)) fail(error_code::malformed_model, "input {} is not given", i);
    return operands_[i].type;
  }
  dtype element(std::size_t i) const { return (*this)[i].element; }
  sinter::shape const& shape(std::size_t i) const { return *(*this)[i].shape; }
  /// Whether the shapes of all inputs that are given are known.
  bool have_shapes() const {
    return std::ranges::all_of(
        operands_, [](operand const& o) { return o.type.element == dtype::undefined || o.type.shape.has_value(); });
  }
  /// Input `i` if its elements are known now, else null.
  any_tensor const* tensor(std::size_t i) const { return has(i) ? operands_[i].value : nullptr; }
  /// The elements of input `i` if they are known now.
  std::optional<tensor_view> value(std::size_t i) const {
    auto const* const t = tensor(i);
    return t ? std::optional(t->view()) : std::nullopt;
  }
  /// All inputs as a counting kernel sees them, if it may run now: the elements of those that are given are known.
  std::optional<std::vector<tensor_view>> counted() const;
  /// The elements of an int64 or int32 input as int64, if they are known now.
  std::optional<std::vector<std::int64_t>> integers(std::size_t i) const;

 private:
  std::span<operand const> operands_;
  bool counts_ = true;
};

/// A type whose shape depends on data that is not known yet.
inline tensor_type unknown_shape(dtype element) { return {element, std::nullopt}; }

/// The most that an output can hold of which one extent depends on data.
struct bounded_shape {
  sinter::shape most{};
  std::size_t axis = 0;  ///< whose extent is an upper bound

  sinter::shape with(std::int64_t count) const {
    auto s = most;
    s[axis] = count;
    return s;
  }
  /// The type of the output, from the extent if that is known now.
  tensor_type type(dtype element, std::optional<std::int64_t> count) const {
    return count ? tensor_type{element, with(*count)} : unknown_shape(element);
  }
};

class subgraph_runner;

/// An operator as the rest of the library sees it; made from a struct like `leaky_relu` by `entry_of`. One of `kernel`,
/// `evaluate` and `execute` computes it, the others are null.
struct operator_entry {
  op_schema schema{};
  std::shared_ptr<void const> (*parse)(attribute_reader const&);
  /// The types of the outputs, from inputs whose shapes are known; from any inputs where `element` is null.
  types (*infer)(inputs const&, void const* attributes);
  /// The element type of an output, whose shape needs those of the inputs.
  dtype (*element)(inputs const&, void const* attributes, std::size_t output);
  /// The call of a shipped kernel. It is empty where the kernel needs values of inputs that are not known.
  kernel_call (*kernel)(inputs const&, void const* attributes);
  /// Plain loops.
  void (*evaluate)(input_views, output_views, void const* attributes);
  /// For operators that allocate their outputs themselves; those with subgraphs have the runner run them.
  std::vector<any_tensor> (*execute)(std::span<any_tensor const>, void const* attributes, subgraph_runner&);
  /// Null unless `execute` uses the runner: how many of the first outputs are passed from one run of a subgraph to the
  /// next.
  std::size_t (*carried)(void const* attributes) = nullptr;
  /// Null unless its subgraphs may be planned: how a node with `inputs` inputs runs them.
  control_form (*form)(void const* attributes, std::size_t inputs) = nullptr;
  /// Null unless the operator is a composite: the graph that defines it, for inputs whose shapes are known, or any
  /// where `element` is null. Its inputs are those of the node that are given.
  graph (*body)(inputs const&, void const* attributes) = nullptr;
  /// Null unless the operator computes each element of a float output from the (broadcast) elements of its inputs.
  expr::value (*expression)(std::span<expr::value const>, void const* attributes);
  /// Null unless the kernel is a counting one: the most that each output can hold, from inputs whose shapes are known.
  /// The extents along the axes named are one number, which the kernel counts.
  std::vector<bounded_shape> (*bounds)(inputs const&, void const* attributes) = nullptr;
  /// Whether the output is input 0, which may be a container.
  bool passes_on = false;
  /// Whether the kernel writes no more than some rows where its output has the memory of input 0.
  bool appends = false;
};

/// The definition for a node, or null if the library lacks it. Defined in ops/all.hpp.
operator_entry const* find_operator(std::string_view domain, std::string_view name, std::int64_t version);

/// All definitions. Defined in ops/all.hpp.
std::span<operator_entry const> operator_table();

/// An operator together with the parsed attributes of one node.
struct bound_operator {
  operator_entry const* entry = nullptr;
  std::shared_ptr<void const> attributes{};
  std::size_t outputs = 1;  ///< that the node names

  /// The types of the outputs. Element types are always known, shapes where those of the inputs are known and suffice.
  types infer(inputs const& in) const;
  /// The most that each output can hold, for those whose shape `infer` does not know; empty where no bound is known.
  std::vector<bounded_shape> bounds(inputs const& in) const {
    if (!entry->bounds || !in.have_shapes()) return {};
    return entry->bounds(in, attributes.get());
  }
  bool allocates() const { return entry->execute != nullptr; }
  /// Computes the outputs on the heap; not for operators that allocate them. Returns what a counting kernel counts.
  std::int64_t evaluate(input_views in, output_views out) const;
  kernel_call kernel(inputs const& in) const {
    return entry->kernel ? entry->kernel(in, attributes.get()) : kernel_call{};
  }
  bool has_expression() const { return entry->expression != nullptr; }
  expr::value expression(std::span<expr::value const> x) const { return entry->expression(x, attributes.get()); }
  template <typename Attributes>
  Attributes const& attributes_as() const {
    return *static_cast<Attributes const*>(attributes.get());
  }
};

inline types bound_operator::infer(inputs const& in) const {
  if (!entry->element) return entry->infer(in, attributes.get());
  bool const shaped = in.have_shapes();
  types found = shaped ? entry->infer(in, attributes.get()) : types();
  for (std::size_t i = 0; i < outputs; ++i) {
    auto const element = entry->element(in, attributes.get(), i);
    if (!shaped) found.push_back(unknown_shape(element));
    SINTER_ASSERT(i >= found.size() || found[i].element == element);
  }
  return found;
}

inline std::int64_t bound_operator::evaluate(input_views in, output_views out) const {
  if (!entry->kernel) {
    entry->evaluate(in, out, attributes.get());
    return 0;
  }
  std::vector<any_tensor> tensors;
  for (auto const& v : in)
    tensors.emplace_back(v.type, v.shape, std::shared_ptr<void const>(std::shared_ptr<void const>(), v.data));
  std::vector<operand> operands;
  for (auto const& t : tensors) operands.push_back({{t.type(), t.shape()}, &t});
  return run(kernel(inputs(operands)), in, out);
}

/// What `bind` found for a node, and all that decided it.
struct bound_node {
  std::string domain{};
  std::string op{};
  std::int64_t version = 0;
  attribute_map attributes{};
  std::vector<bool> inputs{};  ///< which are given
  bound_operator found{};

  /// Whether `n` would be bound alike.
  bool describes(node const& n) const;
};

inline bool bound_node::describes(node const& n) const {
  auto const is_given = [](value_id in) { return static_cast<bool>(in); };
  return attributes.shares_entries(n.attributes) && op == n.op && domain == n.domain && version == n.version &&
         found.outputs == n.outputs.size() && std::ranges::equal(inputs, n.inputs, {}, {}, is_given);
}

/// "node 'conv1' (Conv)", for the context of errors.
std::string describe(node const& n);

/// Finds the operator of `n` and parses its attributes. An unknown operator is `error_code::unsupported_operator`, an
/// attribute that the operator does not know `error_code::unsupported_feature`; a wrong number of inputs or an
/// attribute that does not fit is `error_code::malformed_model`.
bound_operator bind(node const& n);

/// Binds `n` once for itself and all its copies: while they are as they are now, `bind` has nothing to find or parse.
void keep_bound(node& n);

/// Infers the output types of `n` from what is known of its inputs, one for each output. Errors name the node; one is
/// an input whose element type is unknown.
types infer(node const& n, std::span<operand const> operands);
types infer(graph const& g, node const& n);
/// What is known of the inputs of `n`.
std::vector<operand> operands_of(graph const& g, node const& n);

/// `error_code::malformed_model` if an output of a graph holds another type than the model declares.
void expect_declared(value const& output, dtype found);

/// An operator whose outputs do not all have the element type of its first input says which they have.
template <typename Operator>
concept typed_operator = requires(inputs const& in, typename Operator::attributes const& a, std::size_t output) {
  { Operator::element(in, a, output) } -> std::same_as<dtype>;
};

/// An operator whose output is its first input.
template <typename Operator>
concept passing_operator = Operator::passes_on;

/// An operator that writes rows into its first input, or into a copy of it.
template <typename Operator>
concept appending_operator = Operator::appends;

/// An operator whose `infer` does not need the shapes of the inputs.
template <typename Operator>
concept shapeless_operator = Operator::infers_any_shape;

template <typename Operator>
concept pointwise_operator = requires(std::span<expr::value const> x, typename Operator::attributes const& a) {
  { Operator::expression(x, a) } -> std::same_as<expr::value>;
};

template <typename Operator>
concept kernel_operator = requires(inputs const& in, typename Operator::attributes const& a) {
  { Operator::kernel(in, a) } -> std::same_as<kernel_call>;
};

template <typename Operator>
concept counting_operator = requires(inputs const& in, typename Operator::attributes const& a) {
  { Operator::bounds(in, a) } -> std::same_as<std::vector<bounded_shape>>;
};

/// An operator that is defined by a graph of others (ops/composite.hpp).
template <typename Operator>
concept composite_operator = requires(inputs const& in, typename Operator::attributes const& a) {
  { Operator::body(in, a) } -> std::same_as<graph>;
};

template <typename Operator>
concept allocating_operator = requires(std::span<any_tensor const> in, typename Operator::attributes const& a) {
  { Operator::execute(in, a) } -> std::same_as<std::vector<any_tensor>>;
};

/// An allocating operator whose subgraphs others may run.
template <typename Operator>
concept control_operator = requires(std::span<any_tensor const> in, typename Operator::attributes const& a,
                                    subgraph_runner& bodies) {
  { Operator::execute(in, a, bodies) } -> std::same_as<std::vector<any_tensor>>;
  { Operator::carried(a) } -> std::same_as<std::size_t>;
};

/// One that says how it runs them.
template <typename Operator>
concept formed_operator = requires(typename Operator::attributes const& a, std::size_t inputs) {
  { Operator::form(a, inputs) } -> std::same_as<control_form>;
};

template <typename Operator>
concept evaluable_operator = requires(input_views in, output_views out, typename Operator::attributes const& a) {
  Operator::evaluate(in, out, a);
};

}  // namespace sinter
