#pragma once

#include <sinter/vector/opcodes.hpp>

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <string>
#include <string_view>

/// The text form of vector programs: one instruction a line, loop bodies indented. A program has one text, and
/// `parse` in vector/parse.hpp gives an equal program back.
///
///     kernel relu w16
///       arg x f32 in 4096
///       arg y f32 out 4096 align 64
///       stream q = y[64]
///       v0 = zero
///       loop 64 x+=64 y+=64
///         v1 = max v0, x[0]
///         store.5 y[0], v1
///
/// A tile is made of 16 rows of 64 bytes, 256 bytes apart, by `v2 = tile.load 16x64 x[0] by 256`.
namespace sinter::vector {

inline constexpr std::array<std::string_view, 6> element_names{"f32", "i32", "f16", "bf16", "s8", "u8"};
inline constexpr std::array<std::string_view, 4> access_names{"in", "out", "const", "scratch"};
using sinter::compare_names;

/// Appends text of programs to a buffer. Takes damaged instructions too: the verifier shows them.
class printer {
 public:
  explicit printer(program const& p) : p_(p) {}

  std::string whole() {
    put("kernel {} w{}\n", p_.name, p_.lanes);
    for (auto const& a : p_.arguments) {
      put("  arg {} {} {} {}", a.name, element_names[static_cast<std::size_t>(a.type)],
          access_names[static_cast<std::size_t>(a.mode)], a.bytes);
      if (a.alignment != 4) put(" align {}", a.alignment);
      text_ += '\n';
    }
    for (std::size_t s = p_.arguments.size(); s < p_.streams.size(); ++s)
      put("  stream {} = {}[{}]\n", p_.streams[s].name, stream(p_.streams[s].argument), p_.streams[s].offset);
    std::size_t depth = 1;
    for (auto const& i : p_.code) {
      if (i.op == opcode::end) {
        --depth;
        continue;
      }
      text_.append(2 * depth, ' ');
      append(i);
      text_ += '\n';
      if (i.op == opcode::loop) ++depth;
    }
    return std::move(text_);
  }

  std::string line(instruction const& i) {
    append(i);
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  std::string_view stream(std::int32_t s) const {
    return s >= 0 && static_cast<std::size_t>(s) < p_.streams.size()
               ? std::string_view(p_.streams[static_cast<std::size_t>(s)].name)
               : std::string_view("?");
  }
  bool is_integer(reg r) const {
    return r && static_cast<std::size_t>(r.id) < p_.registers.size() && type_of(p_, r) == register_type::i32;
  }
  template <typename Table>
  auto const* table(Table const& tables, std::int32_t extra) const {
    return extra >= 0 && static_cast<std::size_t>(extra) < tables.size() ? &tables[static_cast<std::size_t>(extra)]
                                                                         : nullptr;
  }

  void put_memory(memory const& m) { put("{}{}[{}]", m.broadcast ? "bcast " : "", stream(m.stream), m.offset); }
  void put_source(reg r) { put(", v{}", r.id); }

  void append(instruction const& i) {
    if (static_cast<std::size_t>(i.op) >= opcode_table.size()) return put("operation {}", static_cast<int>(i.op));
    auto const& what = info(i.op);
    if (i.d) put("v{} = ", i.d.id);
    text_ += what.name;
    bool const typed =
        what.form == operand_form::none || what.form == operand_form::constant || what.form == operand_form::load;
    if (typed && is_integer(i.d)) text_ += ".i32";
    if (what.form == operand_form::choice)
      put(".{}", compare_names[static_cast<std::size_t>(i.cc) % compare_names.size()]);
    if ((what.form == operand_form::load || what.form == operand_form::store) && i.count > 0) put(".{}", i.count);
    append_operands(i, what.form);
  }

  void append_operands(instruction const& i, operand_form form) {
    switch (form) {
      case operand_form::none:
      case operand_form::end: return;
      case operand_form::constant: return put_constant(i);
      case operand_form::load:
      case operand_form::prefetch: text_ += ' '; return put_memory(i.m);
      case operand_form::store:
        text_ += ' ';
        put_memory(i.m);
        return put_source(i.a);
      case operand_form::transpose: return put_registers(i);
      case operand_form::shuffle: return put_shuffle(i);
      case operand_form::tile_zero:
      case operand_form::tile_load:
      case operand_form::tile_store: return put_tile(i);
      case operand_form::loop: return put_loop(i);
      default: return put_sources(i, form);
    }
  }

  void put_sources(instruction const& i, operand_form form) {
    put(" v{}", i.a.id);
    if (form == operand_form::shift) return put(", {}", i.imm);
    if (i.m) {
      text_ += ", ";
      put_memory(i.m);
    }
    for (auto const r : {i.b, i.c, i.e})
      if (r) put_source(r);
  }

  void put_constant(instruction const& i) {
    auto const value = std::bit_cast<float>(i.imm);
    if (is_integer(i.d))
      put(" {}", i.imm);
    else if (std::isfinite(value))
      put(" {}", value);
    else
      put(" bits {:#x}", static_cast<std::uint32_t>(i.imm));
  }

  void put_registers(instruction const& i) {
    if (auto const* const ids = table(p_.tables, i.extra))
      for (std::size_t k = 0; k < ids->size(); ++k) put("{}v{}", k == 0 ? " " : ", ", (*ids)[k]);
  }
  void put_shuffle(instruction const& i) {
    put(" v{},", i.a.id);
    if (auto const* const lanes = table(p_.tables, i.extra))
      for (auto const lane : *lanes) put(" {}", lane);
  }
  void put_tile(instruction const& i) {
    auto const* const shape = table(p_.tables, i.extra);
    if (!shape || shape->size() != 3) return;
    put(" {}x{}", (*shape)[0], (*shape)[1]);
    if (i.op == opcode::tile_zero) return;
    text_ += ' ';
    put_memory(i.m);
    put(" by {}", (*shape)[2]);
    if (i.op == opcode::tile_store) put_source(i.a);
  }
  void put_loop(instruction const& i) {
    put(" {}", i.count);
    if (auto const* const steps = table(p_.steps, i.extra))
      for (auto const& s : *steps) put(" {}+={}", stream(s.stream), s.bytes);
  }

  program const& p_;
  std::string text_;
};

inline std::string print(program const& p) { return printer(p).whole(); }
inline std::string print(program const& p, instruction const& i) { return printer(p).line(i); }

}  // namespace sinter::vector
