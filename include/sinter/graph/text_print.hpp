#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/graph/text_tensor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace sinter::detail {

constexpr bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '/' || c == '+' || c == '-';
}

/// A name as the text form spells it: bare when it is a word that no statement begins with.
inline std::string name_text(std::string_view name) {
  constexpr std::string_view reserved[] = {"_",  "input", "capture", "const",   "output",
                                           "as", "graph", "opset",   "declared"};
  bool const bare = !name.empty() && std::ranges::all_of(name, is_word_character) &&
                    std::ranges::find(reserved, name) == std::end(reserved);
  return bare ? std::string(name) : quote(name);
}

inline std::string type_text(tensor_type const& type) {
  auto const element = std::string(sinter::name(type.element));
  return type.shape ? fmt::format("{}[{}]", element, fmt::join(type.shape->span(), "x")) : element;
}

/// Writes the text form of a graph; see graph/text.hpp.
class graph_printer {
 public:
  graph_printer(graph const& g, std::size_t most_numbers, std::size_t indent = 0)
      : graph_(g), most_numbers_(most_numbers), indent_(indent), names_(g.value_count()), done_(g.value_count()) {}

  std::string run() {
    text_ = "graph ";
    if (!graph_.name.empty()) text_ += name_text(graph_.name) + " ";
    for (auto const& [domain, version] : graph_.opsets)
      text_ += fmt::format("opset {}{} ", domain.empty() ? "" : name_text(domain) + " ", version);
    text_ += "{\n";
    for (auto const& in : graph_.inputs) print_input(in);
    for (auto const id : graph_.topological_order()) print_node(graph_.at(id));
    for (auto const& out : graph_.outputs) {
      print_constant(out.value);
      line(fmt::format("output {}{}", name_of(out.value), declared_text(out)));
    }
    text_ += std::string(indent_, ' ') + "}";
    if (indent_ == 0) text_ += "\n";
    return std::move(text_);
  }

 private:
  void line(std::string_view statement) { text_ += fmt::format("{:{}}  {}\n", "", indent_, statement); }

  std::string const& name_of(value_id id) {
    auto& text = names_[static_cast<std::size_t>(id.index)];
    if (!text.empty()) return text;
    auto const& name = graph_.at(id).name;
    if (!name.empty()) text = name_text(name);
    for (auto suffix = next_suffix_; text.empty() || !taken_.insert(text).second; ++suffix) {
      text = fmt::format("{}%{}", name.empty() ? "" : name_text(name), suffix);
      next_suffix_ = suffix + 1;
    }
    return text;
  }

  std::string declared_text(port const& p) {
    auto const& type = graph_.at(p.value).type;
    if (!p.declared) return type.shape ? " declared ?" : "";
    bool same = type.shape && type.shape->rank() == p.declared->size();
    std::string dims;
    for (std::size_t i = 0; i < p.declared->size(); ++i) {
      auto const& d = (*p.declared)[i];
      same = same && d.symbol.empty() && d.extent == (*type.shape)[i];
      dims += i ? ", " : "";
      bool const bare = !d.symbol.empty() && d.symbol.find_first_not_of("0123456789") != std::string::npos;
      dims += d.extent >= 0      ? fmt::format("{}", d.extent)
              : d.symbol.empty() ? "?"
              : bare             ? name_text(d.symbol)
                                 : quote(d.symbol);
    }
    return same ? "" : fmt::format(" declared [{}]", dims);
  }

  void print_input(port const& in) {
    auto const& v = graph_.at(in.value);
    auto const type = v.type == tensor_type{} ? "" : ": " + type_text(v.type);
    line(fmt::format("{} {}{}{}", in.captured ? "capture" : "input", name_of(in.value), type, declared_text(in)));
    done_[static_cast<std::size_t>(in.value.index)] = true;
  }

  void print_constant(value_id id) {
    auto const& v = graph_.at(id);
    if (!v.is_constant() || done_[static_cast<std::size_t>(id.index)]) return;
    done_[static_cast<std::size_t>(id.index)] = true;
    line(fmt::format("const {} = {}", name_of(id), tensor_text(v.constant)));
  }

  void print_node(node const& n) {
    for (auto const in : n.inputs)
      if (in) print_constant(in);
    std::string text;
    for (auto const out : n.outputs) {
      if (!text.empty()) text += ", ";
      text += out ? name_of(out) : "_";
      if (out && graph_.at(out).type != tensor_type{}) text += ": " + type_text(graph_.at(out).type);
    }
    text += (text.empty() ? "_ = " : " = ") + (n.domain.empty() ? "" : name_text(n.domain) + ":") + name_text(n.op);
    auto const opset = graph_.opsets.find(n.domain);
    if (n.version != (opset == graph_.opsets.end() ? 1 : opset->second)) text += fmt::format("@{}", n.version);
    std::string operands;
    for (auto const in : n.inputs) operands += (operands.empty() ? "" : ", ") + (in ? name_of(in) : "_");
    text += "(" + operands + ")";
    if (!n.attributes.empty()) {
      std::string attributes;
      for (auto const& [name, value] : n.attributes)
        attributes += fmt::format("{}{} = {}", attributes.empty() ? "" : ", ", name_text(name), attribute_text(value));
      text += " {" + attributes + "}";
    }
    if (!n.name.empty()) text += " as " + name_text(n.name);
    line(text);
  }

  std::string attribute_text(attribute const& a) {
    return std::visit([this](auto const& x) { return text_of(x); }, a);
  }
  std::string text_of(std::int64_t x) { return fmt::format("{}", x); }
  std::string text_of(float x) { return float_text(x); }
  std::string text_of(std::string const& x) { return quote(x); }
  std::string text_of(any_tensor const& x) { return tensor_text(x); }
  std::string text_of(std::shared_ptr<graph const> const& x) {
    return graph_printer(*x, most_numbers_, indent_ + 2).run();
  }
  template <typename T>
  std::string text_of(std::vector<T> const& list) {
    constexpr std::string_view empty = std::is_same_v<T, float>         ? "floats[]"
                                       : std::is_same_v<T, std::string> ? "strings[]"
                                                                        : "[]";
    if (list.empty()) return std::string(empty);
    std::string text;
    for (auto const& x : list) text += (text.empty() ? "[" : ", ") + text_of(x);
    return text + "]";
  }

  std::string tensor_text(any_tensor const& t) {
    auto const type = type_text({t.type(), t.shape()});
    auto const count = text_count(t);
    auto const equals_first = [&, first = count ? element_text(t, 0) : ""](std::size_t i) {
      return element_text(t, i) == first;
    };
    if (constexpr std::size_t few = 4; count > few) {
      std::size_t same = 1;
      while (same < count && equals_first(same)) ++same;
      if (same == count) return fmt::format("{} fill({})", type, element_text(t, 0));
      if (auto const seed = find_seed(t)) return fmt::format("{} random({})", type, *seed);
    }
    if (count > most_numbers_) return type + " {...}";
    std::string numbers;
    for (std::size_t i = 0; i < count; ++i) numbers += (i ? ", " : "") + element_text(t, i);
    return fmt::format("{} {{{}}}", type, numbers);
  }

  graph const& graph_;
  std::size_t most_numbers_;
  std::size_t indent_;
  std::string text_{};
  std::vector<std::string> names_;
  std::vector<bool> done_;
  std::set<std::string> taken_{};
  std::size_t next_suffix_ = 0;
};

}  // namespace sinter::detail
