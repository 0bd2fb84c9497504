#pragma once

#include <sinter/emit/x86/arithmetic.hpp>
#include <sinter/emit/x86/bfloat16.hpp>
#include <sinter/emit/x86/lanes.hpp>
#include <sinter/emit/x86/lookup.hpp>
#include <sinter/emit/x86/tiles.hpp>

#include <cstddef>
#include <vector>

namespace sinter::x86 {

/// Adds what `p` takes from the pool.
inline void intern_constants(constant_pool& pool, vector::program const& p) {
  intern_memory_constants(pool, p.lanes);
  if (vector::has_tiles(p)) pool.intern(tile_configuration(vector::allocate_tiles(p)));
  for (auto const& i : p.code) {
    if (i.op == vector::opcode::lookup) intern_lookup_constants(pool, p.lanes);
    if (i.op == vector::opcode::constant && i.imm != 0) pool.intern(static_cast<std::uint32_t>(i.imm));
    if (i.op == vector::opcode::dot4) pool.splat(word_ones, static_cast<std::size_t>(p.lanes));
    if (i.op != vector::opcode::shuffle) continue;
    std::uint32_t words[16];
    auto const& table = p.tables[static_cast<std::size_t>(i.extra)];
    for (std::size_t k = 0; k < table.size(); ++k) words[k] = static_cast<std::uint32_t>(table[k]);
    pool.intern({words, table.size()});
  }
}

/// More bytes than the code of `p` can have.
inline std::size_t code_bound(vector::program const& p) {
  constexpr std::size_t entry = 512, instruction = 192, square = 4096, table = 1024, stream = 32;
  std::size_t bytes = entry + stream * p.streams.size();
  for (auto const& i : p.code) {
    bytes += instruction;
    if (i.op == vector::opcode::transpose) bytes += square;
    if (i.op == vector::opcode::lookup) bytes += table;
    if (i.op == vector::opcode::loop || i.op == vector::opcode::end) bytes += stream * p.streams.size();
  }
  return bytes;
}

/// Emits one program after another into the same memory.
class kernel_emitter {
 public:
  explicit kernel_emitter(machine& m) : m_(m) {}

  /// The entry point of `p`.
  std::uint8_t const* emit(vector::program const& p) {
    m_.begin(p);
    loops_.clear();
    m_.align(64);
    auto const* const entry = m_.getCurr();
    enter();
    for (std::size_t at = 0; at < p.code.size(); ++at) step(at, p.code[at]);
    leave();
    return entry;
  }

 private:
  struct open_loop {
    std::uint8_t const* top;
    vector::instruction const* head;
  };

  static int preserved(pointer_allocation const& pointers) {
    return std::max(0, pointers.registers() - pointer_allocation::first_preserved);
  }
  static Xbyak::Reg64 pool_register(int k) {
    return Xbyak::Reg64(pointer_allocation::pool[static_cast<std::size_t>(k)]);
  }

  /// Saves registers, makes the frame and loads the streams from the argument array, its own register last.
  void enter() {
    auto const& pointers = m_.pointers();
    m_.endbr64();
    for (int k = 0; k < preserved(pointers); ++k) m_.push(pool_register(pointer_allocation::first_preserved + k));
    if (pointers.slots() > 0) m_.sub(m_.rsp, pointers.slots() * 8);
    auto const& streams = m_.source().streams;
    std::int32_t last = -1;
    for (std::size_t s = 0; s < streams.size(); ++s) {
      if (!pointers.used(static_cast<std::int32_t>(s))) continue;
      auto const home = pointers.of_stream(static_cast<std::int32_t>(s));
      if (home.machine == m_.rdi.getIdx())
        last = static_cast<std::int32_t>(s);
      else
        load_stream(streams[s], home);
    }
    if (last >= 0) load_stream(streams[static_cast<std::size_t>(last)], pointers.of_stream(last));
    m_.set_masks();
    if (!m_.tiles().shapes.empty()) m_.ldtilecfg(m_.words(tile_configuration(m_.tiles())));
  }

  void load_stream(vector::stream const& s, pointer_allocation::home const& home) {
    auto const to = home.machine >= 0 ? Xbyak::Reg64(home.machine) : m_.clobber_scratch();
    m_.mov(to, m_.ptr[m_.rdi + s.argument * 8]);
    if (s.offset != static_cast<std::int32_t>(s.offset))
      fail(error_code::limit_exceeded, "kernel '{}': stream '{}' starts {} bytes into its argument, 2 GiB at most",
           m_.source().name, s.name, s.offset);
    if (s.offset != 0) m_.add(to, static_cast<std::int32_t>(s.offset));
    if (home.machine < 0) m_.mov(m_.frame(home), to);
  }

  void leave() {
    auto const& pointers = m_.pointers();
    if (!m_.tiles().shapes.empty()) m_.tilerelease();
    if (!m_.source().registers.empty()) m_.vzeroupper();
    if (pointers.slots() > 0) m_.add(m_.rsp, pointers.slots() * 8);
    for (int k = preserved(pointers); k-- > 0;) m_.pop(pool_register(pointer_allocation::first_preserved + k));
    m_.ret();
  }

  void open(vector::instruction const& i, bool innermost) {
    m_.settle();
    auto const home = m_.pointers().of_counter(static_cast<int>(loops_.size()));
    if (home.machine >= 0)
      m_.mov(Xbyak::Reg32(home.machine), static_cast<std::uint32_t>(i.count));
    else
      m_.mov(m_.frame(home), i.count);
    if (innermost) m_.align(32);
    m_.start_block();
    loops_.push_back({m_.getCurr(), &i});
  }

  /// Advances the streams and turns; what restores them is left in `ahead`.
  void close() {
    auto const [top, head] = loops_.back();
    loops_.pop_back();
    static std::vector<vector::step> const none;
    auto const& steps = head->extra >= 0 ? m_.source().steps[static_cast<std::size_t>(head->extra)] : none;
    auto& ahead = m_.ahead();
    for (auto const& s : steps) ahead[static_cast<std::size_t>(s.stream)] -= s.bytes;
    m_.settle();
    auto const home = m_.pointers().of_counter(static_cast<int>(loops_.size()));
    if (home.machine >= 0)
      m_.dec(Xbyak::Reg32(home.machine));
    else
      m_.sub(m_.frame(home), 1);
    m_.jnz(top);
    m_.start_block();
    for (auto const& s : steps) ahead[static_cast<std::size_t>(s.stream)] += s.bytes * head->count;
  }

  /// True where the loop that starts at `at` holds no other.
  bool is_innermost(std::size_t at) const {
    auto const& code = m_.source().code;
    for (++at; at < code.size() && code[at].op != vector::opcode::end; ++at)
      if (code[at].op == vector::opcode::loop) return false;
    return true;
  }

  void step(std::size_t at, vector::instruction const& i) {
    using vector::operand_form;
    if (handles_tiles(i.op)) return tile(m_, i);
    switch (info(i.op).form) {
      case operand_form::none:
      case operand_form::constant: return constant(m_, i);
      case operand_form::unary: return one_source(at, i);
      case operand_form::binary: return two_sources(at, i);
      case operand_form::ternary: return three_sources(at, i);
      case operand_form::choice: return select(m_, at, i);
      case operand_form::shift: return integer_shift(m_, i);
      case operand_form::lookup: return lookup(m_, at, i);
      case operand_form::load: {
        auto const d = m_.full(i.d);
        return load(m_, d, type_of(m_.source(), i.d), i.m, i.count,
                    temporaries(m_.source(), i) > 0 ? m_.temporary(at) : d);
      }
      case operand_form::store: return store(m_, at, i);
      case operand_form::prefetch:
        return i.op == vector::opcode::prefetch ? m_.prefetcht0(m_.address(i.m)) : m_.prefetcht1(m_.address(i.m));
      case operand_form::transpose: return transposition(m_, table(i), m_.temporary(at)).run();
      case operand_form::shuffle: return shuffle(m_, m_.full(i.d), m_.full(i.a), table(i), m_.temporary(at));
      case operand_form::loop: return open(i, is_innermost(at));
      case operand_form::end: return close();
      default: return;
    }
  }

  void one_source(std::size_t at, vector::instruction const& i) {
    if (i.op == vector::opcode::hsum || i.op == vector::opcode::hmax)
      return butterfly(m_, i.op, m_.full(i.d), m_.full(i.a), m_.temporary(at));
    unary(m_, i);
  }

  void two_sources(std::size_t at, vector::instruction const& i) {
    if (info(i.op).source == vector::operand_type::i32) return integer_binary(m_, i);
    if (i.op == vector::opcode::scale2) return scale(m_, at, i);
    if (i.op == vector::opcode::pack_bf16) return pack_bf16(m_, i);
    if (i.op == vector::opcode::halves) return halves(m_, m_.full(i.d), m_.full(i.a), m_.full(i.b));
    float_binary(m_, at, i);
  }

  void three_sources(std::size_t at, vector::instruction const& i) {
    if (i.op == vector::opcode::dot4) return dot4(m_, at, i);
    if (i.op == vector::opcode::dot2) return dot2(m_, at, i);
    if (i.op == vector::opcode::dot2_bf16) return dot2_bf16(m_, at, i);
    multiply_add(m_, at, i);
  }

  std::vector<std::int32_t> const& table(vector::instruction const& i) const {
    return m_.source().tables[static_cast<std::size_t>(i.extra)];
  }

  machine& m_;
  std::vector<open_loop> loops_;
};

}  // namespace sinter::x86
