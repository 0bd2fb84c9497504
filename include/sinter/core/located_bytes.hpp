#pragma once

#include <sinter/core/huge_pages.hpp>
#include <sinter/core/input_file.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace sinter {

/// A number that this process gives once, not 0.
inline std::uint64_t next_tensor_number() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// The elements of one tensor in a file, or of what is made of one. They are read piece by piece, or as a whole into a
/// copy in memory, which is made when it is first asked for. Immutable; shared by threads.
class located_bytes {
 public:
  /// `number`: see below.
  located_bytes(std::shared_ptr<readable_bytes const> file, std::size_t offset, std::size_t size,
                std::uint64_t number = next_tensor_number())
      : file_(std::move(file)), offset_(offset), size_(size), number_(number) {}
  located_bytes(located_bytes const&) = delete;
  located_bytes& operator=(located_bytes const&) = delete;
  ~located_bytes() { release{alignment()}(copy_); }

  /// Not 0, and of no other bytes in this process, ever.
  std::uint64_t number() const { return number_; }

  /// The copy in memory, if there is one.
  std::byte const* resident() const { return copy_.load(std::memory_order_acquire); }

  /// The copy in memory, 64-byte aligned. Errors: io.
  std::byte const* make_resident() const {
    if (auto const* const known = resident()) return known;
    auto copy = allocate();
    file_->read(offset_, {copy.get(), size_});
    std::byte const* expected = nullptr;
    if (!copy_.compare_exchange_strong(expected, copy.get(), std::memory_order_acq_rel)) return expected;
    return copy.release();
  }

  /// Fills `to` with the bytes from `first` on, which are all inside. Errors:
  /// io.
  void read(std::size_t first, std::span<std::byte> to) const {
    if (auto const* const known = resident())
      std::memcpy(to.data(), known + first, to.size());
    else
      file_->read(offset_ + first, to);
  }

 private:
  struct release {
    std::align_val_t alignment;
    void operator()(std::byte const* p) const { ::operator delete(const_cast<std::byte*>(p), alignment); }
  };

  bool is_large() const { return size_ >= huge_page / 2; }
  std::align_val_t alignment() const { return std::align_val_t{is_large() ? huge_page : 64}; }

  /// Memory for the copy.
  std::unique_ptr<std::byte, release> allocate() const {
    auto const bytes = is_large() ? (size_ + huge_page - 1) / huge_page * huge_page : std::max<std::size_t>(size_, 1);
    auto* const memory = static_cast<std::byte*>(::operator new(bytes, alignment()));
    if (is_large()) prefer_huge_pages(memory, bytes);
    return {memory, {alignment()}};
  }

  std::shared_ptr<readable_bytes const> file_;
  std::size_t offset_, size_;
  std::uint64_t number_;
  mutable std::atomic<std::byte const*> copy_{nullptr};
};

}  // namespace sinter
