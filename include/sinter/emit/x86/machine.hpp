#pragma once

#include <sinter/core/target.hpp>
#include <sinter/emit/x86/allocation.hpp>
#include <sinter/emit/x86/constant_pool.hpp>
#include <sinter/emit/x86/packed.hpp>
#include <sinter/emit/x86/pointers.hpp>
#include <sinter/vector/tiles.hpp>

#include <xbyak/xbyak.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace sinter::x86 {

/// The assembler and what it must know of the program that it emits: where registers and streams live, how far each
/// stream's pointer runs ahead, where constants lie.
class machine : public Xbyak::CodeGenerator {
 public:
  /// Writes at `to`; the constants of `pool` lie at `pool_base`.
  machine(std::uint8_t* to, std::size_t capacity, std::uint8_t const* pool_base, constant_pool& pool,
          target const& features)
      : Xbyak::CodeGenerator(capacity, to), pool_(pool), pool_base_(pool_base), features_(features) {}

  /// Makes `p` the program that the following calls emit.
  void begin(vector::program const& p) {
    p_ = &p;
    registers_.clear();
    for (int n = 0; n < vector::register_count(p.lanes); ++n)
      registers_.push_back(wide() ? Xbyak::Zmm(n) : Xbyak::Ymm(n));
    vectors_.allocate(p);
    pointers_.allocate(p);
    tiles_ = vector::has_tiles(p) ? vector::allocate_tiles(p) : vector::tile_allocation{};
    ahead_.assign(p.streams.size(), 0);
    start_block();
    assign_masks();
  }

  /// Sets the mask registers that the program keeps all the time.
  void set_masks() {
    for (int k = 0; k < kept_masks_; ++k) set_mask(Xbyak::Opmask(k + 1), mask_counts_[static_cast<std::size_t>(k)]);
  }
  /// The mask of the first `count` lanes (AVX-512): one that is kept, or k7, which anyone may overwrite. May clobber
  /// the scratch register.
  Xbyak::Opmask mask(int count) {
    for (int k = 0; k < kept_masks_; ++k)
      if (mask_counts_[static_cast<std::size_t>(k)] == count) return Xbyak::Opmask(k + 1);
    set_mask(k7, count);
    return k7;
  }

  vector::program const& source() const { return *p_; }
  bool wide() const { return p_->lanes == 16; }
  /// Whether one instruction adds the products of four bytes, or of two words, in the registers of the program.
  bool has_dot4() const { return features_.adds_byte_products(p_->lanes); }
  /// How an instruction is encoded that both AVX-512 and AVX have.
  Xbyak::PreferredEncoding encoding() const { return wide() ? Xbyak::EvexEncoding : Xbyak::VexEncoding; }
  /// Whether one instruction looks bytes up in the registers of the program.
  bool permutes_bytes() const { return wide() && features_.has(feature::avx512vbmi); }
  pointer_allocation const& pointers() const { return pointers_; }

  /// Register `r`, or machine register `n`, in all its lanes: zmm or ymm.
  Xbyak::Ymm const& full(vector::reg r) const { return full(vectors_.physical(r)); }
  Xbyak::Ymm const& full(int n) const { return registers_[static_cast<std::size_t>(n)]; }
  /// The low half of a register.
  Xbyak::Xmm half(Xbyak::Ymm const& x) const { return wide() ? Xbyak::Ymm(x.getIdx()) : Xbyak::Xmm(x.getIdx()); }
  int physical(vector::reg r) const { return vectors_.physical(r); }
  /// Temporary `k` of instruction `at`.
  Xbyak::Ymm temporary(std::size_t at, int k = 0) const {
    return full(vectors_.temporaries(at)[static_cast<std::size_t>(k)]);
  }

  vector::tile_allocation const& tiles() const { return tiles_; }
  Xbyak::Tmm tile(vector::reg r) const { return Xbyak::Tmm(tiles_.machine[static_cast<std::size_t>(r.id)]); }

  /// Where a tile lies whose rows are `stride` bytes apart.
  Xbyak::Address tile_address(vector::memory const& m, std::int32_t stride) {
    auto const displacement = displace(m, 0);
    auto const base = pointer(m.stream);
    Xbyak::Reg64 const distance(pointers_.of_stride().machine);
    if (cached_stride_ != stride) mov(distance.cvt32(), stride);
    cached_stride_ = stride;
    return ptr[base + distance + displacement];
  }
  /// The address `bytes` past memory operand `m`.
  Xbyak::Address address(vector::memory const& m, std::int32_t bytes = 0) {
    auto const displacement = displace(m, bytes);
    auto const base = pointer(m.stream);
    return ptr[base + displacement];
  }
  /// Memory operand `m`, without a broadcast.
  packed_operand memory(vector::memory const& m) {
    auto const displacement = displace(m, 0);
    return {.number = pointer(m.stream).getIdx(), .is_memory = true, .displacement = displacement};
  }
  /// Writes an instruction on whole registers `d` and `a` of the program's width.
  void packed(packed_opcode op, int d, int a, packed_operand const& b) {
    if (maxSize_ - size_ < longest_instruction) throw Xbyak::Error(Xbyak::ERR_CODE_IS_TOO_BIG);
    auto* const from = top_ + size_;
    auto const* const end = wide() ? encode_evex(from, op, d, a, b) : encode_vex(from, op, d, a, b);
    size_ += static_cast<std::size_t>(end - from);
  }

  /// A word of the pool, and the same broadcast by the instruction (AVX-512).
  Xbyak::Address word(std::uint32_t value) { return pooled(pool_.intern(value)); }
  Xbyak::Address broadcast_word(std::uint32_t value) {
    return ptr_b[Xbyak::util::rip + static_cast<void const*>(pool_base_ + pool_.intern(value))];
  }
  /// A whole register of the same word: embedded broadcast on AVX-512, eight words in the pool on AVX2.
  Xbyak::Address splat(std::uint32_t value) { return wide() ? broadcast_word(value) : pooled(pool_.splat(value, 8)); }
  /// The same without a broadcast by the instruction.
  Xbyak::Address register_of(std::uint32_t value) {
    return pooled(pool_.splat(value, static_cast<std::size_t>(p_->lanes)));
  }
  /// The pool's copy of `values`, from word `first` on.
  Xbyak::Address words(std::span<std::uint32_t const> values, std::size_t first = 0) {
    return pooled(pool_.intern(values) + first * 4);
  }
  Xbyak::Address pooled(std::size_t offset) {
    return ptr[Xbyak::util::rip + static_cast<void const*>(pool_base_ + offset)];
  }

  /// Adds `bytes` to the pointer of a stream.
  void advance(std::int32_t stream, std::int64_t bytes) {
    if (bytes == 0 || !pointers_.used(stream)) return;
    auto const home = pointers_.of_stream(stream);
    if (stream == cached_stream_) cached_stream_ = -1;
    bool const small = bytes == static_cast<std::int32_t>(bytes);
    if (!small) mov(clobber_scratch(), bytes);
    if (home.machine >= 0)
      small ? add(Xbyak::Reg64(home.machine), static_cast<std::int32_t>(bytes)) : add(Xbyak::Reg64(home.machine), rax);
    else
      small ? add(frame(home), static_cast<std::int32_t>(bytes)) : add(frame(home), rax);
  }

  /// How many bytes each stream's pointer is ahead of the stream: restoring is put off, since most of it cancels.
  std::vector<std::int64_t>& ahead() { return ahead_; }
  /// Brings all pointers back to their streams.
  void settle() {
    for (std::size_t s = 0; s < ahead_.size(); ++s) settle(static_cast<std::int32_t>(s));
  }

  Xbyak::Address frame(pointer_allocation::home const& h) { return qword[rsp + h.frame_slot * 8]; }
  /// rax, whatever stream it cached forgotten.
  Xbyak::Reg64 const& clobber_scratch() {
    cached_stream_ = -1;
    return rax;
  }
  /// What follows is reached in more than one way: nothing is known of registers.
  void start_block() { cached_stream_ = cached_stride_ = -1; }

 private:
  /// Keeps the first counts of partial loads and stores, and that of halves, in k1 to k6.
  void assign_masks() {
    kept_masks_ = 0;
    if (!wide()) return;
    for (auto const& i : p_->code) {
      auto const count = i.op == vector::opcode::halves ? 8 : i.m ? i.count : 0;
      if (count == 0) continue;
      auto const end = mask_counts_.begin() + kept_masks_;
      if (kept_masks_ < static_cast<int>(mask_counts_.size()) && std::find(mask_counts_.begin(), end, count) == end)
        mask_counts_[static_cast<std::size_t>(kept_masks_++)] = count;
    }
  }
  void set_mask(Xbyak::Opmask const& k, int count) {
    mov(clobber_scratch().cvt32(), (1u << count) - 1);
    kmovw(k, eax);
  }

  void settle(std::int32_t stream) {
    auto& ahead = ahead_[static_cast<std::size_t>(stream)];
    advance(stream, -ahead);
    ahead = 0;
  }

  std::int32_t displace(vector::memory const& m, std::int32_t bytes) {
    auto const distance = std::int64_t{m.offset} + bytes - ahead_[static_cast<std::size_t>(m.stream)];
    if (distance == static_cast<std::int32_t>(distance)) return static_cast<std::int32_t>(distance);
    settle(m.stream);
    return m.offset + bytes;
  }

  Xbyak::Reg64 pointer(std::int32_t stream) {
    auto const home = pointers_.of_stream(stream);
    if (home.machine >= 0) return Xbyak::Reg64(home.machine);
    if (cached_stream_ != stream) mov(rax, frame(home));
    cached_stream_ = stream;
    return rax;
  }

  constant_pool& pool_;
  std::uint8_t const* pool_base_;
  target features_;
  vector::program const* p_ = nullptr;
  std::vector<Xbyak::Ymm> registers_{};  ///< the machine's, of the program's width
  register_allocation vectors_;
  pointer_allocation pointers_;
  std::vector<std::int64_t> ahead_;
  vector::tile_allocation tiles_;
  std::int32_t cached_stream_ = -1, cached_stride_ = -1;
  std::array<std::int32_t, 6> mask_counts_{};
  int kept_masks_ = 0;
};

}  // namespace sinter::x86
