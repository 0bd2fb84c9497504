#pragma once

#include <sinter/onnx/attribute.hpp>
#include <sinter/onnx/description.hpp>
#include <sinter/onnx/functions.hpp>
#include <sinter/onnx/parse.hpp>

#include <string>
#include <string_view>
#include <unordered_set>

/// Part of the implementation: defines `describe_file`.
namespace sinter::onnx {

namespace detail {

/// The rules of ONNX's checker that the import does not need.
class model_describer {
 public:
  explicit model_describer(proto::ModelProto const& model) : model_(model) {}

  model_description run() {
    d_.ir_version = model_.ir_version();
    d_.producer = model_.producer_name();
    if (!model_.producer_version().empty()) d_.producer += " " + model_.producer_version();
    check_versions();
    check_graph(model_.graph());
    check_order(model_.graph(), nullptr);
    return std::move(d_);
  }

 private:
  template <typename... Args>
  void fault(fmt::format_string<Args...> text, Args&&... args) {
    d_.faults.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  void check_versions() {
    if (d_.ir_version < 1) fault("the model does not say its IR version (ir_version), expected 1 or more");
    if (d_.ir_version > newest_ir_version)
      fault("the IR version is {}, newer than {}, the newest that is known", d_.ir_version, newest_ir_version);
    if (d_.ir_version >= 3 && model_.opset_import().empty())
      fault("the model imports no operator set (opset_import), which IR version {} demands", d_.ir_version);
    if (d_.ir_version < 3 && !model_.opset_import().empty())
      fault("the model imports operator sets, which IR version {} does not know", d_.ir_version);
    for (auto const& set : model_.opset_import()) {
      auto const domain = std::string(normalized_domain(set.domain()));
      if (!d_.opsets.try_emplace(domain, set.version()).second)
        fault("the operator set of domain '{}' is imported twice", domain.empty() ? "ai.onnx" : domain);
    }
    if (d_.opsets.empty()) d_.opsets[""] = 1;
  }

  void check_graph(proto::GraphProto const& g) {
    if (g.name().empty()) fault("the graph has no name");
    std::unordered_set<std::string_view> inputs;
    for (auto const& in : g.input()) add_type(in, "input"), inputs.insert(in.name());
    for (auto const& out : g.output()) add_type(out, "output");
    for (auto const& v : g.value_info()) add_type(v, "value");
    if (d_.ir_version >= 4) return;
    for (auto const& t : g.initializer())
      if (!inputs.contains(t.name()))
        fault("initializer '{}' is no input of the graph, which IR version {} demands", t.name(), d_.ir_version);
  }

  void add_type(proto::ValueInfoProto const& info, std::string_view what) {
    auto const is_port = what != "value";
    if (info.name().empty()) return fault("{} {} of the graph has no name", is_port ? "an" : "a", what);
    if (!info.has_type()) {
      if (is_port) fault("{} '{}' of the graph has no type", what, info.name());
      return;
    }
    declared_type type{.element = type_of(info.type())};
    if (type.element == dtype::undefined) fault("{} '{}' of the graph has no element type", what, info.name());
    if (info.type().has_tensor_type() && info.type().tensor_type().has_shape()) {
      type.dimensions.emplace();
      for (auto const& dim : info.type().tensor_type().shape().dim())
        type.dimensions->push_back(dim.has_dim_value() ? dimension{dim.dim_value(), {}}
                                                       : dimension{-1, dim.dim_param()});
    }
    d_.values.try_emplace(info.name(), std::move(type));
  }

  /// The names that are defined so far in a graph, and in those around it.
  struct scope {
    scope const* outer = nullptr;
    std::unordered_set<std::string_view> names{};
    bool knows(std::string_view name) const { return names.contains(name) || (outer && outer->knows(name)); }
  };

  /// Nodes stand behind those whose outputs they read.
  void check_order(proto::GraphProto const& g, scope const* outer) {
    scope known{.outer = outer};
    for (auto const& in : g.input()) known.names.insert(in.name());
    for (auto const& t : g.initializer()) known.names.insert(t.name());
    for (auto const& t : g.sparse_initializer()) known.names.insert(t.values().name());
    for (auto const& n : g.node()) {
      auto const name = n.name().empty() ? "without name" : fmt::format("'{}'", n.name());
      if (n.input().empty() && n.output().empty())
        fault("node {} ({}) has neither inputs nor outputs", name, n.op_type());
      for (auto const& in : n.input())
        if (!in.empty() && !known.knows(in))
          fault("node {} ({}) reads '{}', which no earlier node, input or initializer defines", name, n.op_type(), in);
      for (auto const& a : n.attribute())
        if (a.has_g()) check_order(a.g(), &known);
      for (auto const& out : n.output()) known.names.insert(out);
    }
  }

  proto::ModelProto const& model_;
  model_description d_{};
};

}  // namespace detail

model_description describe_file(std::filesystem::path const& file, limits const& bounds) {
  return with_context(detail::in_file(file), [&] {
    byte_source const source(input_file::open(file, bounds.model_bytes));
    auto const scanned = scan_message(source, message::typed_model, bounds);
    google::protobuf::Arena arena;
    auto& model = detail::make_message<proto::ModelProto>(arena);
    detail::parse_scanned(model, scanned, bounds);
    return detail::model_describer(model).run();
  });
}

}  // namespace sinter::onnx
