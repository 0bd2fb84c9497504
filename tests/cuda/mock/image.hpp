#pragma once

#include "cuda/emulator/compiler.hpp"
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace cuda_mock {

/// The bytes that stand for a cubin: this header, then a shared object.
struct image {
  static constexpr std::string_view magic = "EMULATED";

  std::uint64_t bytes = 0;  ///< of the shared object
  std::int64_t arch = 0;    ///< 90 for sm_90

  static std::string pack(int arch, std::string const& object) {
    image const header{object.size(), arch};
    std::string result(magic);
    result.append(reinterpret_cast<char const*>(&header), sizeof header);
    return result + object;
  }
  /// Whether `data`, whose size is not known, is an image.
  static bool is_at(void const* data) {
    return std::strncmp(static_cast<char const*>(data), magic.data(), magic.size()) == 0;
  }
  static image header_at(void const* data) {
    image header;
    std::memcpy(&header, static_cast<char const*>(data) + magic.size(), sizeof header);
    return header;
  }
  std::string object_at(void const* data) const {
    return {static_cast<char const*>(data) + magic.size() + sizeof(image), bytes};
  }
  /// Devices run code of their major number up to their minor one.
  bool runs_on(int capability) const { return arch / 10 == capability / 10 && arch <= capability; }
};

}  // namespace cuda_mock
