#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/onnx/tensor_message.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace sinter::onnx {

/// Fills messages with graphs: the main graph, and subgraphs, which read values of the graphs around them by name.
class graph_exporter {
 public:
  void run(graph const& g, proto::GraphProto& message) { export_graph(g, message, {}); }

 private:
  /// The names of the values of a graph, by index.
  using names = std::vector<std::string>;

  /// A name that no value has, made of `wanted`.
  std::string unique(std::string_view wanted) {
    std::string name(wanted.empty() ? "value" : wanted);
    for (std::size_t i = 1; !taken_.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
    return name;
  }

  static bool is_in_use(graph const& g, value_id id) {
    auto const& v = g.at(id);
    return !v.users.empty() || v.producer || g.is_output(id);
  }

  /// Ports first, which keep their names in the main graph. `captured` are the names of what a subgraph reads.
  names name_values(graph const& g, std::vector<std::string> const& captured) {
    names all(g.value_count());
    auto const name = [&](value_id id) -> std::string& { return all[static_cast<std::size_t>(id.index)]; };
    std::size_t next = 0;
    for (auto const& p : g.inputs) name(p.value) = p.captured ? captured.at(next++) : unique(g.at(p.value).name);
    for (auto const& p : g.outputs)
      if (name(p.value).empty()) name(p.value) = unique(g.at(p.value).name);
    for (std::size_t i = 0; i < all.size(); ++i) {
      value_id const id{static_cast<std::int32_t>(i)};
      if (all[i].empty() && is_in_use(g, id)) all[i] = unique(g.at(id).name);
    }
    return all;
  }

  void export_graph(graph const& g, proto::GraphProto& message, std::vector<std::string> const& captured) {
    auto const all = name_values(g, captured);
    message.set_name(g.name.empty() ? "graph" : g.name);
    for (auto const& p : g.inputs)
      if (!p.captured && !g.at(p.value).is_constant()) export_port(g, p, all, *message.add_input());
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto const& v = g.at(value_id{static_cast<std::int32_t>(i)});
      if (v.is_constant() && !all[i].empty()) write_tensor(*message.add_initializer(), all[i], v.constant);
    }
    for (auto const id : g.topological_order()) {
      auto const& n = g.at(id);
      with_context([&] { return fmt::format("node '{}' ({})", n.name, n.op); },
                   [&] {
                     check_version(g, n);
                     export_node(n, all, *message.add_node());
                   });
    }
    for (auto const& p : g.outputs) export_port(g, p, all, *message.add_output());
  }

  static void export_port(graph const& g, port const& p, names const& all, proto::ValueInfoProto& message) {
    auto const& v = g.at(p.value);
    message.set_name(all[static_cast<std::size_t>(p.value.index)]);
    if (is_container(v.type.element))
      fail(error_code::unsupported_feature, "'{}' is a {}; only tensors are written as inputs and outputs", v.name,
           name(v.type.element));
    if (v.type.element == dtype::undefined) return;  // of a subgraph: its node's type inference says it
    auto& tensor = *message.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(static_cast<std::int32_t>(v.type.element));
    if (!p.declared) return;
    auto& extents = *tensor.mutable_shape();
    for (auto const& d : *p.declared) {
      auto& dim = *extents.add_dim();
      if (d.known())
        dim.set_dim_value(d.extent);
      else if (!d.symbol.empty())
        dim.set_dim_param(d.symbol);
    }
  }

  /// What the subgraphs of a node capture: the last inputs of the node.
  static std::size_t count_captures(node const& n) {
    for (auto const& [name, value] : n.attributes)
      if (auto const* const body = std::get_if<std::shared_ptr<graph const>>(&value))
        return static_cast<std::size_t>(std::ranges::count((*body)->inputs, true, &port::captured));
    return 0;
  }

  /// A model has one version of each operator set.
  static void check_version(graph const& g, node const& n) {
    if (n.domain == "sinter")
      fail(error_code::unsupported_feature, "the operator is one of this library, which other programs lack");
    auto const opset = g.opsets.find(n.domain);
    if (opset == g.opsets.end() || opset->second != n.version)
      fail(error_code::unsupported_feature, "the node is of version {} of operator set '{}', the graph has {}",
           n.version, n.domain, opset == g.opsets.end() ? 0 : opset->second);
  }

  void export_node(node const& n, names const& all, proto::NodeProto& message) {
    auto const name_of = [&](value_id id) { return id ? all[static_cast<std::size_t>(id.index)] : std::string(); };
    if (!n.name.empty()) message.set_name(n.name);
    message.set_op_type(n.op);
    message.set_domain(n.domain);
    auto const own = n.inputs.size() - count_captures(n);
    std::vector<std::string> captured;
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      if (i < own)
        message.add_input(name_of(n.inputs[i]));
      else
        captured.push_back(name_of(n.inputs[i]));
    for (auto const out : n.outputs) message.add_output(name_of(out));
    for (auto const& [name, value] : n.attributes) export_attribute(name, value, captured, *message.add_attribute());
  }

  void export_attribute(std::string const& name, attribute const& value, std::vector<std::string> const& captured,
                        proto::AttributeProto& message) {
    using type = proto::AttributeProto;
    message.set_name(name);
    auto const fill = [&](type::AttributeType kind, auto const& values, auto add) {
      message.set_type(kind);
      for (auto const& v : values) add(v);
    };
    if (auto const* const i = std::get_if<std::int64_t>(&value)) message.set_type(type::INT), message.set_i(*i);
    if (auto const* const f = std::get_if<float>(&value)) message.set_type(type::FLOAT), message.set_f(*f);
    if (auto const* const s = std::get_if<std::string>(&value)) message.set_type(type::STRING), message.set_s(*s);
    if (auto const* const all = std::get_if<std::vector<std::int64_t>>(&value))
      fill(type::INTS, *all, [&](auto v) { message.add_ints(v); });
    if (auto const* const all = std::get_if<std::vector<float>>(&value))
      fill(type::FLOATS, *all, [&](auto v) { message.add_floats(v); });
    if (auto const* const all = std::get_if<std::vector<std::string>>(&value))
      fill(type::STRINGS, *all, [&](auto const& v) { message.add_strings(v); });
    if (auto const* const t = std::get_if<any_tensor>(&value)) {
      message.set_type(type::TENSOR);
      write_tensor(*message.mutable_t(), {}, *t);
    }
    if (auto const* const body = std::get_if<std::shared_ptr<graph const>>(&value)) {
      message.set_type(type::GRAPH);
      export_graph(**body, *message.mutable_g(), captured);
    }
  }

  std::unordered_set<std::string> taken_{};  // names of values; subgraphs see those of the graphs around them
};

}  // namespace sinter::onnx
