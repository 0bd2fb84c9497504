#pragma once

#include <sinter/graph/text_print.hpp>
#include <sinter/program/device_text.hpp>
#include <sinter/program/program.hpp>
#include <sinter/vector/print.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace sinter {

struct program_text_options {
  /// Whether kernels print with their code, not with their names only.
  bool kernels = true;
};

namespace detail {

class program_printer {
 public:
  program_printer(program const& p, program_text_options options) : p_(p), options_(options) {}

  std::string whole() {
    put("program{}\n", p_.on_device ? " device" : "");
    for (std::size_t i = 0; i < p_.inputs.size(); ++i) put("  input in{}: {}\n", i, type_text(p_.inputs[i].type));
    for (std::size_t i = 0; i < p_.outputs.size(); ++i) {
      auto const slot = p_.output_slots.empty() ? -1 : p_.output_slots[i];
      auto const where = slot >= 0 ? slot_text(slot) : place_of(p_.outputs[i]);
      put("  output out{}: {} = {}\n", i, type_text(p_.outputs[i].type), where);
    }
    for (std::size_t i = 0; i < p_.weights.size(); ++i)
      put("  weight w{} {} {}\n", i, p_.weights[i].bytes, quote(p_.weights[i].key));
    put("  arena {} bound {}\n", p_.arena_bytes, p_.arena_bound);
    tensors(p_.allocations, 't');
    if (p_.host_bytes > 0) put("  host {}\n", p_.host_bytes);
    tensors(p_.host_allocations, 'h');
    if (p_.scratch_bytes > 0) put("  scratch {}\n", p_.scratch_bytes);
    if (p_.state_bytes > 0) put("  state {}\n", p_.state_bytes);
    for (std::size_t i = 0; i < p_.checks.size(); ++i)
      put("  check c{} {}..{} n{}\n", i, p_.checks[i].least, p_.checks[i].greatest, p_.checks[i].node.index);
    if (p_.slots > 0) put("  slots {}\n", p_.slots);
    for (std::size_t i = 0; i < p_.steps.size(); ++i) step(i);
    for (std::size_t i = 0; i < p_.kernels.size(); ++i) kernel(i);
    for (std::size_t i = 0; i < p_.device_kernels.size(); ++i)
      put("  device d{} {}\n", i, sinter::print(p_.device_kernels[i]));
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void tensors(std::vector<allocation> const& all, char letter) {
    for (std::size_t i = 0; i < all.size(); ++i)
      put("  tensor {}{} {} at {} steps {}..{} {}\n", letter, i, all[i].bytes, all[i].offset, all[i].first, all[i].last,
          quote(all[i].name));
  }

  static std::string text_of(extent e) {
    if (!e.grows()) return fmt::format("{}", e.base);
    return e.base ? fmt::format("{}+{}n", e.base, e.step) : fmt::format("{}n", e.step);
  }

  /// Extents of the indices around a call, grid axes first.
  using turns = std::array<extent, index_rank>;

  static std::string text_of(address const& a, turns const& around = {}) {
    auto text = std::string(space_prefixes[static_cast<std::size_t>(a.in)]);
    if (is_numbered(a.in)) text += fmt::format("{}", a.index);
    if (a.offset != 0) text += fmt::format("{:+}", a.offset);
    for (std::size_t i = 0; i < index_rank; ++i)
      if (a.stride[i] != 0 && around[i] != extent()) text += fmt::format("{:+}*i{}", a.stride[i], i);
    return text;
  }

  static std::string slot_text(std::int32_t slot) { return slot >= 0 ? fmt::format("slot {}", slot) : "_"; }
  static std::string place_of(view_binding const& v) { return v.constant ? "const" : text_of(v.where); }
  static std::string text_of(view_binding const& v) {
    if (v.type.element == dtype::undefined) return "_";
    auto const text = fmt::format("{}: {}", place_of(v), type_text(v.type));
    return v.is_bound() ? fmt::format("{} {} axis {}", text, slot_text(v.slot), v.axis) : text;
  }

  static std::string operator_text(std::string_view domain, std::string_view name, std::int64_t version) {
    return fmt::format("{}{}@{}", domain.empty() ? "" : name_text(domain) + ":", name_text(name), version);
  }
  static std::string text_of(bound_operator const& op) {
    if (!op.entry) return "_";
    return operator_text(op.entry->schema.domain, op.entry->schema.name, op.entry->schema.since);
  }

  void step(std::size_t number) {
    auto const& s = p_.steps[number];
    put("  step {}:", number);
    for (std::size_t i = 0; i < s.nodes.size(); ++i) {
      auto const& n = p_.at(s.nodes[i]);
      put("{} n{} {}", i ? "," : "", s.nodes[i].index, operator_text(n.domain, n.op, n.version));
      if (!n.name.empty()) put(" as {}", name_text(n.name));
    }
    if (!s.by.empty()) put(" by {}", quote(s.by));
    put("\n");
    if (auto const* r = std::get_if<region>(&s.action))
      for (auto const& g : r->grids) print(g);
    if (auto const* h = std::get_if<host_call>(&s.action)) print(*h);
    if (auto const* i = std::get_if<island>(&s.action)) print(*i);
    if (auto const* l = std::get_if<launch>(&s.action)) print(*l);
    if (auto const* t = std::get_if<transfer>(&s.action))
      put("    transfer {} -> {}\n", text_of(t->from), text_of(t->to));
    if (auto const* c = std::get_if<control>(&s.action)) print(*c);
    if (auto const* c = std::get_if<tensor_copy>(&s.action)) print(*c);
  }

  void print(grid const& g) {
    std::size_t rank = grid_rank;
    while (rank > 1 && g.extents[rank - 1] == extent()) --rank;
    std::string extents;
    for (std::size_t axis = 0; axis < rank; ++axis) extents += (axis ? "x" : "") + text_of(g.extents[axis]);
    put("    grid {}\n", extents);
    turns around;
    std::ranges::copy(g.extents, around.begin());
    std::size_t depth = 0;
    for (auto const& s : g.body) {
      if (s.what == statement::kind::end && depth > 0 && --depth < loop_depth) around[grid_rank + depth] = {};
      if (s.what == statement::kind::loop) {
        put("{:{}}loop {}\n", "", 6 + 2 * depth, text_of(s.turns));
        if (depth < loop_depth) around[grid_rank + depth] = s.turns;
        ++depth;
      }
      if (s.what != statement::kind::call) continue;
      std::string arguments;
      for (auto const& a : s.arguments) arguments += (arguments.empty() ? " " : ", ") + text_of(a, around);
      put("{:{}}call k{}{}\n", "", 6 + 2 * depth, s.kernel.index, arguments);
    }
  }

  void print(host_call const& h) {
    put("    host {}({}) -> {}", text_of(h.op), list(h.inputs), list(h.outputs));
    if (h.scratch_bytes > 0) put(" workspace {} {}", text_of(h.scratch), h.scratch_bytes);
    put("\n");
  }

  void print(control const& c) {
    using kind = control::kind;
    if (c.what == kind::branch) put("    branch {}\n", text_of(c.condition));
    if (c.what == kind::otherwise) put("    otherwise\n");
    if (c.what == kind::repeat) put("    repeat {}, {}, {}\n", text_of(c.count), text_of(c.condition), text_of(c.turn));
    if (c.what == kind::end) put("    end\n");
  }

  void print(tensor_copy const& c) {
    put("    copy {} -> {}", text_of(c.from), text_of(c.to));
    if (c.turn.type.element != dtype::undefined)
      put(" position {} axis {}{}", text_of(c.turn), c.axis, c.backwards ? " backwards" : "");
    put("\n");
  }

  void print(launch const& l) {
    std::string arguments;
    for (auto const& a : l.arguments) arguments += (arguments.empty() ? " " : ", ") + text_of(a);
    put("    launch d{} {}x{}x{}{}\n", l.kernel.index, l.blocks[0], l.blocks[1], l.blocks[2], arguments);
  }

  static std::string list(std::vector<view_binding> const& views) {
    std::string text;
    for (auto const& v : views) text += (text.empty() ? "" : ", ") + text_of(v);
    return text;
  }

  void print(island const& i) {
    auto const text = [](std::vector<island::operand> const& operands) {
      std::string all;
      for (auto const& v : operands)
        all += (all.empty() ? "" : ", ") + (v.slot >= 0 ? slot_text(v.slot) : text_of(v.planned));
      return all;
    };
    put("    island {}{}({}) -> {}\n", i.compiled ? "compiled " : "", i.body ? "graph" : text_of(i.op), text(i.inputs),
        text(i.outputs));
  }

  /// The text of vector/print.hpp, indented, with the kernel's number before its name.
  void kernel(std::size_t number) {
    auto const text = vector::print(*p_.kernels[number]);
    auto const name = text.find(' ') + 1;
    put("  kernel k{} ", number);
    for (std::size_t from = name, to = 0; from < text.size(); from = to) {
      to = text.find('\n', from) + 1;
      if (from != name) text_ += "  ";
      text_.append(text, from, to - from);
      if (!options_.kernels) return;
    }
  }

  program const& p_;
  program_text_options options_;
  std::string text_;
};

}  // namespace detail

/// The text form of a program: one statement a line, bodies indented by two.
///
///     program
///       input in0: float[1x16x8x8]
///       output out0: float[1x16x8x8] = t1
///       weight w0 1024 "convolution:…"                  ; bytes, key
///       arena 8192 bound 8192                            ; bytes, and the most that are alive at once
///       tensor t0 4096 at 0 steps 0..1 "a"               ; bytes, offset, the steps that it lives in, its name
///       tensor t1 4096 at 4096 steps 1..1 "y"
///       scratch 2304                                     ; bytes of each worker
///       step 0: n3 Conv@11 as conv1 by "direct convolution"
///         grid 1x4x2                                     ; independent tasks, indices i0 i1 i2 i3
///           call k0 in0+64*i1, w0, t0+128*i2             ; spaces as program/address.hpp names them
///       step 1: n4 sinter:some_op@1
///         host sinter:some_op@1(t0: float[1x16x8x8], const: int64[2], _) -> t1: float[1x16x8x8]
///       kernel k0 conv1x1 w16                            ; as vector/print.hpp prints it
///         arg x f32 in 4096
///         …
///
///     program   = "program" ["device"] {input} {output} {weight} arena {tensor} ["host" bytes {tensor}]
///                 ["scratch" bytes] ["state" bytes] {check} ["slots" count] {step} {kernel} {device}
///     input     = "input" "in"number ":" type
///     output    = "output" "out"number ":" type "=" (place | "slot" number)
///     weight    = "weight" "w"number bytes key
///     arena     = "arena" bytes "bound" bytes
///     tensor    = "tensor" ("t"|"h")number bytes "at" offset "steps" first ".." last name
///     check     = "check" "c"number least ".." greatest "n"number         ; what indices of a node must be
///     step      = "step" number ":" [node {"," node}] ["by" schedule]      ; then lines of grids, or one of an action
///     node      = "n"number operator ["as" name]
///     operator  = "_" | [domain ":"] name "@" version
///     grid      = "grid" extent {"x" extent}                               ; then lines of calls and loops
///     loop      = "loop" extent                                            ; indices i4, i5; its body is indented
///     call      = "call" "k"number [address {"," address}]
///     host      = "host" operator "(" [view {"," view}] ")" "->" view {"," view} ["workspace" address bytes]
///     island    = "island" what "(" [operand {"," operand}] ")" "->" operand {"," operand}
///     what      = ["compiled"] operator | "graph"                          ; compiled: the operator's subgraphs
///     launch    = "launch" "d"number blocks "x" blocks "x" blocks [address {"," address}]
///     transfer  = "transfer" view "->" view
///     control   = "branch" view | "otherwise" | "repeat" count "," condition "," turn | "end"  ; of views, or "_"
///     copy      = "copy" view "->" view ["position" view "axis" number ["backwards"]]
///     device    = "device" "d"number kernel                                ; of program/device_text.hpp
///     operand   = view | "slot" number
///     view      = "_" | place ":" type [bound]                             ; "_": omitted
///     bound     = "slot" number "axis" number                              ; the slot shows what there is of the axis
///     place     = address | "const"
///     address   = ("in"number | "out"number | "t"number | "w"number | "h"number | "c"number | "s" | "m")
///                 {("+"|"-") bytes ["*i"index]}
///     extent    = number | [number "+"] number "n"                         ; n: a length known when the program runs
///
/// "program device": arena, weights, inputs and outputs lie in the memory of a device. Indices of one turn, which are
/// always 0, are left out of addresses. Types and names are those of graph/text.hpp; keys, schedules and names of
/// tensors are quoted.
inline std::string print(program const& p, program_text_options options = {}) {
  return detail::program_printer(p, options).whole();
}

}  // namespace sinter
