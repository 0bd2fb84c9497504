#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <immintrin.h>
#include <string>
#include <ucontext.h>

namespace sinter::test {

/// Computes what AMX instructions say, as the manual of Intel has them, where the CPU refuses them: in the signal that
/// it raises in the thread that made the object, as long as the object lives. Rounding and subnormal numbers are the
/// business of the CPU's fused multiply-add under flags of its own.
class tile_emulator {
 public:
  tile_emulator() {
    state() = {};
    struct sigaction action {};
    action.sa_sigaction = refused;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, &before_);
  }
  tile_emulator(tile_emulator const&) = delete;
  ~tile_emulator() { sigaction(SIGILL, &before_, nullptr); }

  /// What would have raised an exception on a CPU with AMX; empty: nothing.
  std::string fault() const { return state().fault ? state().fault : ""; }
  /// Instructions so far.
  int count() const { return state().count; }
  /// Whether tiles are configured: their state is the thread's.
  bool is_configured() const { return state().configured; }

 private:
  struct tile {
    int rows = 0, bytes = 0;
    alignas(64) std::uint8_t at[16][64]{};
  };
  struct tile_state {
    std::array<tile, 8> tiles{};
    bool configured = false;
    int count = 0;
    char const* fault = nullptr;
  };
  /// An instruction with a VEX prefix of three bytes in the map 0F38.
  struct decoded {
    int prefix = 0, code = 0, reg = 0, rm = 0, third = 0;
    bool has_memory = false;
    std::uint8_t* address = nullptr;
    std::int64_t stride = 0;
    std::uint8_t const* end = nullptr;
  };

  static tile_state& state() {
    static thread_local tile_state all;
    return all;
  }
  static void blame(char const* what) {
    if (!state().fault) state().fault = what;
  }

  static void refused(int signal, siginfo_t*, void* at) {
    auto& registers = static_cast<ucontext_t*>(at)->uc_mcontext.gregs;
    auto const* const code = reinterpret_cast<std::uint8_t const*>(registers[REG_RIP]);
    if (code[0] != 0xc4 || (code[1] & 0x1f) != 2) {
      std::signal(signal, SIG_DFL);  // none of ours: it is refused again
      return;
    }
    auto const i = decode(code, registers);
    ++state().count;
    run(i);
    registers[REG_RIP] = reinterpret_cast<greg_t>(i.end);
  }

  static decoded decode(std::uint8_t const* code, greg_t const* registers) {
    constexpr int order[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                             REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    auto const value = [&](int number) { return static_cast<std::int64_t>(registers[order[number]]); };
    int const x = ~code[1] >> 6 & 1, b = ~code[1] >> 5 & 1, mod = code[4] >> 6;
    decoded i{.prefix = code[2] & 3, .code = code[3], .reg = code[4] >> 3 & 7, .rm = code[4] & 7};
    i.third = ~code[2] >> 3 & 15;
    i.has_memory = mod != 3;
    i.end = code + 5;
    if (code[2] & 0x84) blame("W or L is set");
    if (!i.has_memory) return i;
    std::int64_t address = 0;
    bool has_base = true;
    int base = i.rm;
    if (i.rm == 4) {
      auto const sib = *i.end++;
      base = sib & 7;
      int const index = (sib >> 3 & 7) | x << 3;
      if (index != 4) i.stride = value(index) << (sib >> 6);
      has_base = base != 5 || mod != 0;
    }
    bool const is_relative = mod == 0 && i.rm == 5;
    if (mod == 1) {
      address = static_cast<std::int8_t>(*i.end++);
    } else if (mod == 2 || is_relative || !has_base) {
      std::int32_t distance = 0;
      std::memcpy(&distance, i.end, 4);
      i.end += 4;
      address = distance;
    }
    if (is_relative)
      address += reinterpret_cast<std::int64_t>(i.end);
    else if (has_base)
      address += value(base | b << 3);
    i.address = reinterpret_cast<std::uint8_t*>(address);
    return i;
  }

  static void run(decoded const& i) {
    enum { none, p66, f3, f2 };
    auto const is = [&](int code, int prefix) { return i.code == code && i.prefix == prefix; };
    if (is(0x49, none))
      return i.has_memory ? configure(i.address)
                          : static_cast<void>(state() = {{}, false, state().count, state().fault});
    if (!state().configured) return blame("tiles are not configured");
    if (is(0x49, f2)) return static_cast<void>(std::memset(used(i.reg).at, 0, sizeof(tile::at)));
    if (is(0x4b, f2) || is(0x4b, p66)) return load(used(i.reg), i);
    if (is(0x4b, f3)) return store(used(i.reg), i);
    if (is(0x5c, f3)) return multiply(used(i.reg), used(i.rm), used(i.third), true);
    if (is(0x5e, p66)) return multiply(used(i.reg), used(i.rm), used(i.third), false);
    blame("an instruction that is not known");
  }

  static tile& used(int number) {
    static thread_local tile nothing;
    if (number > 7) return blame("a register that is none"), nothing;
    auto& t = state().tiles[static_cast<std::size_t>(number)];
    if (t.rows == 0) blame("a tile that is not configured");
    return t;
  }

  static void configure(std::uint8_t const* bytes) {
    if (bytes[0] != 1) blame("not palette 1");
    for (int k = 1; k < 16; ++k)
      if (bytes[k] != 0) blame("reserved bytes");
    for (std::size_t n = 0; n < 16; ++n) {
      int const width = bytes[16 + 2 * n] | bytes[17 + 2 * n] << 8, rows = bytes[48 + n];
      if (width > 64 || rows > 16 || (width == 0) != (rows == 0) || (n > 7 && rows != 0)) blame("a shape that is none");
      if (n < 8) state().tiles[n] = {.rows = rows, .bytes = width};
    }
    state().configured = true;
  }

  static void load(tile& to, decoded const& i) {
    std::memset(to.at, 0, sizeof to.at);
    for (int row = 0; row < to.rows; ++row)
      std::memcpy(to.at[row], i.address + row * i.stride, static_cast<std::size_t>(to.bytes));
  }
  static void store(tile const& from, decoded const& i) {
    for (int row = 0; row < from.rows; ++row)
      std::memcpy(i.address + row * i.stride, from.at[row], static_cast<std::size_t>(from.bytes));
  }

  static void multiply(tile& c, tile const& a, tile const& b, bool of_bfloat16) {
    if (a.rows != c.rows || b.bytes != c.bytes || a.bytes != 4 * b.rows || &a == &b || &a == &c || &b == &c)
      return blame("shapes that do not fit, or one register twice");
    for (int m = 0; m < c.rows; ++m)
      for (int n = 0; n < c.bytes / 4; ++n)
        of_bfloat16 ? multiply_bfloat16(c, a, b, m, n) : multiply_bytes(c, a, b, m, n);
  }

  static void multiply_bytes(tile& c, tile const& a, tile const& b, int m, int n) {
    std::int64_t sum = 0;
    for (int k = 0; k < a.bytes; ++k) sum += a.at[m][k] * static_cast<std::int8_t>(b.at[k / 4][4 * n + k % 4]);
    std::int32_t to = 0;
    std::memcpy(&to, c.at[m] + 4 * n, 4);
    to = static_cast<std::int32_t>(to + sum);
    std::memcpy(c.at[m] + 4 * n, &to, 4);
  }

  [[gnu::target("fma")]] static void multiply_bfloat16(tile& c, tile const& a, tile const& b, int m, int n) {
    auto const mode = _mm_getcsr();
    constexpr unsigned flush = 0x8000, denormals_are_zeros = 0x40, masks = 0x1f80;
    _mm_setcsr(flush | denormals_are_zeros | masks);
    auto const half = [](std::uint8_t const* at) {
      std::uint32_t const bits = (std::uint32_t{at[0]} | std::uint32_t{at[1]} << 8) << 16;
      return _mm_castsi128_ps(_mm_cvtsi32_si128(static_cast<int>(bits)));
    };
    __m128 even = _mm_setzero_ps(), odd = _mm_setzero_ps();
    for (int k = 0; k < a.bytes; k += 4) {
      even = _mm_fmadd_ss(half(a.at[m] + k), half(b.at[k / 4] + 4 * n), even);
      odd = _mm_fmadd_ss(half(a.at[m] + k + 2), half(b.at[k / 4] + 4 * n + 2), odd);
    }
    float to = 0;
    std::memcpy(&to, c.at[m] + 4 * n, 4);
    to = _mm_cvtss_f32(_mm_add_ss(_mm_set_ss(to), _mm_add_ss(even, odd)));
    std::memcpy(c.at[m] + 4 * n, &to, 4);
    _mm_setcsr(mode);
  }

  struct sigaction before_ {};
};

}  // namespace sinter::test
