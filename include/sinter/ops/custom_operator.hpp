#pragma once

#include <sinter/core/error.hpp>
#include <sinter/core/tensor.hpp>
#include <sinter/graph/attributes.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Operators that a program adds to the library, for the models that it loads.
namespace sinter {

/// An attribute of a custom operator. Its value is of one of the types int64, float, string, lists of these, or
/// any_tensor; that of the default is the only one that nodes may give.
struct custom_attribute {
  std::string name{};
  attribute value{};      ///< where a node does not give it
  bool required = false;  ///< every node must give it
};

/// The attributes of one node: what it gives, else the defaults.
class custom_attributes {
 public:
  custom_attributes() = default;
  explicit custom_attributes(std::vector<custom_attribute> values) : values_(std::move(values)) {}

  /// T is std::int64_t, float, std::string, a std::vector of one of these, or any_tensor. An attribute that the
  /// operator does not have, or of another type, is `error_code::invalid_argument`.
  template <typename T>
  T const& get(std::string_view name) const {
    auto const at = std::ranges::find(values_, name, &custom_attribute::name);
    auto const* const value = at == values_.end() ? nullptr : std::get_if<T>(&at->value);
    if (!value)
      fail(error_code::invalid_argument, "the custom operator reads the attribute '{}', which it declares {}", name,
           at == values_.end() ? "nowhere" : "with another type");
    return *value;
  }

 private:
  std::vector<custom_attribute> values_{};
};

struct custom_input {
  std::string name{};
  dtype element = dtype::undefined;  ///< undefined: any
  bool optional = false;             ///< nodes may omit it
};

struct custom_output {
  std::string name{};
  dtype element = dtype::undefined;  ///< undefined: that of the first input
};

/// What an operator of the user's is called, takes and gives, and how it is computed. Both functions must be pure:
/// equal inputs give equal outputs, at any time; several threads may call them at once. What they throw leaves `load`
/// or `run`.
struct custom_operator {
  std::string domain{};    ///< as nodes name it; not empty
  std::string name{};      ///< of the operator
  std::int64_t since = 1;  ///< version of the domain from which on it is this; nodes get the newest that they may use
  std::vector<custom_input> inputs{};
  std::vector<custom_output> outputs{};
  std::vector<custom_attribute> attributes{};
  /// The shapes of all outputs. Inputs have types and shapes, and no data; omitted ones have no type.
  std::function<std::vector<shape>(std::span<tensor_view const> inputs, custom_attributes const&)> shapes{};
  /// Computes the outputs, dense and row-major, in memory that overlaps no input. Outputs that nobody uses have no
  /// type.
  std::function<void(std::span<tensor_view const> inputs, std::span<mutable_tensor_view const> outputs,
                     custom_attributes const&)>
      compute{};
};

}  // namespace sinter
