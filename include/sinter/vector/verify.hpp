#pragma once

#include <sinter/vector/print.hpp>
#include <sinter/vector/register_pressure.hpp>
#include <sinter/vector/tiles.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sinter::vector {

/// Instructions that the body of an innermost loop may have: more fall out of the caches for decoded instructions.
inline constexpr int longest_innermost_body = 600;

/// The specification of vector programs, executable. A program that passes reads and writes only what its arguments
/// reach, computes the same everywhere, and fits into the registers of its target:
///
/// - every operand that the operation has is there, of the right type, and no other;
/// - a register is written before it is read;
/// - addresses, over all turns of all loops, lie within the argument and at multiples of its element;
/// - nothing is stored to `in` or `constant`;
/// - loops are closed, turn at least once, and innermost bodies are short;
/// - a tile has one shape, shapes of factors fit their sums, and sums are those that are added to;
/// - live registers and temporaries fit, and so do tiles.
class verifier {
 public:
  explicit verifier(program const& p)
      : p_(p),
        registers_(static_cast<std::int32_t>(p.registers.size())),
        low_(p.streams.size(), 0),
        high_(low_),
        defined_(p.registers.size()),
        shapes_(p.registers.size()) {}

  void run() {
    header();
    for (at_ = 0; at_ < p_.code.size(); ++at_) {
      auto const& i = p_.code[at_];
      registers(i);
      operands(i);
      shapes(i);
      control(i);
      for_each_result(p_, i, [&](reg r) { defined_[static_cast<std::size_t>(r.id)] = 1; });
    }
    if (!loops_.empty()) reject_program("{} loops stay open", loops_.size());
    std::vector<live_range> ranges;
    find_live_ranges(p_, ranges);
    auto const most = find_pressure(p_, ranges);
    at_ = static_cast<std::size_t>(most.at);
    if (most.registers > register_count(p_.lanes))
      reject("{} registers are in use, the target has {}: take a smaller tile", most.registers,
             register_count(p_.lanes));
    if (auto const tiles = allocate_tiles(p_, ranges).shapes.size(); tiles > most_tiles)
      reject_program("{} tiles are in use, there are {}", tiles, most_tiles);
  }

 private:
  struct open_loop {
    instruction const* head;
    int instructions = 0;
    bool innermost = true;
  };

  template <typename... Args>
  [[noreturn]] void reject_program(fmt::format_string<Args...> format, Args&&... args) const {
    fail(error_code::invalid_argument, "kernel '{}': {}", p_.name, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  [[noreturn]] void reject(fmt::format_string<Args...> format, Args&&... args) const {
    reject_program("instruction {}, '{}': {}", at_, print(p_, p_.code[at_]),
                   fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void require(bool condition, fmt::format_string<Args...> format, Args&&... args) const {
    if (!condition) reject(format, std::forward<Args>(args)...);
  }

  void header() const {
    if (p_.lanes != 4 && p_.lanes != 8 && p_.lanes != 16) reject_program("{} lanes, not 4, 8 or 16", p_.lanes);
    if (p_.name.empty() || p_.name.find('\n') != std::string::npos) reject_program("a name is one line");
    for (auto const& a : p_.arguments) {
      if (a.bytes < 0) reject_program("argument '{}' has {} bytes", a.name, a.bytes);
      if (!std::has_single_bit(static_cast<std::uint32_t>(a.alignment)))
        reject_program("argument '{}' is aligned to {}", a.name, a.alignment);
    }
    if (p_.streams.size() < p_.arguments.size()) reject_program("each argument is a stream");
    for (std::size_t s = 0; s < p_.streams.size(); ++s) header(s);
  }

  void header(std::size_t s) const {
    auto const& stream = p_.streams[s];
    if (stream.name.empty() || stream.name.find_first_of(" ,[]+=;\n") != std::string::npos)
      reject_program("'{}' is no name of a stream", stream.name);
    for (std::size_t other = 0; other < s; ++other)
      if (p_.streams[other].name == stream.name) reject_program("two streams are called '{}'", stream.name);
    auto const argument = static_cast<std::size_t>(stream.argument);
    if (s < p_.arguments.size() ? argument != s || stream.offset != 0
                                : stream.argument < 0 || argument >= p_.arguments.size())
      reject_program("stream '{}' starts in argument {}", stream.name, stream.argument);
    if (stream.offset % size_of(p_.arguments[argument].type) != 0 || stream.offset < 0)
      reject_program("stream '{}' starts at {}, no place of an element", stream.name, stream.offset);
  }

  std::vector<std::int32_t> const& table(instruction const& i) const {
    return p_.tables[static_cast<std::size_t>(i.extra)];
  }

  /// A register that is there exists.
  void exists(reg r) const { require(r.id < registers_, "v{} does not exist", r.id); }

  /// Registers and table exist, sources are defined.
  void registers(instruction const& i) const {
    require(static_cast<std::size_t>(i.op) < opcode_table.size(), "there is no such operation");
    exists(i.d), exists(i.a), exists(i.b), exists(i.c), exists(i.e);
    if (has_table(i.op))
      tables(i);
    else
      require(i.extra == -1, "table {} does not fit", i.extra);
    for_each_source(p_, i, [&](reg r) {
      require(defined_[static_cast<std::size_t>(r.id)], "v{} is used before it is defined", r.id);
    });
  }

  void tables(instruction const& i) const {
    auto const count = i.op == opcode::loop ? p_.steps.size() : p_.tables.size();
    require(i.extra >= 0 && static_cast<std::size_t>(i.extra) < count, "table {} does not fit", i.extra);
    if (i.op == opcode::loop) return;
    if (moves_tile(i.op)) return tile(i);
    require(table(i).size() == static_cast<std::size_t>(p_.lanes), "the table has {} entries", table(i).size());
    if (i.op == opcode::transpose) return square(i);
    for (auto const lane : table(i)) require(lane >= 0 && lane < p_.lanes, "there is no lane {}", lane);
  }

  /// The shape of a tile that is moved.
  void tile(instruction const& i) const {
    require(table(i).size() == 3, "the table has {} entries", table(i).size());
    auto const [rows, bytes, stride] = shape_of(p_, i);
    require(rows >= 1 && rows <= most_tile_rows && bytes >= 4 && bytes <= most_tile_bytes && bytes % 4 == 0,
            "a tile has 1 to {} rows of 4 to {} bytes, whole words", most_tile_rows, most_tile_bytes);
    bool const fits = i.op == opcode::tile_zero    ? stride == 0
                      : i.op != opcode::tile_store ? stride > 0 && stride % 2 == 0
                                                   : stride >= bytes && stride % 4 == 0;
    require(fits, "rows {} bytes apart do not fit", stride);
  }

  /// The shapes of an instruction's tiles.
  void shapes(instruction const& i) {
    auto const of = [&](reg r) -> tile_shape& { return shapes_[static_cast<std::size_t>(r.id)]; };
    if (moves_tile(i.op)) {
      auto& known = of(i.d ? i.d : i.a);
      auto const shape = shape_of(p_, i);
      require(known.rows == 0 || known.matches(shape), "the tile is {}x{} elsewhere", known.rows, known.bytes);
      known = shape;
    } else if (info(i.op).result == operand_type::tile) {
      require(i.c == i.d, "v{} is not what is added to", i.d.id);
      require(i.a != i.b && i.a != i.d && i.b != i.d, "one tile is there twice");
      auto const a = of(i.a), b = of(i.b), d = of(i.d);
      require(a.rows == d.rows && b.bytes == d.bytes && a.bytes == 4 * b.rows, "{}x{} times {}x{} is no tile of {}x{}",
              a.rows, a.bytes, b.rows, b.bytes, d.rows, d.bytes);
    }
  }

  void square(instruction const& i) const {
    auto const& ids = table(i);
    for (std::size_t k = 0; k < ids.size(); ++k) {
      require(ids[k] >= 0 && ids[k] < registers_, "v{} does not exist", ids[k]);
      type(reg{ids[k]}, operand_type::any);
      for (std::size_t j = 0; j < k; ++j) require(ids[j] != ids[k], "v{} is there twice", ids[k]);
    }
  }

  /// Operands are those of the operation, and their types are right.
  void operands(instruction const& i) const {
    auto const& what = info(i.op);
    using enum operand_form;
    auto const form = what.form;
    auto const replaced = what.memory && i.m ? unsigned{second_bit | memory_bit} : 0U;
    if (auto const wrong = operands_of(i) ^ operands_of(form) ^ replaced) {
      constexpr std::array names{"result",       "first source",  "second source",
                                 "third source", "fourth source", "memory operand"};
      reject("the {} does not fit the operation", names[static_cast<std::size_t>(std::countr_zero(wrong))]);
    }
    require(form == choice ? static_cast<int>(i.cc) <= static_cast<int>(compare::ge) : i.cc == compare::eq,
            "the comparison does not fit");
    require(form == constant || (form == shift ? i.imm >= 0 && i.imm < 32 : i.imm == 0), "{} does not fit", i.imm);
    if (i.m) access(i);
    types(i, what);
  }

  void type(reg r, operand_type wanted) const {
    if (!r) return;
    constexpr std::array names{"f32", "i32", "a tile"};
    auto const found = static_cast<std::size_t>(type_of(p_, r));
    require(
        wanted == operand_type::any ? type_of(p_, r) != register_type::tile : found == static_cast<std::size_t>(wanted),
        "v{} is {}", r.id, names[found]);
  }
  void types(instruction const& i, opcode_info const& what) const {
    type(i.a, what.source);
    type(i.b, what.source);
    if (what.form == operand_form::ternary) type(i.c, what.result);
    type(i.d, what.result);
    auto const alike = [&](reg r) {
      if (r) require(type_of(p_, r) == type_of(p_, i.d), "v{} and v{} differ in type", r.id, i.d.id);
    };
    if (what.form == operand_form::choice) alike(i.c), alike(i.e);
    if (i.op == opcode::mov || i.op == opcode::shuffle) alike(i.a);
    if (i.m && what.source == operand_type::i32)
      require(element_of(p_, i.m) == element::i32, "the memory operand is {}, not i32",
              element_names[static_cast<std::size_t>(element_of(p_, i.m))]);
    if (moves_tile(i.op) && i.m)
      require(size_of(element_of(p_, i.m)) == 4, "tiles are moved in words, '{}' has {}",
              p_.streams[static_cast<std::size_t>(i.m.stream)].name,
              element_names[static_cast<std::size_t>(element_of(p_, i.m))]);
    if (i.op != opcode::load && i.op != opcode::store) return;
    bool const integer_lanes = type_of(p_, i.op == opcode::load ? i.d : i.a) == register_type::i32;
    auto const e = element_of(p_, i.m);
    require(!integer_lanes || e == element::i32 || e == element::s8 || e == element::u8,
            "i32 lanes do not convert to {}", element_names[static_cast<std::size_t>(e)]);
  }

  /// A memory operand: where it lies over all turns of the open loops.
  void access(instruction const& i) const {
    require(static_cast<std::size_t>(i.m.stream) < p_.streams.size(), "there is no stream {}", i.m.stream);
    require((i.op != opcode::lookup && !moves_tile(i.op)) || !i.m.broadcast, "{} has no broadcast",
            i.op == opcode::lookup ? "a table" : "a tile");
    bool const moves = i.op == opcode::load || i.op == opcode::store;
    require(i.count == 0 || (moves && i.count > 0 && i.count < p_.lanes && !i.m.broadcast), "{} lanes do not fit",
            i.count);
    if (info(i.op).form == operand_form::prefetch) return;
    auto const& stream = p_.streams[static_cast<std::size_t>(i.m.stream)];
    auto const& argument = p_.arguments[static_cast<std::size_t>(stream.argument)];
    if (i.op == opcode::store || i.op == opcode::tile_store) {
      require(!i.m.broadcast, "a store has no broadcast");
      require(argument.mode != access::in && argument.mode != access::constant, "'{}' is not to be written",
              argument.name);
    }
    int const size = size_of(argument.type);
    require(i.m.offset % size == 0, "the offset is no multiple of {}", size);
    auto const base = stream.offset + i.m.offset;
    auto const first = base + low_[static_cast<std::size_t>(i.m.stream)];
    auto const end = base + high_[static_cast<std::size_t>(i.m.stream)] + size * touched_lanes(p_, i);
    require(first >= 0 && end <= argument.bytes, "bytes {} to {} are touched, '{}' has {}", first, end, argument.name,
            argument.bytes);
  }

  void control(instruction const& i) {
    if (i.op == opcode::loop) return open(i);
    if (i.op != opcode::end) {
      require(i.count == 0 || i.op == opcode::load || i.op == opcode::store, "{} does not fit", i.count);
      if (!loops_.empty()) ++loops_.back().instructions;
      return;
    }
    require(!loops_.empty(), "no loop is open");
    auto const loop = loops_.back();
    loops_.pop_back();
    require(!loop.innermost || loop.instructions <= longest_innermost_body,
            "the innermost body has {} instructions, at most {} pay", loop.instructions, longest_innermost_body);
    widen(*loop.head, -1);
  }

  void open(instruction const& i) {
    require(i.count >= 1, "a loop turns at least once");
    if (!loops_.empty()) loops_.back().innermost = false;
    for (auto const& s : p_.steps[static_cast<std::size_t>(i.extra)]) {
      require(s.stream >= 0 && static_cast<std::size_t>(s.stream) < p_.streams.size(), "there is no stream {}",
              s.stream);
      auto const& stream = p_.streams[static_cast<std::size_t>(s.stream)];
      require(s.bytes % size_of(p_.arguments[static_cast<std::size_t>(stream.argument)].type) == 0,
              "the step {} of '{}' is no multiple of its element", s.bytes, stream.name);
      constexpr std::int64_t farthest = std::int64_t{1} << 56;
      require(s.bytes > -farthest / i.count && s.bytes < farthest / i.count, "the step {} leads too far", s.bytes);
    }
    loops_.push_back({&i});
    widen(i, 1);
  }

  /// Adds (`sign` 1) or takes away (-1) what a loop's steps add to the range of each stream.
  void widen(instruction const& loop, std::int64_t sign) {
    auto const& steps = p_.steps[static_cast<std::size_t>(loop.extra)];
    for (std::size_t k = 0; k < steps.size(); ++k) {
      std::int64_t total = 0;  // of all steps of this stream, counted at the first one
      bool first = true;
      for (std::size_t j = 0; j < steps.size(); ++j) {
        if (steps[j].stream != steps[k].stream) continue;
        first = first && j >= k;
        total += steps[j].bytes * (loop.count - 1);
      }
      if (!first) continue;
      (total < 0 ? low_ : high_)[static_cast<std::size_t>(steps[k].stream)] += sign * total;
    }
  }

  program const& p_;
  std::int32_t registers_;
  std::vector<std::int64_t> low_, high_;  ///< how far the open loops move each stream
  std::vector<std::uint8_t> defined_;     ///< by register
  std::vector<tile_shape> shapes_;        ///< by register; no rows: not known yet
  std::vector<open_loop> loops_;
  std::size_t at_ = 0;
};

/// Throws `error_code::invalid_argument`, which names program and instruction, where `p` breaks the specification.
inline void verify(program const& p) { verifier(p).run(); }

}  // namespace sinter::vector
