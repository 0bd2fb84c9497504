#pragma once

#include <sinter/core/error.hpp>
#include <sinter/core/tensor_view.hpp>
#include <sinter/runtime/accelerator.hpp>
#include <sinter/sinter.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

/// DLPack, by which libraries hand tensors to each other without a copy: the structures of its version 1
/// (github.com/dmlc/dlpack), for programs that do not have its header, and conversions, which take those of its header
/// as well.
///
///     sinter::dlpack::imported image(from_elsewhere, gpu);  // gpu: where the model runs; none for a CPU
///     context.set_input("image", image.view());
///     auto out = std::make_shared<sinter::outputs>(net.run(…));
///     DLManagedTensorVersioned* scores = sinter::dlpack::share<DLManagedTensorVersioned>((*out)["scores"], out);
namespace sinter::dlpack {

struct DLPackVersion {
  std::uint32_t major;
  std::uint32_t minor;
};

struct DLDevice {
  std::int32_t device_type;
  std::int32_t device_id;
};

struct DLDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  ///< in elements; null: row-major
  std::uint64_t byte_offset;
};

struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor* self);
};

struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned* self);
  std::uint64_t flags;
  DLTensor dl_tensor;
};

/// DLTensor, here or in the official header.
template <typename T>
concept tensor_struct = requires(T t) {
  { t.data } -> std::convertible_to<void*>;
  t.device.device_type;
  t.device.device_id;
  { t.ndim } -> std::convertible_to<std::int32_t>;
  t.dtype.lanes;
  { t.shape } -> std::convertible_to<std::int64_t*>;
  { t.strides } -> std::convertible_to<std::int64_t*>;
  t.byte_offset;
};

/// DLManagedTensor or DLManagedTensorVersioned, here or in the official header.
template <typename M>
concept managed_struct = requires(M m) {
  requires tensor_struct<decltype(m.dl_tensor)>;
  { m.manager_ctx } -> std::convertible_to<void*>;
  m.deleter(&m);
};

/// DLManagedTensorVersioned, here or in the official header.
template <typename M>
concept versioned_struct = managed_struct<M> && requires(M m) {
  m.version.major;
  { m.flags } -> std::convertible_to<std::uint64_t>;
};

inline constexpr DLDevice on_cpu{1, 0};
/// Memory of CUDA device `index`.
constexpr DLDevice on_cuda(int index) { return {2, index}; }

namespace detail {

inline constexpr std::int32_t cpu = 1, cuda = 2, cuda_host = 3, cuda_managed = 13;  ///< types of devices
inline constexpr std::uint64_t read_only = 1;                                       ///< a flag
inline constexpr DLPackVersion version{1, 0};

struct type_row {
  dtype type;
  std::uint8_t code, bits;
};

/// Types whose elements lie in memory alike on both sides.
inline constexpr auto types = std::to_array<type_row>({
    {dtype::int8, 0, 8},
    {dtype::int16, 0, 16},
    {dtype::int32, 0, 32},
    {dtype::int64, 0, 64},
    {dtype::uint8, 1, 8},
    {dtype::uint16, 1, 16},
    {dtype::uint32, 1, 32},
    {dtype::uint64, 1, 64},
    {dtype::float16, 2, 16},
    {dtype::float32, 2, 32},
    {dtype::float64, 2, 64},
    {dtype::bfloat16, 4, 16},
    {dtype::complex64, 5, 64},
    {dtype::complex128, 5, 128},
    {dtype::boolean, 6, 8},
    {dtype::float8e4m3fn, 10, 8},
    {dtype::float8e4m3fnuz, 11, 8},
    {dtype::float8e5m2, 12, 8},
    {dtype::float8e5m2fnuz, 13, 8},
    {dtype::float8e8m0, 14, 8},
});

template <typename... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) {
  fail(error_code::invalid_argument, "DLPack tensor: {}", fmt::format(text, std::forward<Args>(args)...));
}

template <tensor_struct T>
dtype type_of(T const& t) {
  for (auto const& row : types)
    if (row.code == t.dtype.code && row.bits == t.dtype.bits && t.dtype.lanes == 1) return row.type;
  refuse("elements of type code {}, {} bits, {} lanes are not known; convert them first", t.dtype.code, t.dtype.bits,
         t.dtype.lanes);
}

template <tensor_struct T>
shape shape_of(T const& t) {
  if (t.ndim < 0 || t.ndim > static_cast<int>(max_rank) || (t.ndim > 0 && !t.shape))
    refuse("{} dimensions{}; expected 0 to {}", t.ndim, t.shape ? "" : " without extents", max_rank);
  shape s;
  for (auto const extent : std::span<std::int64_t const>(t.shape, static_cast<std::size_t>(t.ndim))) {
    if (extent < 0) refuse("axis {} has {} elements", s.rank(), extent);
    s.push_back(extent);
  }
  return s;
}

/// Extents of 1 may have any stride, tensors without elements as well.
template <tensor_struct T>
void expect_row_major(T const& t, shape const& s) {
  if (!t.strides || s.elements() == 0) return;
  std::span<std::int64_t const> const strides(t.strides, s.rank());
  std::int64_t expected = 1;
  for (auto axis = s.rank(); axis-- > 0; expected *= s[axis])
    if (s[axis] != 1 && strides[axis] != expected)
      refuse("strides of {} for shape {} are not those of row-major order; make it contiguous first",
             fmt::join(strides, ", "), s);
}

/// The address that a model on `on` (none: the CPU) reads.
template <tensor_struct T>
void* address_of(T const& t, std::size_t bytes, device const& on) {
  if (bytes == 0) return nullptr;
  if (!t.data) refuse("it has no data");
  auto* const data = static_cast<std::byte*>(t.data) + t.byte_offset;
  auto const kind = static_cast<std::int32_t>(t.device.device_type);
  if (kind == cpu || kind == cuda_host || kind == cuda_managed) return data;
  if (kind != cuda)
    refuse("it lies on a device of type {}; expected {} (CPU), {} (CUDA), {} (pinned) or {} (managed)", kind, cpu, cuda,
           cuda_host, cuda_managed);
  if (!on)
    refuse("it lies on cuda:{}, which models on the CPU do not read; copy it to the host, or name the device {}",
           t.device.device_id, "that the model runs on");
  if (!on->owns(data))
    refuse("it says that it lies on cuda:{}, but {} does not have it", t.device.device_id, on->name());
  return data;
}

/// A tensor that was given away: what its deleter ends.
template <managed_struct M>
struct package {
  M managed{};
  std::array<std::int64_t, max_rank> extents{}, strides{};
  std::shared_ptr<void const> owner{};

  static void end(M* self) { delete static_cast<package*>(self->manager_ctx); }
};

template <managed_struct M>
M* pack(tensor_view const& v, void* data, std::shared_ptr<void const> const& owner, DLDevice where,
        std::uint64_t flags) {
  auto const row = std::ranges::find(types, v.type, &type_row::type);
  if (row == types.end()) refuse("elements of {} have no type there; convert them first", name(v.type));
  auto made = std::make_unique<package<M>>();
  made->owner = owner;
  std::ranges::copy(v.shape, made->extents.begin());
  std::int64_t stride = 1;
  for (auto axis = v.shape.rank(); axis-- > 0; stride *= v.shape[axis]) made->strides[axis] = stride;
  auto& m = made->managed;
  m.manager_ctx = made.get();
  m.deleter = package<M>::end;
  auto& t = m.dl_tensor;
  t.data = v.elements() == 0 ? nullptr : data;
  t.device.device_type = static_cast<decltype(t.device.device_type)>(where.device_type);
  t.device.device_id = where.device_id;
  t.ndim = static_cast<std::int32_t>(v.shape.rank());
  t.dtype.code = row->code;
  t.dtype.bits = row->bits;
  t.dtype.lanes = 1;
  t.shape = made->extents.data();
  t.strides = made->strides.data();
  if constexpr (versioned_struct<M>) {
    m.version.major = version.major;
    m.version.minor = version.minor;
    m.flags = flags;
  }
  return &made.release()->managed;
}

}  // namespace detail

/// What a DLPack tensor shows, for a model on the device `on` (none: the CPU). The memory must outlive the view.
/// Errors: invalid_argument for types that this library does not have, for strides that are not row-major, for memory
/// that models there do not read.
template <tensor_struct T>
mutable_tensor_view view(T const& t, device const& on = {}) {
  auto const type = detail::type_of(t);
  auto const s = detail::shape_of(t);
  auto const bytes = dense_bytes(type, s);
  detail::expect_row_major(t, s);
  return {type, s, detail::address_of(t, bytes, on)};
}

/// A tensor that another library has given away: its memory is let go of at the end. Moves only.
template <managed_struct M>
class imported {
 public:
  /// Takes `given` over, also where this throws. `on`: where the model runs that it is for; none: the CPU. Errors:
  /// those of `dlpack::view`; invalid_argument for another major version.
  explicit imported(M* given, device const& on = {}) : given_(given) {
    if (!given_) detail::refuse("none was given");
    if constexpr (versioned_struct<M>) {
      auto const [major, minor] = given_->version;
      if (major != detail::version.major)
        detail::refuse("it is of version {}.{}, expected {}", major, minor, detail::version.major);
      is_read_only_ = (given_->flags & detail::read_only) != 0;
    }
    view_ = dlpack::view(given_->dl_tensor, on);
  }

  tensor_view view() const { return view_; }
  /// For outputs. Errors: invalid_argument where the tensor is for reading only.
  mutable_tensor_view mutable_view() const {
    if (is_read_only_) detail::refuse("it is for reading only, memory for an output was expected");
    return view_;
  }

 private:
  struct let_go {
    void operator()(M* given) const {
      if (given->deleter) given->deleter(given);
    }
  };
  std::unique_ptr<M, let_go> given_;
  bool is_read_only_ = false;
  mutable_tensor_view view_{};
};

/// Gives a tensor away, whose memory `owner` keeps until the receiver calls the deleter. Errors: invalid_argument for
/// types that DLPack does not have, or that lie in memory otherwise there.
template <managed_struct M = DLManagedTensorVersioned>
M* share(mutable_tensor_view const& v, std::shared_ptr<void const> const& owner, DLDevice where = on_cpu) {
  return detail::pack<M>(v, v.data, owner, where, 0);
}
/// The same for a tensor that the receiver must not write to, which only the versioned structure says.
template <versioned_struct M = DLManagedTensorVersioned>
M* share(tensor_view const& v, std::shared_ptr<void const> const& owner, DLDevice where = on_cpu) {
  return detail::pack<M>(v, const_cast<void*>(v.data), owner, where, detail::read_only);
}

}  // namespace sinter::dlpack
