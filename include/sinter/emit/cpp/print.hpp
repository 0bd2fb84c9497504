#pragma once

#include <sinter/vector/print.hpp>
#include <sinter/vector/tiles.hpp>

#include <fmt/format.h>

#include <iterator>
#include <span>
#include <string>
#include <string_view>

/// Vector programs as C++ text on sinter_simd.hpp, line by line.
namespace sinter::cpp {

/// Prints one program as one function.
class function_printer {
 public:
  explicit function_printer(vector::program const& p) : p_(p) {}

  /// `linkage` stands before the function: `extern "C"`, `static`, attributes.
  std::string whole(std::string_view symbol, std::string_view linkage = "extern \"C\"") {
    put("/// {}\n{} void {}(std::byte* const* arguments) noexcept {{\n", p_.name, linkage, symbol);
    put("  using F = sinter::simd::f32<{0}>;\n  using I [[maybe_unused]] = sinter::simd::i32<{0}>;\n", p_.lanes);
    for (std::size_t s = 0; s < p_.streams.size(); ++s)
      put("  [[maybe_unused]] std::byte* s{} = arguments[{}] + {};  // {}\n", s, p_.streams[s].argument,
          p_.streams[s].offset, p_.streams[s].name);
    for (std::size_t r = 0; r < p_.registers.size(); ++r)
      if (p_.registers[r] != vector::register_type::tile)
        put("  [[maybe_unused]] {} v{};\n", p_.registers[r] == vector::register_type::i32 ? "I" : "F", r);
    if (vector::has_tiles(p_)) tiles();
    for (auto const& i : p_.code) {
      if (i.op == vector::opcode::end)
        close();
      else
        statement(i);
    }
    text_ += "}\n";
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  void indent() { text_.append(2 * (open_.size() + 1), ' '); }

  auto const& steps(vector::instruction const& i) const { return p_.steps[static_cast<std::size_t>(i.extra)]; }
  auto const& table(vector::instruction const& i) const { return p_.tables[static_cast<std::size_t>(i.extra)]; }

  void open(vector::instruction const& i) {
    put("for (int i{0} = 0; i{0} < {1}; ++i{0}) {{\n", open_.size(), i.count);
    open_.push_back(&i);
  }
  void close() {
    auto const& head = *open_.back();
    for (auto const& s : steps(head)) indent(), put("s{} += {};\n", s.stream, s.bytes);
    open_.pop_back();
    indent();
    text_ += "}\n";
    for (auto const& s : steps(head)) indent(), put("s{} -= {};\n", s.stream, s.bytes * head.count);
  }

  char const* type(vector::reg r) const { return type_of(p_, r) == vector::register_type::i32 ? "I" : "F"; }
  /// The element type of a memory operand, as a template argument.
  std::string element(vector::memory const& m) const {
    return fmt::format("sinter::simd::element::{}", vector::element_names[static_cast<std::size_t>(element_of(p_, m))]);
  }
  std::string load(vector::memory const& m, char const* type, int count = 0) const {
    if (count > 0) return fmt::format("load_first<{}, {}, {}>(s{} + {})", type, element(m), count, m.stream, m.offset);
    return fmt::format("{}<{}, {}>(s{} + {})", m.broadcast ? "broadcast" : "load", type, element(m), m.stream,
                       m.offset);
  }
  std::string second(vector::instruction const& i) const {
    if (!i.m) return fmt::format("v{}", i.b.id);
    return load(i.m, vector::memory_type(i.op) == vector::register_type::i32 ? "I" : "F");
  }

  /// Declares the tiles.
  void tiles() {
    tiles_ = allocate_tiles(p_);
    std::string extents;
    for (auto const& shape : tiles_.shapes)
      extents +=
          fmt::format("{}sinter::simd::tile_extent{{{}, {}}}", extents.empty() ? "" : ", ", shape.rows, shape.bytes);
    put("  sinter::simd::tiles<{}> tiles;\n", extents);
  }
  int tile(vector::reg r) const { return tiles_.machine[static_cast<std::size_t>(r.id)]; }
  void tile(vector::instruction const& i) {
    using vector::opcode;
    auto const memory = [&] { return fmt::format("s{} + {}, {}", i.m.stream, i.m.offset, shape_of(p_, i).stride); };
    switch (i.op) {
      case opcode::tile_zero: return put("tiles.zero<{}>();\n", tile(i.d));
      case opcode::tile_load: return put("tiles.load<{}>({});\n", tile(i.d), memory());
      case opcode::tile_load_once: return put("tiles.load_once<{}>({});\n", tile(i.d), memory());
      case opcode::tile_store: return put("tiles.store<{}>({});\n", tile(i.a), memory());
      default:
        put("tiles.{}<{}, {}, {}>();\n", i.op == opcode::tile_dot4 ? "dot4_u8s8" : "dot2_bf16", tile(i.d), tile(i.a),
            tile(i.b));
    }
  }

  void statement(vector::instruction const& i) {
    using vector::operand_form;
    indent();
    if (vector::handles_tiles(i.op)) return tile(i);
    if (i.d) put("v{} = ", i.d.id);
    switch (info(i.op).form) {
      case operand_form::none: return put("{}(0);\n", type(i.d));
      case operand_form::constant: return constant(i);
      case operand_form::unary: return put("{}(v{});\n", function(i.op), i.a.id);
      case operand_form::binary: return binary(i);
      case operand_form::ternary: return put("{}(v{}, {}, v{});\n", function(i.op), i.a.id, second(i), i.c.id);
      case operand_form::choice:
        return put("select<sinter::simd::compare::{}>(v{}, v{}, v{}, v{});\n",
                   vector::compare_names[static_cast<std::size_t>(i.cc)], i.a.id, i.b.id, i.c.id, i.e.id);
      case operand_form::shift: return put("{}(v{}, {});\n", function(i.op), i.a.id, i.imm);
      case operand_form::lookup: return put("lookup(v{}, s{} + {});\n", i.a.id, i.m.stream, i.m.offset);
      case operand_form::load: return put("{};\n", load(i.m, type(i.d), i.count));
      case operand_form::store: return store(i);
      case operand_form::prefetch:
        return put("__builtin_prefetch(s{} + {}, 0, {});\n", i.m.stream, i.m.offset,
                   i.op == vector::opcode::prefetch ? 3 : 2);
      case operand_form::transpose: return put("transpose(v{});\n", fmt::join(table(i), ", v"));
      case operand_form::shuffle: return put("shuffle<{}>(v{});\n", fmt::join(table(i), ", "), i.a.id);
      case operand_form::loop: return open(i);
      default: return;
    }
  }

  void constant(vector::instruction const& i) {
    if (type_of(p_, i.d) == vector::register_type::i32)
      return put("I(static_cast<std::int32_t>({:#x}u));\n", static_cast<std::uint32_t>(i.imm));
    put("F(std::bit_cast<float>({:#x}u));\n", static_cast<std::uint32_t>(i.imm));
  }

  void store(vector::instruction const& i) {
    if (i.count > 0)
      put("store_first<{}, {}>(s{} + {}, v{});\n", element(i.m), i.count, i.m.stream, i.m.offset, i.a.id);
    else
      put("store<{}>(s{} + {}, v{});\n", element(i.m), i.m.stream, i.m.offset, i.a.id);
  }

  void binary(vector::instruction const& i) {
    auto const name = function(i.op);
    if (name.size() == 1)
      put("v{} {} {};\n", i.a.id, name, second(i));
    else
      put("{}(v{}, {});\n", name, i.a.id, second(i));
  }

  /// The function, or the operator of one character, that computes an operation; empty for `mov`.
  static std::string_view function(vector::opcode op) {
    using vector::opcode;
    switch (op) {
      case opcode::add:
      case opcode::iadd: return "+";
      case opcode::sub:
      case opcode::isub: return "-";
      case opcode::mul:
      case opcode::imul: return "*";
      case opcode::div: return "/";
      case opcode::iand: return "&";
      case opcode::ior: return "|";
      case opcode::ixor: return "^";
      case opcode::min:
      case opcode::imin: return "min";
      case opcode::max:
      case opcode::imax: return "max";
      case opcode::fma: return "multiply_add";
      case opcode::fnma: return "negative_multiply_add";
      case opcode::dot4: return "dot4_u8s8";
      case opcode::dot2: return "dot2_s16";
      case opcode::dot2_bf16: return "dot2_bf16";
      case opcode::pack_bf16: return "pack_bf16";
      case opcode::round: return "nearbyint";
      case opcode::ishl: return "shift_left";
      case opcode::ishr: return "shift_right";
      case opcode::isra: return "shift_right_signed";
      case opcode::mov: return "";
      default: return info(op).name;  // sqrt, floor, scale2, bits, floats, to_i32, to_f32, hsum, hmax, halves
    }
  }

  vector::program const& p_;
  std::string text_;
  std::vector<vector::instruction const*> open_;
  vector::tile_allocation tiles_{};
};

/// A C++ source file with one function `extern "C" void SYMBOL(std::byte* const*) noexcept` for each program, where
/// SYMBOL is `prefix` and the program's number. Flags: see sinter_simd.hpp.
inline std::string print_cpp(std::span<vector::program const> programs, std::string_view prefix) {
  std::string text =
      "#include <sinter/emit/cpp/sinter_simd.hpp>\n\n#include <bit>\n#include <cstddef>\n#include <cstdint>\n\n"
      "using namespace sinter::simd;\n";
  for (std::size_t k = 0; k < programs.size(); ++k)
    text += "\n" + function_printer(programs[k]).whole(fmt::format("{}{}", prefix, k));
  return text;
}

}  // namespace sinter::cpp
