#include <sinter/dlpack.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

using namespace sinter;

namespace {

// What compilers make of the official header on 64-bit machines.
static_assert(sizeof(dlpack::DLTensor) == 48 && offsetof(dlpack::DLTensor, device) == 8 &&
              offsetof(dlpack::DLTensor, ndim) == 16 && offsetof(dlpack::DLTensor, dtype) == 20 &&
              offsetof(dlpack::DLTensor, shape) == 24 && offsetof(dlpack::DLTensor, strides) == 32 &&
              offsetof(dlpack::DLTensor, byte_offset) == 40);
static_assert(sizeof(dlpack::DLManagedTensor) == 64 && offsetof(dlpack::DLManagedTensor, manager_ctx) == 48 &&
              offsetof(dlpack::DLManagedTensor, deleter) == 56);
static_assert(sizeof(dlpack::DLManagedTensorVersioned) == 80 &&
              offsetof(dlpack::DLManagedTensorVersioned, manager_ctx) == 8 &&
              offsetof(dlpack::DLManagedTensorVersioned, deleter) == 16 &&
              offsetof(dlpack::DLManagedTensorVersioned, flags) == 24 &&
              offsetof(dlpack::DLManagedTensorVersioned, dl_tensor) == 32);

/// Structures like those of the official header, whose types of devices are an enumeration.
namespace official {
enum DLDeviceType : std::int32_t { kDLCPU = 1, kDLCUDA = 2 };
struct DLDevice {
  DLDeviceType device_type;
  std::int32_t device_id;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  dlpack::DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct DLManagedTensorVersioned {
  dlpack::DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned* self);
  std::uint64_t flags;
  DLTensor dl_tensor;
};
static_assert(dlpack::versioned_struct<DLManagedTensorVersioned>);
}  // namespace official

static_assert(dlpack::versioned_struct<dlpack::DLManagedTensorVersioned>);
static_assert(dlpack::managed_struct<dlpack::DLManagedTensor> && !dlpack::versioned_struct<dlpack::DLManagedTensor>);

/// A tensor of six floats that counts how often it was let go of.
struct given_tensor {
  std::vector<float> data{1, 2, 3, 4, 5, 6};
  std::vector<std::int64_t> shape{2, 3}, strides{3, 1};
  int ends = 0;
  dlpack::DLManagedTensorVersioned managed{
      {1, 1},
      this,
      [](dlpack::DLManagedTensorVersioned* self) { ++static_cast<given_tensor*>(self->manager_ctx)->ends; },
      0,
      {data.data(), dlpack::on_cpu, 2, {2, 32, 1}, shape.data(), strides.data(), 0}};

  dlpack::DLTensor& tensor() { return managed.dl_tensor; }
};

std::string refusal_of(dlpack::DLTensor const& t) {
  return test::message_of([&] { static_cast<void>(dlpack::view(t)); });
}

}  // namespace

TEST_CASE("a DLPack tensor is seen where it is") {
  given_tensor t;
  auto const v = dlpack::view(t.tensor());
  CHECK(v.type == dtype::float32);
  CHECK(v.shape == shape{2, 3});
  CHECK(v.data == t.data.data());
  t.tensor().strides = nullptr;
  t.tensor().byte_offset = 8;
  t.shape = {1, 4};
  t.tensor().shape = t.shape.data();
  CHECK(dlpack::view(t.tensor()).as<float>()[0] == 3);
  t.tensor().ndim = 0;
  t.tensor().shape = nullptr;
  CHECK(dlpack::view(t.tensor()).shape == shape{});
}

TEST_CASE("strides of DLPack tensors are those of row-major order, where they matter") {
  given_tensor t;
  t.strides = {1, 2};
  CHECK_THAT(refusal_of(t.tensor()), says("DLPack tensor: strides of 1, 2 for shape 2x3") && says("contiguous"));
  t.strides = {4, 1};
  CHECK_THAT(refusal_of(t.tensor()), says("strides of 4, 1"));
  t.shape = {1, 6}, t.strides = {77, 1};
  CHECK(dlpack::view(t.tensor()).shape == shape{1, 6});
  t.shape = {0, 6}, t.strides = {1, 0};
  auto const empty = dlpack::view(t.tensor());
  CHECK(empty.shape == shape{0, 6});
  CHECK(empty.data == nullptr);
}

TEST_CASE("DLPack tensors that this library does not have are refused") {
  given_tensor t;
  auto const changed = [&](auto&& change) {
    auto copy = t.tensor();
    change(copy);
    return refusal_of(copy);
  };
  CHECK_THAT(changed([](auto& c) { c.dtype.lanes = 4; }), says("type code 2, 32 bits, 4 lanes"));
  CHECK_THAT(changed([](auto& c) { c.dtype = {17, 4, 1}; }), says("type code 17, 4 bits"));
  CHECK_THAT(changed([](auto& c) { c.ndim = -1; }), says("-1 dimensions; expected 0 to 12"));
  CHECK_THAT(changed([](auto& c) { c.ndim = 13; }), says("13 dimensions; expected 0 to 12"));
  CHECK_THAT(changed([](auto& c) { c.shape = nullptr; }), says("2 dimensions without extents"));
  CHECK_THAT(changed([](auto& c) { c.data = nullptr; }), says("it has no data"));
  CHECK_THAT(changed([](auto& c) { c.device = {10, 0}; }), says("a device of type 10; expected 1 (CPU)"));
  CHECK_THAT(changed([](auto& c) { c.device = dlpack::on_cuda(2); }),
             says("lies on cuda:2") && says("name the device"));
  CHECK(changed([](auto& c) { c.device = {3, 0}; }) == "");  // pinned
  t.shape[1] = -3;
  CHECK_THAT(refusal_of(t.tensor()), says("axis 1 has -3 elements"));
  t.shape = {std::int64_t{1} << 40, std::int64_t{1} << 40};
  CHECK_THROWS_AS(dlpack::view(t.tensor()), error);
}

TEST_CASE("a DLPack tensor that was given away is let go of once, also where it is refused") {
  given_tensor t;
  {
    dlpack::imported const first(&t.managed);
    CHECK(first.view().as<float>()[5] == 6);
    CHECK(first.mutable_view().data == t.data.data());
    CHECK(t.ends == 0);
  }
  CHECK(t.ends == 1);
  t.managed.flags = 1;
  {
    dlpack::imported held(&t.managed);
    CHECK_THROWS_AS(held.mutable_view(), error);
    auto const moved = std::move(held);
    CHECK(moved.view().data == t.data.data());
  }
  CHECK(t.ends == 2);
  t.strides = {1, 2};
  CHECK_THROWS_AS(dlpack::imported(&t.managed), error);
  CHECK(t.ends == 3);
  t.managed.version.major = 2;
  t.tensor().ndim = 1000000;  // means something else there
  try {
    dlpack::imported const refused(&t.managed);
    FAIL("no error");
  } catch (error const& e) {
    CHECK_THAT(e.what(), says("it is of version 2.1, expected 1"));
  }
  CHECK(t.ends == 4);
  CHECK_THROWS_AS(dlpack::imported<dlpack::DLManagedTensor>(nullptr), error);
  t.managed.deleter = nullptr;
  t.managed.version.major = 1;
  CHECK_THROWS_AS(dlpack::imported(&t.managed), error);
}

TEMPLATE_TEST_CASE("a tensor that is shared is kept until the receiver ends it", "", dlpack::DLManagedTensor,
                   dlpack::DLManagedTensorVersioned, official::DLManagedTensorVersioned) {
  auto const owner = std::make_shared<std::vector<float>>(6, 7.0f);
  mutable_tensor_view const v{dtype::float32, {2, 3}, owner->data()};
  auto* const given = dlpack::share<TestType>(v, owner);
  auto const& t = given->dl_tensor;
  CHECK(t.data == owner->data());
  CHECK(t.device.device_type == 1);
  CHECK((t.dtype.code == 2 && t.dtype.bits == 32 && t.dtype.lanes == 1));
  REQUIRE(t.ndim == 2);
  CHECK((t.shape[0] == 2 && t.shape[1] == 3 && t.strides[0] == 3 && t.strides[1] == 1));
  CHECK(owner.use_count() == 2);
  {
    dlpack::imported const back(given);
    tensor_view const seen = back.mutable_view();
    CHECK(seen.as<float>()[5] == 7);
    CHECK(seen.shape == shape{2, 3});
  }
  CHECK(owner.use_count() == 1);
}

TEST_CASE("a shared tensor that is not to be written to says so") {
  float const one = 1;
  dlpack::imported const back(dlpack::share(tensor_view{dtype::float32, {}, &one}, nullptr));
  CHECK(back.view().data == &one);
  CHECK_THROWS_AS(back.mutable_view(), error);
}

TEST_CASE("each type of DLPack comes back as it was, others are refused") {
  alignas(16) std::byte bytes[16]{};
  for (int i = 1; i < dtype_count; ++i) {
    auto const type = static_cast<dtype>(i);
    INFO(name(type));
    mutable_tensor_view const v{type, {}, bytes};
    bool const is_unpacked = type >= dtype::uint4 && type != dtype::float8e8m0;
    if (type == dtype::string || is_unpacked) {
      CHECK_THROWS_AS(dlpack::share(v, nullptr), error);
    } else {
      dlpack::imported const back(dlpack::share(v, nullptr));
      CHECK(back.view().type == type);
      CHECK(back.view().bytes() == size_of(type));
    }
  }
}
