#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/program/parse_words.hpp>
#include <sinter/program/print.hpp>
#include <sinter/vector/parse.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {
namespace detail {

class program_parser : program_word_reader {
 public:
  explicit program_parser(std::string_view text) : program_word_reader(text) {}

  program run() {
    if (!next_line()) reject("the text is empty, 'program' is expected");
    at_line([&] { header(); });
    while (next_line()) at_line([&] { line(); });
    close_loops(0);
    return std::move(p_);
  }

 private:
  void header() {
    if (indent() != 0 || !accept_word("program")) reject("'program' is expected");
    p_.on_device = accept_word("device");
    expect_end();
  }

  void line() {
    if (indent() == 2) return declaration();
    if (indent() < 2 || indent() % 2 != 0 || p_.steps.empty()) reject("the indentation is {}, 2 is expected", indent());
    return indent() == 4 ? action() : statement_line();
  }

  // Declarations.

  void declaration() {
    close_loops(0);
    grid_ = nullptr;
    auto const what = word();
    if (what == "kernel") return kernel();
    if (what == "input")
      input();
    else if (what == "output")
      output();
    else if (what == "weight")
      weight();
    else if (what == "arena")
      arena();
    else if (what == "tensor")
      tensor();
    else if (what == "host")
      p_.host_bytes = number<std::int64_t>(word());
    else if (what == "device")
      device();
    else if (what == "scratch")
      p_.scratch_bytes = number<std::int64_t>(word());
    else if (what == "state")
      p_.state_bytes = number<std::int64_t>(word());
    else if (what == "check")
      check();
    else if (what == "slots")
      p_.slots = number<std::int32_t>(word());
    else if (what == "step")
      step();
    else
      reject("there is no declaration '{}'", what);
    expect_end();
  }

  void input() {
    auto const index = p_.inputs.size();
    numbered("in", index);
    expect(":");
    p_.inputs.push_back({.type = type(), .where = {.in = space::input, .index = static_cast<std::uint32_t>(index)}});
  }

  void output() {
    numbered("out", p_.outputs.size());
    expect(":");
    view_binding v{.type = type()};
    expect("=");
    auto const at = slot();
    if (at < 0 && accept_word("const"))
      v.constant = without_elements(v.type);
    else if (at < 0)
      v.where = take_address();
    p_.output_slots.push_back(at);
    p_.outputs.push_back(std::move(v));
  }

  void weight() {
    numbered("w", p_.weights.size());
    packing w{.bytes = number<std::int64_t>(word()), .fill = {}};
    w.key = name();
    w.fill = [key = w.key](std::byte*) { reject("the weight '{}' was read from text, which has no bytes of it", key); };
    p_.weights.push_back(std::move(w));
  }

  void arena() {
    p_.arena_bytes = number<std::int64_t>(word());
    expect("bound");
    p_.arena_bound = number<std::int64_t>(word());
  }

  void tensor() {
    auto& all = peek().starts_with('h') ? p_.host_allocations : p_.allocations;
    numbered(&all == &p_.allocations ? "t" : "h", all.size());
    allocation a{.bytes = number<std::int64_t>(word())};
    expect("at");
    a.offset = number<std::int64_t>(word());
    expect("steps");
    std::tie(a.first, a.last) = take_range<std::int32_t>();
    a.name = name();
    all.push_back(std::move(a));
  }

  void check() {
    numbered("c", p_.checks.size());
    index_check c;
    std::tie(c.least, c.greatest) = take_range<std::int64_t>();
    auto const of = word();
    if (!of.starts_with('n')) reject("a node is expected, as in n3, not '{}'", of);
    c.node.index = number<std::int32_t>(of.substr(1));
    p_.checks.push_back(c);
  }

  /// Two numbers, as in -5..4.
  template <typename T>
  std::pair<T, T> take_range() {
    auto const text = word();
    auto const dots = std::min(text.find(".."), text.size());
    return {number<T>(text.substr(0, dots)), number<T>(text.substr(std::min(dots + 2, text.size())))};
  }

  void kernel() {
    auto const index = p_.kernels.size();
    numbered("k", index);
    auto const line = line_number();
    auto k = vector::parser(take_block(), line, 2).whole();
    k.name.erase(0, k.name.find(' ') + 1);  // behind the number
    p_.kernels.push_back(share(std::move(k)));
  }

  void device() {
    numbered("d", p_.device_kernels.size());
    p_.device_kernels.push_back(take_device_kernel());
  }

  // Steps.

  void step() {
    numbered("", p_.steps.size());
    expect(":");
    program_step s;
    while (!at_end() && peek() != "by") {
      if (!s.nodes.empty()) expect(",");
      s.nodes.push_back(take_node());
    }
    if (accept_word("by")) s.by = name();
    p_.steps.push_back(std::move(s));
  }

  node_id take_node() {
    auto const text = word();
    if (!text.starts_with('n')) reject("a node is expected, as in n3, not '{}'", text);
    auto const index = number<std::int32_t>(text.substr(1));
    if (index < 0 || static_cast<std::size_t>(index) >= limits{}.nodes) reject("node {} is out of range", index);
    auto const at = static_cast<std::size_t>(index);
    if (p_.nodes.size() <= at) p_.nodes.resize(at + 1);
    node n;
    operator_name(n);
    if (accept_word("as")) n.name = name();
    auto& known = p_.nodes[at];
    if (!known.op.empty() && describe(known) != describe(n))
      reject("n{} is {} in an earlier step", index, describe(known));
    known = std::move(n);
    return {index};
  }

  void action() {
    close_loops(0);
    auto& s = p_.steps.back();
    bool const first = std::holds_alternative<region>(s.action) && std::get<region>(s.action).grids.empty();
    auto const what = word();
    if (what == "grid" && std::holds_alternative<region>(s.action))
      add_grid(std::get<region>(s.action));
    else if (what == "host" && first)
      s.action = host();
    else if (what == "island" && first)
      s.action = take_island();
    else if (what == "launch" && first)
      s.action = take_launch();
    else if (what == "transfer" && first)
      s.action = take_transfer();
    else if (what == "copy" && first)
      s.action = take_copy();
    else if (auto const kind = control_kind(what); kind && first)
      s.action = take_control(*kind);
    else
      reject("'{}' does not fit here: a step has grids, or one host call, island, launch, transfer, copy or control",
             what);
    expect_end();
  }

  void add_grid(region& r) {
    grid g;
    std::size_t axis = 0;
    each_extent(word(), [&](std::string_view text) {
      if (axis == grid_rank) reject("a grid has at most {} axes", grid_rank);
      g.extents[axis++] = take_extent(text);
    });
    r.grids.push_back(std::move(g));
    grid_ = &r.grids.back();
  }

  void statement_line() {
    if (!grid_) reject("calls and loops stand in a grid");
    auto const depth = static_cast<std::size_t>(indent() - 6) / 2;
    if (depth > open_loops_) reject("the indentation is {}, at most {} fits here", indent(), 6 + 2 * open_loops_);
    close_loops(depth);
    auto const what = word();
    if (what == "loop") {
      grid_->body.push_back({.what = statement::kind::loop, .turns = take_extent(word())});
      ++open_loops_;
    } else if (what == "call") {
      grid_->body.push_back(call());
    } else {
      reject("'{}' is unknown here, 'call' or 'loop' is expected", what);
    }
    expect_end();
  }

  void close_loops(std::size_t depth) {
    for (; open_loops_ > depth; --open_loops_) grid_->body.push_back({.what = statement::kind::end});
  }

  /// The number in a word like k12.
  template <typename T>
  T take_number(char letter) {
    auto const text = word();
    if (!text.starts_with(letter)) reject("a kernel is expected, as in {}0, not '{}'", letter, text);
    return number<T>(text.substr(1));
  }

  statement call() {
    statement s{.kernel = {take_number<std::uint32_t>('k')}};
    while (!at_end()) {
      if (!s.arguments.empty()) expect(",");
      s.arguments.push_back(take_address());
    }
    return s;
  }

  host_call host() {
    host_call h{.op = take_operator()};
    expect("(");
    h.inputs = list<view_binding>([&] { return view(); }, "");
    expect(")");
    expect("->");
    h.outputs = list<view_binding>([&] { return view(); }, "workspace");
    if (accept_word("workspace")) {
      h.scratch = take_address();
      h.scratch_bytes = number<std::int64_t>(word());
    }
    return h;
  }

  island take_island() {
    island i;
    if (accept_word("graph"))
      i.body = std::make_shared<graph const>();
    else
      i.compiled = accept_word("compiled"), i.op = take_operator();
    auto const operand = [&] {
      auto const at = slot();
      return island::operand{.slot = at, .planned = at < 0 ? view() : view_binding{}};
    };
    expect("(");
    i.inputs = list<island::operand>(operand, "");
    expect(")");
    expect("->");
    i.outputs = list<island::operand>(operand, "");
    return i;
  }

  launch take_launch() {
    launch l{.kernel = {take_number<std::uint32_t>('d')}};
    std::size_t axis = 0;
    each_extent(word(), [&](std::string_view text) {
      if (axis == l.blocks.size()) reject("a launch has {} axes", l.blocks.size());
      l.blocks[axis++] = number<std::uint32_t>(text);
    });
    while (!at_end()) {
      if (!l.arguments.empty()) expect(",");
      l.arguments.push_back(take_address());
    }
    return l;
  }

  static std::optional<control::kind> control_kind(std::string_view word) {
    constexpr std::array<std::string_view, 4> words{"branch", "otherwise", "repeat", "end"};
    auto const found = std::ranges::find(words, word);
    if (found == words.end()) return std::nullopt;
    return static_cast<control::kind>(found - words.begin());
  }

  control take_control(control::kind what) {
    control c{.what = what};
    if (what == control::kind::branch) c.condition = view();
    if (what != control::kind::repeat) return c;
    c.count = view();
    expect(",");
    c.condition = view();
    expect(",");
    c.turn = view();
    return c;
  }

  tensor_copy take_copy() {
    tensor_copy c{.from = view()};
    expect("->");
    c.to = view();
    if (!accept_word("position")) return c;
    c.turn = view();
    if (!accept_word("axis")) reject("'axis' and its number are expected");
    c.axis = number<std::size_t>(word());
    c.backwards = accept_word("backwards");
    return c;
  }

  transfer take_transfer() {
    transfer t{.from = view()};
    expect("->");
    t.to = view();
    return t;
  }

  program p_;
  grid* grid_ = nullptr;  ///< that calls are added to
  std::size_t open_loops_ = 0;
};

}  // namespace detail

/// Reads the text form of program/print.hpp: print(parse_program(print(p))) == print(p). Text carries what `verify`
/// looks at, not what runs: weights have no bytes, operators no attributes, constants no elements, and where kernels
/// are printed by name only, they have no code and no arguments. What does not fit is `error_code::invalid_argument`
/// with the line. The result is not verified.
inline program parse_program(std::string_view text) { return detail::program_parser(text).run(); }

}  // namespace sinter
