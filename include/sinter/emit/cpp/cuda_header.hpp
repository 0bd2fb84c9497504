#pragma once

#include <sinter/emit/cpp/typed_header.hpp>

#include <fmt/format.h>

#include <string>
#include <vector>

namespace sinter::cpp {

/// "sm_90" of the target cuda:sm_90: the last of its features, which brings those before.
inline std::string_view architecture(target const& machine) {
  std::string_view last;
  for (auto const& f : target_features)
    if (machine.has(f.id)) last = f.name;
  return last;
}

/// Prints NAME.hpp of a library for CUDA devices.
class cuda_header_printer final : public header_printer {
 public:
  using header_printer::header_printer;

 private:
  void includes() override { put("#include <memory>\n"); }
  void declarations() override { put("namespace sinter {{\nclass cuda_library_object;\n}}\n\n"); }
  char const* object_contract() const override {
    return "An object is its memory on a CUDA\n/// device: one object for each thread.";
  }
  char const* input_contract() const override {
    return "What a run reads; each member must be set. Bytes in the memory of the object's device are used there.";
  }
  char const* run_contract() const override {
    return "Runs the model on the device and waits for it. Allocates nothing from the second run on. Errors:\n"
           "  /// std::runtime_error with what the driver says.";
  }
  bool may_throw() const override { return true; }

  void sizes() override {
    put("  /// Bytes of an object in the memory of the device, all that a run needs: activations and inputs.\n");
    put("  static constexpr std::size_t arena_bytes = {};\n", lib_.memory.device.bytes);
    put("  /// Bytes of an object in the host's memory: outputs, and what operators without a kernel for the device\n"
        "  /// compute.\n");
    put("  static constexpr std::size_t host_bytes = {};\n", lib_.memory.working_bytes);
  }

  void targets() override {
    std::vector<std::string_view> numbers;
    for (auto const& v : lib_.variants) numbers.push_back(architecture(v.set).substr(3));
    put("  /// The architectures that there is code for, 90 for sm_90. Devices run that of their major number, up to "
        "their\n  /// minor one: 9.0 runs sm_90, 8.6 runs sm_80.\n");
    put("  static constexpr std::array<int, {}> architectures{{{}}};\n", numbers.size(), fmt::join(numbers, ", "));
    put("  /// Whether this process sees the CUDA device of this number and there is code for it.\n");
    put("  static bool supports(int device = 0) noexcept;\n\n");
  }

  void constructors() override {
    put("  /// Loads the driver, code and weights where no object of this device has done so. Errors:\n"
        "  /// std::runtime_error if there is no driver, no such device, no code for it, or not enough memory.\n");
    put("  explicit {}({}int device = 0);\n", lib_.name, lib_.embed ? "" : "weights const& constants, ");
    put("  {0}({0} const&) = delete;\n\n", lib_.name);
  }

  void private_part() override {
    put(" private:\n  char const* run_(std::byte const* const* from, std::byte const** to, std::ptrdiff_t n);\n");
    put("  std::shared_ptr<::sinter::cuda_library_object> object_;\n");
  }
};

}  // namespace sinter::cpp
