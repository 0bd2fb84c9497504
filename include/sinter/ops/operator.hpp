#pragma once

#include <sinter/expr/expression.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/ops/kernel_call.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
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

/// Reads the attributes of one node with type checks; errors name the attribute.
class attribute_reader {
 public:
  explicit attribute_reader(node const& n) : node_(n) {}

  std::int64_t version() const { return node_.version; }
  std::size_t input_count() const { return node_.inputs.size(); }
  bool has_input(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i]; }
  std::size_t output_count() const { return node_.outputs.size(); }
  bool has(std::string_view name) const { return node_.attributes.find(name) != node_.attributes.end(); }

  /// The attribute, or `otherwise` where the node has none.
  template <typename T>
  T get(std::string_view name, T otherwise) const {
    auto const it = node_.attributes.find(name);
    return it == node_.attributes.end() ? std::move(otherwise) : read<T>(name, it->second);
  }
  /// The attribute; an error where the node has none.
  template <typename T>
  T require(std::string_view name) const {
    auto const it = node_.attributes.find(name);
    if (it == node_.attributes.end()) fail(error_code::malformed_model, "the attribute '{}' is required", name);
    return read<T>(name, it->second);
  }

  /// The position of the attribute's text, or of `otherwise` where the node has none, in a list of names.
  template <std::size_t N>
  std::size_t choice(std::string_view name, std::string_view otherwise,
                     std::array<std::string_view, N> const& names) const {
    auto const text = get(name, std::string(otherwise));
    auto const found = std::ranges::find(names, text);
    if (found == names.end())
      fail(error_code::malformed_model, "the attribute '{}' is '{}', expected one of {}", name, text,
           fmt::join(names, ", "));
    return static_cast<std::size_t>(found - names.begin());
  }

 private:
  template <typename T>
  static T read(std::string_view name, attribute const& a) {
    if constexpr (std::same_as<T, bool>) {
      return read<std::int64_t>(name, a) != 0;
    } else {
      if (auto const* v = std::get_if<T>(&a)) return *v;
      fail(error_code::malformed_model, "the attribute '{}' has another type than the operator's schema says", name);
    }
  }

  node const& node_;
};

/// One input of an operator during inference.
struct operand {
  tensor_type type{};                 ///< the shape is known whenever `infer` is called
  any_tensor const* value = nullptr;  ///< where the elements are known already
};

using types = std::vector<tensor_type>;

/// The inputs of an operator during inference. Omitted ones are absent, also those past the end.
class inputs {
 public:
  explicit inputs(std::span<operand const> operands) : operands_(operands) {}

  std::size_t size() const { return operands_.size(); }
  bool has(std::size_t i) const { return i < size() && operands_[i].type.element != dtype::undefined; }
  /// Asking for the type of an input that is absent is an error of the model.
  tensor_type const& operator[](std::size_t i) const {
    if (!has(i)) fail(error_code::malformed_model, "input {} is not given", i);
    return operands_[i].type;
  }
  dtype element(std::size_t i) const { return (*this)[i].element; }
  sinter::shape const& shape(std::size_t i) const { return *(*this)[i].shape; }
  /// Input `i` if its elements are known now, else null.
  any_tensor const* tensor(std::size_t i) const { return has(i) ? operands_[i].value : nullptr; }
  /// The elements of input `i` if they are known now.
  std::optional<tensor_view> value(std::size_t i) const {
    auto const* const t = tensor(i);
    return t ? std::optional(t->view()) : std::nullopt;
  }
  /// The elements of an int64 or int32 input as int64, if they are known now.
  std::optional<std::vector<std::int64_t>> integers(std::size_t i) const;

 private:
  std::span<operand const> operands_;
};

/// A type whose shape depends on data that is not known yet.
inline tensor_type unknown_shape(dtype element) { return {element, std::nullopt}; }

/// An operator as the rest of the library sees it; made from a struct like `leaky_relu` by `entry_of`. One of `kernel`,
/// `evaluate` and `execute` computes it, the others are null.
struct operator_entry {
  op_schema schema{};
  std::shared_ptr<void const> (*parse)(attribute_reader const&);
  types (*infer)(inputs const&, void const* attributes);
  /// The call of a shipped kernel. It is empty where the kernel needs values of inputs that are not known.
  kernel_call (*kernel)(inputs const&, void const* attributes);
  /// Plain loops.
  void (*evaluate)(input_views, output_views, void const* attributes);
  /// For operators that allocate their outputs themselves (control flow, NonMaxSuppression).
  std::vector<any_tensor> (*execute)(std::span<any_tensor const>, void const* attributes);
  /// Null unless the operator computes each element of a float output from the (broadcast) elements of its inputs.
  expr::value (*expression)(std::span<expr::value const>, void const* attributes);
};

/// The definition for a node, or null if the library lacks it. Defined in ops/all.hpp.
operator_entry const* find_operator(std::string_view domain, std::string_view name, std::int64_t version);

/// All definitions. Defined in ops/all.hpp.
std::span<operator_entry const> operator_table();

/// An operator together with the parsed attributes of one node.
struct bound_operator {
  operator_entry const* entry = nullptr;
  std::shared_ptr<void const> attributes{};

  types infer(inputs const& in) const { return entry->infer(in, attributes.get()); }
  bool allocates() const { return entry->execute != nullptr; }
  /// Computes the outputs on the heap; not for operators that allocate them.
  void evaluate(input_views in, output_views out) const;
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

inline void bound_operator::evaluate(input_views in, output_views out) const {
  if (!entry->kernel) return entry->evaluate(in, out, attributes.get());
  std::vector<any_tensor> tensors;
  for (auto const& v : in)
    tensors.emplace_back(v.type, v.shape, std::shared_ptr<void const>(std::shared_ptr<void const>(), v.data));
  std::vector<operand> operands;
  for (auto const& t : tensors) operands.push_back({{t.type(), t.shape()}, &t});
  run(kernel(inputs(operands)), in, out);
}

/// "node 'conv1' (Conv)", for the context of errors.
std::string describe(node const& n);

/// Finds the operator of `n` and parses its attributes. An unknown operator is `error_code::unsupported_operator`; a
/// wrong number of inputs or an attribute that does not fit is `error_code::malformed_model`.
bound_operator bind(node const& n);

/// Infers the output types of `n`; all inputs must have known shapes, else the outputs have unknown ones. Errors name
/// the node.
types infer(graph const& g, node const& n);

template <typename Operator>
concept pointwise_operator = requires(std::span<expr::value const> x, typename Operator::attributes const& a) {
  { Operator::expression(x, a) } -> std::same_as<expr::value>;
};

template <typename Operator>
concept kernel_operator = requires(inputs const& in, typename Operator::attributes const& a) {
  { Operator::kernel(in, a) } -> std::same_as<kernel_call>;
};

template <typename Operator>
concept allocating_operator = requires(std::span<any_tensor const> in, typename Operator::attributes const& a) {
  { Operator::execute(in, a) } -> std::same_as<std::vector<any_tensor>>;
};

template <typename Operator>
concept evaluable_operator = requires(input_views in, output_views out, typename Operator::attributes const& a) {
  Operator::evaluate(in, out, a);
};

}  // namespace sinter
