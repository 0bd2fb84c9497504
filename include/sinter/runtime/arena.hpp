#pragma once

#include <sinter/core/error.hpp>
#include <sinter/core/huge_pages.hpp>

#include <cstddef>
#include <cstdint>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace sinter {

/// How a block of memory lies: `plain`, or for tests `guarded`: its last byte touches an inaccessible page, and so does
/// the start of its first page.
enum class memory_guard : bool { plain, guarded };

/// Zeroed anonymous memory, at least 64-byte aligned; blocks of 1 MiB and more lie in huge pages where the system has
/// them. A guarded block is aligned to the largest power of two, at most 64, that divides its size. Owns; moves only.
class memory_block {
 public:
  memory_block() = default;
  /// `error_code::system` when the system refuses.
  explicit memory_block(std::size_t bytes, memory_guard guard = memory_guard::plain) : bytes_(bytes) {
    if (bytes == 0) return;
    auto const page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    if (bytes > SIZE_MAX / 2) fail(error_code::system, "{} bytes of memory are more than any system has", bytes);
    auto const border = guard == memory_guard::guarded ? page : 0;
    bool const is_large = !border && bytes >= huge_page / 2;
    auto const inner = round_up(bytes, is_large ? huge_page : page);
    mapped_ = inner + 2 * border + (is_large ? huge_page : 0);
    auto* const memory = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail(error_code::system, "the system has no {} bytes of memory", bytes);
    base_ = static_cast<std::byte*>(memory);
    data_ = base_;
    if (border) {
      mprotect(base_, page, PROT_NONE);
      mprotect(base_ + page + inner, page, PROT_NONE);
      data_ = base_ + page + inner - bytes;
    } else if (is_large) {
      data_ += round_up(reinterpret_cast<std::uintptr_t>(base_), huge_page) - reinterpret_cast<std::uintptr_t>(base_);
      prefer_huge_pages(data_, inner);
    }
  }
  memory_block(memory_block&& other) noexcept { swap(other); }
  memory_block& operator=(memory_block&& other) noexcept {
    memory_block(std::move(other)).swap(*this);
    return *this;
  }
  ~memory_block() {
    if (base_) munmap(base_, mapped_);
  }

  std::byte* data() const { return data_; }
  std::size_t size() const { return bytes_; }

 private:
  static constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

  void swap(memory_block& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(data_, other.data_);
    std::swap(mapped_, other.mapped_);
    std::swap(bytes_, other.bytes_);
  }

  std::byte* base_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t mapped_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace sinter
