#pragma once

#include <sinter/core/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sinter::onnx {

/// Bytes that a model is made of, and what keeps them where they are: a mapped file, or nothing, in which case
/// constants must not point into them.
struct byte_source {
  std::span<std::byte const> bytes{};
  std::shared_ptr<void const> owner{};
};

/// A file descriptor that is closed at the end of its scope.
class descriptor {
 public:
  explicit descriptor(int fd = -1) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// Maps an open regular file for reading. `name` is for errors; more than `most_bytes` is `limit_exceeded`.
inline byte_source map_descriptor(descriptor const& file, std::string const& name, std::size_t most_bytes) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(error_code::io, "cannot read '{}': {}", name, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(error_code::io, "cannot read '{}': it is not a regular file", name);
  auto const size = static_cast<std::size_t>(status.st_size);
  if (size > most_bytes)
    fail(error_code::limit_exceeded, "'{}' has {} bytes, {} are allowed; raise sinter::limits if the model is trusted",
         name, size, most_bytes);
  if (size == 0) return {};
  auto* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (memory == MAP_FAILED) fail(error_code::io, "cannot map '{}': {}", name, std::strerror(errno));
  std::shared_ptr<void const> owner(memory, [size](void const* p) { ::munmap(const_cast<void*>(p), size); });
  return {{static_cast<std::byte const*>(memory), size}, std::move(owner)};
}

inline byte_source map_file(std::filesystem::path const& path, std::size_t most_bytes) {
  descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) fail(error_code::io, "cannot open '{}': {}", path.string(), std::strerror(errno));
  return map_descriptor(file, path.string(), most_bytes);
}

}  // namespace sinter::onnx
