#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/onnx/attribute.hpp>
#include <sinter/onnx/functions.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sinter::onnx {

/// Builds graphs from messages: the main graph, subgraphs with their captures closed, local functions inlined.
class graph_importer {
 public:
  graph_importer(function_table const& functions, tensor_reader& tensors, limits const& bounds)
      : functions_(functions),
        tensors_(tensors),
        depth_(bounds.depth),
        nodes_("the graph's nodes", bounds.nodes),
        parts_("the parts of the graph's nodes", bounds.nodes > SIZE_MAX / 64 ? SIZE_MAX : bounds.nodes * 64) {}

  graph run(proto::GraphProto const& message, opset_map const& opsets) {
    graph g;
    scope s{.g = g};
    frame const f{.opsets = opsets};
    import_graph(message, s, f);
    return g;
  }

 private:
  /// What the names in a graph or function body mean. Values are those of `g`.
  struct scope {
    graph& g;
    scope* outer = nullptr;  ///< of a subgraph: the scope of the node that holds it
    std::unordered_map<std::string_view, value_id> names{};
    std::unordered_map<std::string_view, value_id> results{};  ///< of a function: the caller's values for outputs
    std::vector<std::string_view> captures{};                  ///< names of outer values in use, not yet inputs of `g`
  };

  /// How the nodes of a graph or function body are to be read.
  struct frame {
    opset_map opsets{};
    std::unordered_map<std::string_view, proto::AttributeProto const*> attributes{};  ///< of the function's call
    std::string prefix{};                                                             ///< of names
    std::size_t depth = 0;
  };

  void check_depth(std::size_t depth) const {
    if (depth > depth_)
      fail(error_code::limit_exceeded,
           "functions and subgraphs are nested more than {} deep; a function that calls itself is not supported",
           depth_);
  }

  // Names.

  static void define(scope& s, std::string_view name, value_id id) {
    if (!s.names.emplace(name, id).second)
      fail(error_code::malformed_model, "value '{}' is defined twice, expected names to be unique", name);
  }

  static std::optional<value_id> find(scope& s, std::string_view name) {
    if (auto const it = s.names.find(name); it != s.names.end()) return it->second;
    if (!s.outer) return std::nullopt;
    auto const outside = find(*s.outer, name);
    if (!outside) return std::nullopt;
    value_id id{};
    if (*outside) {
      auto const& v = s.outer->g.at(*outside);
      id = v.is_constant() ? s.g.add_constant(v.name, v.constant) : s.g.add_value(v.name, v.type);
      if (!v.is_constant()) s.captures.push_back(name);
    }
    return s.names[name] = id;
  }

  static value_id use(scope& s, std::string_view name) {
    if (name.empty()) return {};
    auto const id = find(s, name);
    if (!id)
      fail(error_code::malformed_model,
           "value '{}' is used and nothing defines it: no input, initializer or node output has that name", name);
    return *id;
  }

  // Graphs.

  void import_graph(proto::GraphProto const& message, scope& s, frame const& f) {
    check_depth(f.depth);
    s.g.name = message.name();
    s.g.opsets = f.opsets;
    bool const is_subgraph = s.outer != nullptr;
    if (is_subgraph) import_inputs(message, s);
    for (auto const& t : message.initializer()) import_initializer(t.name(), t, s, is_subgraph);
    for (auto const& t : message.sparse_initializer()) import_initializer(t.values().name(), t, s, is_subgraph);
    if (!is_subgraph) import_inputs(message, s);
    import_nodes(message.node(), s, f);
    for (auto const& out : message.output()) {
      with_context([&] { return fmt::format("output '{}' of the graph", out.name()); },
                   [&] {
                     auto const id = use(s, out.name());
                     if (!id) fail(error_code::malformed_model, "the output has no name or names an omitted value");
                     auto [p, type] = read_port(out, id);
                     auto& element = s.g.at(id).type.element;
                     if (element != dtype::undefined && type.element != dtype::undefined && element != type.element)
                       fail(error_code::malformed_model, "the output is declared as {}, its value holds {}",
                            sinter::name(type.element), sinter::name(element));
                     if (element == dtype::undefined) element = type.element;
                     s.g.outputs.push_back(std::move(p));
                   });
    }
  }

  /// A constant; in the main graph it may also be listed as input and then is none, in a subgraph the input wins.
  template <typename Tensor>
  void import_initializer(std::string const& name, Tensor const& t, scope& s, bool is_subgraph) {
    if (name.empty()) fail(error_code::malformed_model, "an initializer has no name");
    if (is_subgraph && s.names.contains(name) && !s.g.at(s.names.at(name)).is_constant()) return;
    define(s, name, s.g.add_constant(name, tensors_.read(t)));
  }

  void import_inputs(proto::GraphProto const& message, scope& s) {
    for (auto const& in : message.input()) {
      if (auto const it = s.names.find(in.name()); it != s.names.end() && s.g.at(it->second).is_constant()) continue;
      with_context([&] { return fmt::format("input '{}' of the graph", in.name()); },
                   [&] {
                     if (in.name().empty()) fail(error_code::malformed_model, "the input has no name");
                     auto const id = s.g.add_value(in.name());
                     define(s, in.name(), id);
                     auto [p, type] = read_port(in, id);
                     s.g.at(id).type = std::move(type);
                     s.g.inputs.push_back(std::move(p));
                   });
    }
  }

  /// A port as declared, and its type.
  static std::pair<port, tensor_type> read_port(proto::ValueInfoProto const& info, value_id id) {
    port p{id, std::nullopt};
    tensor_type type;
    type.element = type_of(info.type());
    auto const& message = info.type().tensor_type();
    if (!info.type().has_tensor_type() || !message.has_shape()) return {p, type};
    bool known = true;
    shape extents;
    p.declared.emplace();
    for (auto const& dim : message.shape().dim()) {
      bool const is_open = !dim.has_dim_value() || dim.dim_value() < 0;
      p.declared->push_back(is_open ? dimension{-1, dim.dim_param()} : dimension{dim.dim_value(), {}});
      extents.push_back(p.declared->back().extent);
      known = known && !is_open;
    }
    if (known) type.shape = extents;
    return {p, type};
  }

  // Nodes.

  template <typename Nodes>
  void import_nodes(Nodes const& nodes, scope& s, frame const& f) {
    for (auto const& n : nodes) {
      charge_parts(n, f.prefix);
      for (auto const& out : n.output())
        if (!out.empty()) define_output(s, out, f);
    }
    std::size_t index = 0;
    for (auto const& n : nodes) {
      auto const name = f.prefix + (n.name().empty() ? fmt::format("{}_{}", n.op_type(), index) : n.name());
      ++index;
      with_context([&] { return fmt::format("node '{}' ({})", name, n.op_type()); },
                   [&] { import_node(n, name, s, f); });
    }
  }

  /// Charges what a node takes besides itself, which each call of a function takes anew.
  void charge_parts(proto::NodeProto const& message, std::string const& prefix) {
    constexpr std::size_t bytes_of_part = 64;
    auto const size = [](int count) { return static_cast<std::size_t>(count); };
    auto bytes = (size(message.output_size()) + 1) * prefix.size() + message.name().size();
    auto parts = size(message.input_size()) + size(message.output_size()) + size(message.attribute_size());
    for (auto const& out : message.output()) bytes += out.size();
    for (auto const& a : message.attribute()) {
      bytes += 8 * size(a.ints_size()) + 4 * size(a.floats_size()) + a.s().size();
      parts += size(a.strings_size());
    }
    parts_.charge(parts + bytes / bytes_of_part);
  }

  static void define_output(scope& s, std::string const& name, frame const& f) {
    auto const result = s.results.find(name);
    define(s, name, result == s.results.end() ? s.g.add_value(f.prefix + name) : result->second);
  }

  void import_node(proto::NodeProto const& message, std::string const& name, scope& s, frame const& f) {
    nodes_.charge(1);
    if (auto const* const function = functions_.find(message)) return inline_function(message, name, *function, s, f);
    node n;
    n.name = name;
    n.domain = normalized_domain(message.domain());
    n.op = message.op_type();
    if (n.op.empty()) fail(error_code::malformed_model, "the node names no operator");
    auto const opset = f.opsets.find(n.domain);
    if (opset == f.opsets.end())
      fail(error_code::malformed_model, "the operator is of domain '{}', of which the model imports no operator set",
           n.domain);
    n.version = opset->second;
    for (auto const& in : message.input()) n.inputs.push_back(use(s, in));
    for (auto const& out : message.output()) n.outputs.push_back(use(s, out));
    import_attributes(message, n, s, f);
    s.g.add_node(std::move(n));
  }

  /// The attribute itself, or what a function's caller gave for the one that it refers to; null if that is nothing.
  static proto::AttributeProto const* resolve(proto::AttributeProto const& a, frame const& f) {
    if (a.ref_attr_name().empty()) return &a;
    auto const it = f.attributes.find(a.ref_attr_name());
    return it == f.attributes.end() ? nullptr : it->second;
  }

  void import_attributes(proto::NodeProto const& message, node& n, scope& s, frame const& f) {
    if (message.attribute().empty()) return;
    std::vector<attribute_map::value_type> all;
    std::vector<proto::AttributeProto const*> bodies;
    all.reserve(static_cast<std::size_t>(message.attribute_size()));
    for (auto const& a : message.attribute()) {
      auto const* const given = resolve(a, f);
      if (!given) continue;
      if (std::ranges::count(all, a.name(), &attribute_map::value_type::first) > 0)
        fail(error_code::malformed_model, "attribute '{}' occurs twice", a.name());
      if (kind_of(*given) != proto::AttributeProto::GRAPH) {
        all.emplace_back(a.name(), with_context([&] { return fmt::format("attribute '{}'", a.name()); },
                                                [&] { return read_attribute(*given, tensors_); }));
        continue;
      }
      if (given != &a) fail(error_code::unsupported_feature, "attribute '{}' passes a graph to a function", a.name());
      bodies.push_back(&a);
      all.emplace_back(a.name(), std::shared_ptr<graph const>());
    }
    n.attributes = attribute_map(std::move(all));
    if (!bodies.empty()) import_bodies(bodies, n, s, f);
  }

  /// The attributes of a node that are graphs.
  void import_bodies(std::vector<proto::AttributeProto const*> const& bodies, node& n, scope& s, frame const& f) {
    std::deque<graph> subgraphs;  // references to elements stay valid
    std::deque<scope> scopes;
    frame deeper = f;
    ++deeper.depth;
    for (auto const* const body : bodies) {
      scopes.push_back({.g = subgraphs.emplace_back(), .outer = &s});
      import_graph(body->g(), scopes.back(), deeper);
    }
    close_captures(n, s, scopes);
    for (std::size_t i = 0; i < bodies.size(); ++i)
      n.attributes[bodies[i]->name()] = std::make_shared<graph const>(std::move(subgraphs[i]));
  }

  /// Makes what the subgraphs of a node capture inputs of the node and of each of its subgraphs.
  static void close_captures(node& n, scope& s, std::deque<scope>& subgraphs) {
    std::vector<std::string_view> all;
    std::unordered_set<std::string_view> known;
    for (auto const& inner : subgraphs)
      for (auto const name : inner.captures)
        if (known.insert(name).second) all.push_back(name);
    for (auto const name : all) n.inputs.push_back(use(s, name));
    for (auto& inner : subgraphs) {
      known = {inner.captures.begin(), inner.captures.end()};
      for (auto const name : all) {
        auto const& v = s.g.at(use(s, name));
        auto const id = known.contains(name) ? inner.names.at(name) : inner.g.add_value(v.name, v.type);
        inner.g.inputs.push_back({.value = id, .declared = std::nullopt, .captured = true});
      }
    }
  }

  // Functions.

  void inline_function(proto::NodeProto const& call, std::string const& name, proto::FunctionProto const& function,
                       scope& s, frame const& f) {
    check_depth(f.depth + 1);
    if (call.input_size() > function.input_size() || call.output_size() > function.output_size())
      fail(error_code::malformed_model, "the function takes {} inputs and gives {} outputs, the node has {} and {}",
           function.input_size(), function.output_size(), call.input_size(), call.output_size());
    frame inner{.opsets = f.opsets, .attributes = {}, .prefix = name + "/", .depth = f.depth + 1};
    add_opsets(function.opset_import(), inner.opsets);
    auto const defaults = default_attributes(function);
    for (auto const& a : defaults) inner.attributes[a.name()] = &a;
    for (auto const& a : call.attribute()) {
      if (!inner.attributes.contains(a.name()) && std::ranges::count(function.attribute(), a.name()) == 0)
        fail(error_code::malformed_model, "the function does not know the attribute '{}'", a.name());
      if (auto const* const given = resolve(a, f)) inner.attributes[a.name()] = given;
    }

    scope body{.g = s.g};
    for (int i = 0; i < function.input_size(); ++i)
      define(body, function.input(i), i < call.input_size() ? use(s, call.input(i)) : value_id{});
    for (int i = 0; i < call.output_size(); ++i)
      if (!call.output(i).empty()) body.results.emplace(function.output(i), use(s, call.output(i)));
    import_nodes(function.node(), body, inner);
    for (int i = 0; i < call.output_size(); ++i)
      if (!call.output(i).empty()) connect(use(body, function.output(i)), use(s, call.output(i)), name, s.g, inner);
  }

  /// Makes `to` the value `from`, for outputs of functions that are inputs as well, or occur twice.
  void connect(value_id from, value_id to, std::string const& name, graph& g, frame const& f) {
    if (from == to) return;
    if (!from) fail(error_code::malformed_model, "an output of the function is an input that the node omits");
    nodes_.charge(1);
    auto const opset = f.opsets.find("");
    node n;
    n.name = fmt::format("{}/output_{}", name, to.index);
    n.op = "Identity";
    n.version = opset == f.opsets.end() ? 1 : opset->second;
    n.inputs = {from};
    n.outputs = {to};
    g.add_node(std::move(n));
  }

  function_table const& functions_;
  tensor_reader& tensors_;
  std::size_t depth_;
  budget nodes_;
  budget parts_;  ///< operands, attributes, and names by 64 bytes
};

}  // namespace sinter::onnx
