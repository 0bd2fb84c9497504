#include <sinter/graph/text_print.hpp>
#include <sinter/graph/text_tensor.hpp>

#include <fmt/format.h>

#include "layered_drawing.hpp"
#include "report_parts.hpp"
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <variant>

namespace codegen {

using sinter::graph;
using sinter::node;
using sinter::node_id;
using sinter::value_id;

std::string type_text(sinter::tensor_type const& type) { return sinter::detail::type_text(type); }

ordered_json bytes_of(sinter::tensor_type const& type) {
  if (!type.shape || type.element == sinter::dtype::undefined || !sinter::is_plain(type.element)) return nullptr;
  return sinter::dense_bytes(type.element, *type.shape);
}

namespace {

constexpr std::size_t most_elements = 8;  // of a constant that are shown

std::string few_elements(sinter::any_tensor const& t) {
  if (!sinter::is_plain(t.type())) return "";
  auto const count = sinter::detail::text_count(t);
  std::string text;
  for (std::size_t i = 0; i < std::min(count, most_elements); ++i)
    text += (i ? ", " : "") + sinter::detail::element_text(t, i);
  return text + (count > most_elements ? ", …" : "");
}

struct attribute_text {
  std::string operator()(std::int64_t x) const { return fmt::format("{}", x); }
  std::string operator()(float x) const { return sinter::detail::float_text(x); }
  std::string operator()(std::string const& x) const { return x; }
  std::string operator()(sinter::any_tensor const& x) const {
    return fmt::format("{} {{{}}}", type_text({x.type(), x.shape()}), few_elements(x));
  }
  std::string operator()(std::shared_ptr<graph const> const& x) const {
    return fmt::format("graph of {} nodes", x->topological_order().size());
  }
  template <typename T>
  std::string operator()(std::vector<T> const& list) const {
    std::string text;
    for (auto const& x : list) text += (text.empty() ? "" : ", ") + (*this)(x);
    return "[" + text + "]";
  }
};

class artist {
 public:
  explicit artist(graph const& g) : g_(g), numbers_(g.value_count(), -1) {}

  report_graph run() {
    for (auto const& in : g_.inputs) port("input", in.value, false);
    for (auto const id : g_.topological_order()) add(id);
    for (auto const& out : g_.outputs) port("output", out.value, true);
    for (std::size_t n = 0; n < reads_.size(); ++n) connect(n);
    lay_out(drawing_);
    place();
    return {.json = {{"width", std::ceil(drawing_.width)},
                     {"height", std::ceil(drawing_.height)},
                     {"values", std::move(values_)},
                     {"nodes", std::move(nodes_)},
                     {"lines", std::move(lines_)}},
            .nodes = std::move(ids_)};
  }

 private:
  static constexpr double least_width = 132, letter_width = 8, node_height = 46, port_height = 28;
  static constexpr std::size_t time_letters = 7;  // the page shows the time beside the operator

  int number(value_id id) {
    if (!id) return -1;
    auto& number = numbers_[static_cast<std::size_t>(id.index)];
    if (number >= 0) return number;
    auto const& v = g_.at(id);
    number = static_cast<int>(values_.size());
    values_.push_back({{"name", v.name}, {"type", type_text(v.type)}, {"bytes", bytes_of(v.type)}});
    if (v.is_constant()) values_.back()["constant"] = few_elements(v.constant);
    makers_.push_back(SIZE_MAX);
    return number;
  }

  void box(std::size_t letters, double height) {
    drawing_.boxes.push_back(
        {.width = std::clamp(letter_width * static_cast<double>(letters) + 28, least_width, 2 * least_width),
         .height = height});
  }

  void port(std::string const& kind, value_id id, bool reads) {
    auto const v = number(id);
    auto const numbers = ordered_json::array({v});
    auto const none = ordered_json::array();
    if (!reads) makers_[static_cast<std::size_t>(v)] = nodes_.size();
    nodes_.push_back({{"kind", kind},
                      {"name", g_.at(id).name},
                      {"inputs", reads ? numbers : none},
                      {"outputs", reads ? none : numbers}});
    reads_.push_back(reads ? std::vector{v} : std::vector<int>());
    box(std::min<std::size_t>(g_.at(id).name.size(), 24), port_height);
  }

  void add(node_id id) {
    auto const& n = g_.at(id);
    auto attributes = ordered_json::object();
    for (auto const& [name, value] : n.attributes) attributes[name] = std::visit(attribute_text(), value);
    std::vector<int> inputs, outputs;
    for (auto const in : n.inputs) inputs.push_back(number(in));
    for (auto const out : n.outputs) outputs.push_back(number(out));
    for (auto const out : outputs)
      if (out >= 0) makers_[static_cast<std::size_t>(out)] = nodes_.size();
    ids_[id] = nodes_.size();
    nodes_.push_back({{"kind", "node"},
                      {"name", n.name},
                      {"op", n.op},
                      {"domain", n.domain},
                      {"version", n.version},
                      {"attributes", std::move(attributes)},
                      {"inputs", inputs},
                      {"outputs", outputs}});
    reads_.push_back(std::move(inputs));
    box(n.op.size() + time_letters, node_height);
  }

  /// Lines to a node from those that make what it reads; one for each value.
  void connect(std::size_t to) {
    auto& reads = reads_[to];
    std::ranges::sort(reads);
    reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
    for (auto const v : reads) {
      auto const from = v < 0 ? SIZE_MAX : makers_[static_cast<std::size_t>(v)];
      if (from != SIZE_MAX) drawing_.lines.push_back({.from = from, .to = to, .bundle = static_cast<std::size_t>(v)});
    }
  }

  static double tenths(double x) { return std::round(10 * x) / 10; }

  void place() {
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      auto const& b = drawing_.boxes[n];
      nodes_[n]["box"] = {tenths(b.at.x), tenths(b.at.y), b.width, b.height};
    }
    for (auto const& l : drawing_.lines) {
      auto path = ordered_json::array();
      for (auto const p : l.path) path.push_back(tenths(p.x)), path.push_back(tenths(p.y));
      lines_.push_back({{"value", l.bundle}, {"from", l.from}, {"to", l.to}, {"path", std::move(path)}});
    }
  }

  graph const& g_;
  std::vector<int> numbers_;  // of values, in the JSON
  std::vector<std::size_t> makers_{};
  std::vector<std::vector<int>> reads_{};
  std::map<node_id, std::size_t> ids_{};
  drawing drawing_{};
  ordered_json values_ = ordered_json::array(), nodes_ = ordered_json::array(), lines_ = ordered_json::array();
};

/// The nodes of the drawing by the names of what they make.
std::map<std::string, std::size_t> makers_by_name(graph const& g, report_graph const& drawn) {
  std::map<std::string, std::size_t> result;
  for (auto const& [id, number] : drawn.nodes)
    for (auto const out : g.at(id).outputs)
      if (out && !g.at(out).name.empty()) result.emplace(g.at(out).name, number);
  return result;
}

}  // namespace

report_graph draw(graph const& g) { return artist(g).run(); }

/// A node became the one that makes its output, or where that is gone, what the next node that reads it became.
void add_fates(report_graph& before, graph const& g, std::vector<bool> const& constant, report_graph const& after,
               graph const& rewritten) {
  auto const makers = makers_by_name(rewritten, after);
  std::map<node_id, std::size_t> fates;
  auto const order = g.topological_order();
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    auto& json = before.json["nodes"][before.nodes.at(*id)];
    bool folded = std::ranges::any_of(g.at(*id).outputs, [](value_id out) { return static_cast<bool>(out); });
    auto const take = [&](std::size_t fate) { fates.emplace(*id, fate), json["becomes"] = fates.at(*id); };
    for (auto const out : g.at(*id).outputs) {
      if (!out) continue;
      folded = folded && constant[static_cast<std::size_t>(out.index)];
      if (auto const made = makers.find(g.at(out).name); made != makers.end()) take(made->second);
    }
    if (folded) json["folded"] = true;
    for (auto const out : g.at(*id).outputs)
      if (out && !folded)
        for (auto const user : g.at(out).users)
          if (auto const found = fates.find(user); found != fates.end()) take(found->second);
  }
}

}  // namespace codegen
