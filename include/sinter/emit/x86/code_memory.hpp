#pragma once

#include <sinter/core/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace sinter::x86 {

/// Pages that hold code. They are written first and executed afterwards; no mapping of them is ever both.
class code_memory {
 public:
  code_memory() = default;

  /// Writable pages for at most `capacity` bytes; only pages that are written take memory.
  explicit code_memory(std::size_t capacity) : mapped_(whole_pages(capacity)) {
    void* const at = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) fail_errno("map", mapped_);
    data_ = static_cast<std::byte*>(at);
  }
  code_memory(code_memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        mapped_(std::exchange(other.mapped_, 0)) {}
  code_memory& operator=(code_memory other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  ~code_memory() {
    if (data_) munmap(data_, mapped_);
  }

  std::byte* data() { return data_; }
  std::span<std::byte const> bytes() const { return {data_, size_}; }

  /// Ends writing: the first `size` bytes become executable and read-only, the rest is given back. The code must not
  /// depend on its address, which changes where the system refuses to turn written pages executable.
  void seal(std::size_t size) {
    SINTER_ASSERT(size <= mapped_);
    std::size_t const kept = whole_pages(size);
    if (kept < mapped_) munmap(data_ + kept, mapped_ - kept), mapped_ = kept;
    size_ = size;
    if (kept == 0) {
      data_ = nullptr;
      return;
    }
    if (mprotect(data_, mapped_, PROT_READ | PROT_EXEC) != 0) move_to_shared_memory();
  }

 private:
  static std::size_t whole_pages(std::size_t bytes) {
    auto const page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
  }

  [[noreturn]] static void fail_errno(char const* what, std::size_t bytes) {
    fail(error_code::system, "cannot {} {} bytes for machine code: {}", what, bytes, std::strerror(errno));
  }

  /// Hardened systems refuse PROT_EXEC on pages that were writable: a file in memory is written through one mapping
  /// and executed through another.
  void move_to_shared_memory() {
    int const file = memfd_create("sinter", MFD_CLOEXEC);
    if (file < 0) fail_errno("make executable", mapped_);
    std::size_t written = 0;
    while (written < size_) {
      auto const n = write(file, data_ + written, size_ - written);
      if (n <= 0) break;
      written += static_cast<std::size_t>(n);
    }
    void* const at = written == size_ ? mmap(nullptr, mapped_, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0) : MAP_FAILED;
    int const reason = errno;
    close(file);
    errno = reason;
    if (at == MAP_FAILED) fail_errno("make executable", mapped_);
    munmap(data_, mapped_);
    data_ = static_cast<std::byte*>(at);
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;    ///< of the code
  std::size_t mapped_ = 0;  ///< whole pages
};

}  // namespace sinter::x86
