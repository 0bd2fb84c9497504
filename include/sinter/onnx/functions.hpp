#pragma once

#include <sinter/onnx/tensor.hpp>

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace sinter::onnx {

using opset_map = std::map<std::string, std::int64_t>;

/// The domain of ONNX's own operators has two spellings; inside, it is the empty one.
inline std::string_view normalized_domain(std::string const& domain) {
  return domain == "ai.onnx" ? std::string_view{} : domain;
}

/// Adds operator set imports to `opsets`.
template <typename Imports>
void add_opsets(Imports const& imports, opset_map& opsets) {
  for (auto const& entry : imports) {
    if (entry.version() <= 0)
      fail(error_code::malformed_model, "the model imports version {} of the operator set '{}', expected 1 or more",
           entry.version(), entry.domain());
    opsets[std::string(normalized_domain(entry.domain()))] = entry.version();
  }
}

/// The functions that a model defines for itself. Messages are as `scan_message` leaves them: `doc_string` of a
/// function and of a node is its overload.
class function_table {
 public:
  explicit function_table(proto::ModelProto const& model) {
    for (auto const& f : model.functions()) {
      if (!functions_.emplace(key{normalized_domain(f.domain()), f.name(), f.doc_string()}, &f).second)
        fail(error_code::malformed_model, "the model defines function '{}' of domain '{}' twice", f.name(), f.domain());
    }
  }

  /// The function that a node calls, or null for an operator.
  proto::FunctionProto const* find(proto::NodeProto const& n) const {
    if (functions_.empty()) return nullptr;
    auto const it = functions_.find(key{normalized_domain(n.domain()), n.op_type(), n.doc_string()});
    return it == functions_.end() ? nullptr : it->second;
  }

 private:
  using key = std::tuple<std::string_view, std::string_view, std::string_view>;
  std::map<key, proto::FunctionProto const*> functions_{};
};

/// The attributes of a function that have default values (`attribute_proto`), also where the ONNX headers are too old
/// to know that field.
template <typename Function>
std::vector<proto::AttributeProto> default_attributes(Function const& f) {
  if constexpr (requires { f.attribute_proto(); }) {
    return {f.attribute_proto().begin(), f.attribute_proto().end()};
  } else {
    constexpr int attribute_proto = 11;
    std::vector<proto::AttributeProto> result;
    auto const& unknown = f.unknown_fields();
    for (int i = 0; i < unknown.field_count(); ++i) {
      auto const& field = unknown.field(i);
      if (field.number() != attribute_proto || field.type() != field.TYPE_LENGTH_DELIMITED) continue;
      if (!result.emplace_back().ParseFromString(field.length_delimited()))
        fail(error_code::malformed_model, "an attribute of function '{}' cannot be read", f.name());
    }
    return result;
  }
}

}  // namespace sinter::onnx
