#pragma once

#include <sinter/ops/microsoft/attention_body.hpp>
#include <sinter/passes/growth_rules.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

/// Rules of operators that are attention with a cache of keys and values: ONNX's, and those of com.microsoft. Each
/// becomes an Append of the rows of keys and of values, and an Attention of all that there is room for, whose mask says
/// which keys a query sees.
namespace sinter::passes::detail {

/// Attention with a cache, whichever operator says it.
struct cached_attention {
  value_id q{}, k{}, v{};       ///< of a run, as batch x rows x (heads * size) or batch x heads x rows x size
  value_id past_k{}, past_v{};  ///< batch x heads x length x size
  value_id mask{};              ///< of scores, added, or bool; grows along its last axis, which may also be 1
  value_id first{};             ///< int64, a scalar: the position of the first row
  std::int64_t heads = 0, key_heads = 0;
  std::int64_t left = -1, right = -1;  ///< how many keys before and after its own position a query sees; -1: all
  attribute_map attributes{};          ///< of Attention: scale, softcap, softmax_precision
};

class attention_writer {
 public:
  attention_writer(growth& w, node_id id) : w_(w), id_(id), n_(w.get().at(id)) {}

  node const& what() const { return n_; }
  value_id input(std::size_t i) const { return i < n_.inputs.size() ? n_.inputs[i] : value_id{}; }
  shape shape_of(std::size_t i) const { return *w_.facts()[input(i)].low.shape; }
  [[noreturn]] void refuse(std::string_view why) const { growth::refuse(n_, why); }

  /// Refuses inputs that grow besides the listed ones, and those that are given and not known to the rule.
  void expect(std::initializer_list<std::size_t> may_grow, std::size_t known) const {
    for (std::size_t i = 0; i < n_.inputs.size(); ++i) {
      if (!n_.inputs[i]) continue;
      if (i >= known) refuse("it has an input that the rule does not know");
      if (w_.facts().grows(n_.inputs[i]) && std::ranges::find(may_grow, i) == may_grow.end())
        refuse("an input besides the cache and the mask grows");
    }
  }
  /// Refuses a cache that is no state of batch x heads x length x size.
  void expect_cache(std::size_t keys, std::size_t values) const {
    for (auto const i : {keys, values}) {
      if (!input(i)) refuse("it has no cache");
      auto const& f = w_.facts()[input(i)];
      auto const axes = w_.facts().growing_axes(input(i));
      if (f.low.shape->rank() != 4 || axes != std::vector<std::size_t>{2} || *w_.facts().offset(input(i), 2) != 0)
        refuse("its cache is not batch x heads x length x size");
      if (f.rest == growth_rest::anything) refuse("its cache is computed");
    }
  }

  value_id make(std::string op, std::vector<value_id> of, dtype element, attribute_map attributes = {}) {
    return w_.make(std::move(op), std::move(of), element, std::move(attributes));
  }
  value_id number(std::int64_t i) { return w_.constant(any_tensor::scalar(i)); }
  value_id length() const { return w_.length(); }

  /// Puts the attention in the place of the node.
  void write(cached_attention a, std::int64_t rows) {
    auto const element = w_.facts()[a.q].low.element;
    if (element != dtype::float32) refuse("its elements are not float32");
    if (rows != w_.added()) refuse("it adds another number of rows than the state");
    auto const mask = mask_of(a, rows);
    std::array<value_id, 2> const present{output(1), output(2)};
    auto const keys = rows_of(a.k, a.key_heads), values = rows_of(a.v, a.key_heads);
    if (rank_of(a.q) == 3) a.attributes["q_num_heads"] = a.heads;
    if (rank_of(a.q) == 3) a.attributes["kv_num_heads"] = a.key_heads;
    replace_node(w_.get(), id_,
                 {.op = "Attention",
                  .version = 23,
                  .attributes = std::move(a.attributes),
                  .inputs = {a.q, present[0], present[1], mask},
                  .outputs = {n_.outputs[0]}});
    append(a.past_k, keys, a.first, present[0]);
    append(a.past_v, values, a.first, present[1]);
    set_rest(w_, id_, growth_rest::anything);
  }

 private:
  std::size_t rank_of(value_id v) const { return w_.facts()[v].low.shape->rank(); }
  value_id output(std::size_t i) {
    if (n_.outputs.size() > i && n_.outputs[i]) {
      w_.get().at(n_.outputs[i]).producer = {};
      return n_.outputs[i];
    }
    refuse("it does not give the cache of the next run");
  }
  /// As batch x heads x rows x size.
  value_id rows_of(value_id v, std::int64_t heads) {
    if (rank_of(v) == 4) return v;
    auto const element = w_.facts()[v].low.element;
    auto const s = *w_.facts()[v].low.shape;
    auto const parted = make("Reshape", {v, w_.constant({s[0], s[1], heads, s[2] / heads})}, element);
    return make("Transpose", {parted}, element, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
  }
  void append(value_id past, value_id rows, value_id at, value_id present) {
    w_.get().add_node({.name = n_.name + "/" + w_.get().at(present).name,
                       .domain = "sinter",
                       .op = "Append",
                       .version = 1,
                       .attributes = {{"axis", std::int64_t{2}}},
                       .inputs = {past, rows, at},
                       .outputs = {present}});
    w_.facts()[present].rest = w_.facts()[past].rest;
  }

  /// bool or numbers to add, of rows x capacity behind axes of the node's own mask.
  value_id mask_of(cached_attention const& a, std::int64_t rows) {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(rows));
    std::iota(numbers.begin(), numbers.end(), 0);
    auto const own =
        make("Add", {a.first, w_.constant(any_tensor::of<std::int64_t>({rows, 1}, numbers))}, dtype::int64);
    auto const keys = w_.index(0);
    auto seen = w_.counts(w_.added(), 0);
    auto const limit = [&](std::string op, std::int64_t offset) {
      auto const bound = offset == 0 ? own : make("Add", {own, number(offset)}, dtype::int64);
      seen = make("And", {seen, make(std::move(op), {keys, bound}, dtype::boolean)}, dtype::boolean);
    };
    if (a.right >= 0) limit("LessOrEqual", a.right);
    if (a.left >= 0) limit("GreaterOrEqual", -a.left);
    if (!a.mask) return seen;
    if (w_.get().at(a.mask).type.element == dtype::boolean) return make("And", {a.mask, seen}, dtype::boolean);
    return make("Where", {seen, a.mask, w_.scalar(-std::numeric_limits<float>::infinity())}, dtype::float32);
  }

  growth& w_;
  node_id id_;
  node const n_;
};

/// Whether a mask has a number for each key that there is, or one for all.
inline void expect_mask(growth const& w, attention_writer const& of, std::size_t i, std::int64_t offset) {
  auto const mask = of.input(i);
  if (!mask) return;
  auto const s = of.shape_of(i);
  auto const axes = w.facts().growing_axes(mask);
  bool const whole = axes == std::vector{s.rank() - 1} && w.facts().offset(mask, axes[0]) == offset;
  if (s.empty() || (!whole && !(axes.empty() && s.back() == 1))) of.refuse("its mask is not as long as the keys");
}

/// Attention of ai.onnx.
inline void attention_growing(growth& w, node_id id) {
  attention_writer of(w, id);
  auto const& n = of.what();
  of.expect({3, 4, 5}, 6);
  of.expect_cache(4, 5);
  expect_mask(w, of, 3, w.added());
  if (n.outputs.size() > 3 && n.outputs[3]) of.refuse("its scores are an output");
  cached_attention a{.q = of.input(0),
                     .k = of.input(1),
                     .v = of.input(2),
                     .past_k = of.input(4),
                     .past_v = of.input(5),
                     .mask = of.input(3),
                     .first = of.length(),
                     .heads = attribute_or<std::int64_t>(n, "q_num_heads", 0),
                     .key_heads = of.shape_of(4)[1],
                     .left = attribute_or<std::int64_t>(n, "left_window_size", -1),
                     .right = attribute_or<std::int64_t>(n, "right_window_size", -1)};
  if (attribute_or<std::int64_t>(n, "is_causal", 0) != 0)
    a.right = a.right < 0 ? 0 : std::min<std::int64_t>(a.right, 0);
  for (auto const name : {"scale", "softcap", "softmax_precision"})
    if (auto const found = n.attributes.find(name); found != n.attributes.end()) a.attributes[name] = found->second;
  auto const q = of.shape_of(0);
  of.write(std::move(a), q[q.rank() - 2]);
}

/// Numbers to add to scores for a mask of batch x keys, positive where keys are seen, as com.microsoft has it.
inline value_id added_mask(attention_writer& of, growth& w, value_id mask, float filter) {
  auto const wide = of.make("Unsqueeze", {mask, w.constant(std::vector<std::int64_t>{1, 2})}, dtype::int32);
  auto const seen = of.make("Greater", {wide, w.constant(any_tensor::scalar(std::int32_t{0}))}, dtype::boolean);
  return of.make("Where", {seen, w.scalar(0), w.scalar(filter)}, dtype::float32);
}

/// MultiHeadAttention of com.microsoft.
inline void multi_head_growing(growth& w, node_id id) {
  enum : std::size_t { query, key, value, bias, mask, score_bias, past_key, past_value };
  attention_writer of(w, id);
  of.expect({mask, score_bias, past_key, past_value}, past_value + 1);
  of.expect_cache(past_key, past_value);
  auto const rule = microsoft::attention_rule::parse(attribute_reader(of.what()));
  auto const q = of.shape_of(query);
  if (of.shape_of(key).rank() != 3) of.refuse("its keys are heads already");
  auto const biased = [&](std::size_t i, std::int64_t first, std::int64_t end) {
    if (!of.input(bias)) return of.input(i);
    auto const part = of.make("Slice", {of.input(bias), w.constant(std::vector{first}), w.constant(std::vector{end})},
                              dtype::float32);
    auto const sum = of.make("Add", {of.input(i), part}, dtype::float32);
    w.facts()[sum] = w.facts()[of.input(i)];
    return sum;
  };
  cached_attention a{.q = biased(query, 0, q[2]),
                     .k = biased(key, q[2], 2 * q[2]),
                     .v = biased(value, 2 * q[2], 2 * q[2] + of.shape_of(value)[2]),
                     .past_k = of.input(past_key),
                     .past_v = of.input(past_value),
                     .first = of.length(),
                     .heads = rule.heads,
                     .key_heads = rule.heads,
                     .right = rule.causal ? 0 : -1};
  if (of.input(mask)) {
    expect_mask(w, of, mask, w.added());
    if (of.shape_of(mask).rank() != 2 || !w.facts().grows(of.input(mask))) of.refuse("its mask is not batch x keys");
    a.mask = added_mask(of, w, of.input(mask), rule.filter);
  }
  if (of.input(score_bias)) {
    expect_mask(w, of, score_bias, w.added());
    a.mask = a.mask ? of.make("Add", {a.mask, of.input(score_bias)}, dtype::float32) : of.input(score_bias);
  }
  if (rule.scale) a.attributes["scale"] = *rule.scale;
  of.write(std::move(a), q[1]);
}

}  // namespace sinter::passes::detail
