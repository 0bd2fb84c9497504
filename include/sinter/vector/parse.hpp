#pragma once

#include <sinter/core/line_reader.hpp>
#include <sinter/vector/print.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::vector {

/// Reads the text form of vector/print.hpp; `;` starts a comment. What does not follow the form is
/// `error_code::invalid_argument` with the line. The result is not verified.
class parser : line_reader {
 public:
  explicit parser(std::string_view text, int first_line = 1, int margin = 0)
      : line_reader(text, ",[]", first_line, margin) {}

  program whole() {
    while (next_line()) at_line([&] { statement(); });
    close_to(1);
    return std::move(p_);
  }

 private:
  void statement() {
    if (indent() == 0) return kernel();
    auto const first = peek();
    if (first == "arg") return argument();
    if (first == "stream") return stream();
    if (indent() % 2 != 0 || indent() / 2 > depth_)
      reject("the indentation is {}, at most {} fits here", indent(), depth_ * 2);
    close_to(indent() / 2);
    instruction();
  }

  void close_to(int depth) {
    for (; depth_ > depth; --depth_) p_.code.push_back({.op = opcode::end});
  }

  void kernel() {
    expect("kernel ");
    auto const lanes = rest().find_last_not_of(' ');
    auto const width = rest().rfind(" w");
    if (width == std::string_view::npos) reject("the number of lanes is expected, as in w16");
    p_.name = rest().substr(0, width);
    p_.lanes = number<int>(rest().substr(width + 2, lanes - width - 1));
  }

  void argument() {
    expect("arg");
    vector::argument a;
    a.name = word();
    a.type = named<element>(element_names, word());
    a.mode = named<access>(access_names, word());
    a.bytes = number<std::int64_t>(word());
    if (!at_end()) {
      expect("align");
      a.alignment = number<std::int32_t>(word());
    }
    if (p_.streams.size() != p_.arguments.size()) reject("arguments come before streams");
    p_.streams.push_back({a.name, static_cast<std::int32_t>(p_.arguments.size()), 0});
    p_.arguments.push_back(std::move(a));
  }

  void stream() {
    expect("stream");
    vector::stream s;
    s.name = word();
    expect("=");
    s.argument = find_stream(word());
    if (static_cast<std::size_t>(s.argument) >= p_.arguments.size()) reject("streams start in an argument");
    expect("[");
    s.offset = number<std::int64_t>(word());
    expect("]");
    p_.streams.push_back(std::move(s));
  }

  std::int32_t find_stream(std::string_view name) const {
    for (std::size_t s = 0; s < p_.streams.size(); ++s)
      if (p_.streams[s].name == name) return static_cast<std::int32_t>(s);
    reject("there is no stream '{}'", name);
  }

  static bool is_register(std::string_view text) {
    return text.size() > 1 && text[0] == 'v' && text[1] >= '0' && text[1] <= '9';
  }
  reg source() {
    auto const text = word();
    if (!is_register(text)) reject("a register is expected, not '{}'", text);
    auto const id = number<std::int32_t>(text.substr(1));
    if (id < 0 || id > 1'000'000) reject("register number {} is out of range", id);
    if (static_cast<std::size_t>(id) >= p_.registers.size())
      p_.registers.resize(static_cast<std::size_t>(id) + 1, register_type::f32);
    return {id};
  }
  memory place() {
    memory m;
    m.broadcast = accept("bcast ");
    m.stream = find_stream(word());
    expect("[");
    m.offset = number<std::int32_t>(word());
    expect("]");
    return m;
  }

  /// The number of the operation of a name; that of no operation where there is none.
  static std::size_t operation(std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(opcode_table, name, &opcode_info::name) - opcode_table.begin());
  }

  void instruction() {
    vector::instruction i;
    auto const saved = rest();
    if (is_register(peek())) {
      i.d = source();
      if (!accept("=")) i.d = {}, set_rest(saved);
    }
    auto mnemonic = word();
    std::string_view suffix;
    auto op = operation(mnemonic);
    if (auto const dot = mnemonic.find('.'); op == opcode_table.size() && dot != std::string_view::npos) {
      suffix = mnemonic.substr(dot + 1);
      mnemonic = mnemonic.substr(0, dot);
      op = operation(mnemonic);
    }
    if (op == opcode_table.size() || mnemonic == "end") reject("there is no operation '{}'", mnemonic);
    i.op = static_cast<opcode>(op);
    auto type = info(i.op).result == operand_type::i32    ? register_type::i32
                : info(i.op).result == operand_type::tile ? register_type::tile
                                                          : register_type::f32;
    if (suffix.substr(0, 3) == "i32") {
      type = register_type::i32;
      suffix.remove_prefix(suffix.size() > 3 ? 4 : 3);
    }
    operands(i, suffix, type);
    bool const follows = info(i.op).result == operand_type::any && (i.a || i.c);
    if (follows) type = type_of(p_, info(i.op).form == operand_form::choice ? i.c : i.a);
    if (i.d) p_.registers[static_cast<std::size_t>(i.d.id)] = type;
    expect_end();
    p_.code.push_back(i);
    if (i.op == opcode::loop) ++depth_;
  }

  void operands(vector::instruction& i, std::string_view suffix, register_type type) {
    switch (info(i.op).form) {
      case operand_form::none:
      case operand_form::end: break;
      case operand_form::constant: i.imm = constant(type); break;
      case operand_form::load:
      case operand_form::store:
        if (!suffix.empty()) i.count = number<std::int32_t>(suffix);
        [[fallthrough]];
      case operand_form::prefetch:
        i.m = place();
        if (i.op == opcode::store) expect(","), i.a = source();
        break;
      case operand_form::transpose: transposed(i); break;
      case operand_form::tile_zero:
      case operand_form::tile_load:
      case operand_form::tile_store: tile(i); break;
      case operand_form::loop: loop(i); break;
      default:
        if (info(i.op).form == operand_form::choice) i.cc = named<compare>(compare_names, suffix);
        sources(i);
    }
  }

  std::int32_t constant(register_type type) {
    if (type == register_type::i32) return number<std::int32_t>(word());
    if (!accept("bits ")) return std::bit_cast<std::int32_t>(number<float>(word()));
    auto const digits = word();
    if (digits.substr(0, 2) != "0x") reject("bits are written as in 0x7fc00000, not '{}'", digits);
    std::uint32_t bits = 0;
    std::from_chars(digits.data() + 2, digits.data() + digits.size(), bits, 16);
    return static_cast<std::int32_t>(bits);
  }

  void sources(vector::instruction& i) {
    i.a = source();
    switch (info(i.op).form) {
      case operand_form::unary: return;
      case operand_form::shift: return expect(","), static_cast<void>(i.imm = number<std::int32_t>(word()));
      case operand_form::shuffle: {
        expect(",");
        std::vector<std::int32_t> lanes;
        while (!at_end()) lanes.push_back(number<std::int32_t>(word()));
        return add_table(i, std::move(lanes));
      }
      default: break;
    }
    expect(",");
    if (is_register(peek()))
      i.b = source();
    else
      i.m = place();
    if (info(i.op).form == operand_form::binary || info(i.op).form == operand_form::lookup) return;
    expect(",");
    i.c = source();
    if (info(i.op).form == operand_form::choice) expect(","), i.e = source();
  }

  void transposed(vector::instruction& i) {
    std::vector<std::int32_t> ids;
    do ids.push_back(source().id);
    while (accept(","));
    add_table(i, std::move(ids));
  }
  void tile(vector::instruction& i) {
    auto const shape = word();
    auto const times = shape.find('x');
    if (times == std::string_view::npos) reject("the shape of a tile is expected, as in 16x64, not '{}'", shape);
    std::vector<std::int32_t> table{number<std::int32_t>(shape.substr(0, times)),
                                    number<std::int32_t>(shape.substr(times + 1)), 0};
    if (i.op != opcode::tile_zero) {
      i.m = place();
      expect("by");
      table[2] = number<std::int32_t>(word());
    }
    if (i.op == opcode::tile_store) expect(","), i.a = source();
    add_table(i, std::move(table));
  }
  void add_table(vector::instruction& i, std::vector<std::int32_t> table) {
    i.extra = static_cast<std::int32_t>(p_.tables.size());
    p_.tables.push_back(std::move(table));
  }

  void loop(vector::instruction& i) {
    i.count = number<std::int32_t>(word());
    std::vector<step> steps;
    while (!at_end()) {
      auto const text = word();
      auto const plus = text.find("+=");
      if (plus == std::string_view::npos) reject("a step is expected, as in x+=64, not '{}'", text);
      steps.push_back({find_stream(text.substr(0, plus)), number<std::int64_t>(text.substr(plus + 2))});
    }
    i.extra = static_cast<std::int32_t>(p_.steps.size());
    p_.steps.push_back(std::move(steps));
  }

  int depth_ = 1;
  program p_;
};

inline program parse(std::string_view text) { return parser(text).whole(); }

}  // namespace sinter::vector
