#include <sinter/core/float16.hpp>

#include "catch.hpp"
#include "messages.hpp"
#include "temporary_folder.hpp"

using namespace sinter;
using namespace messages;

namespace {

template <typename T>
std::vector<T> elements(any_tensor const& t) {
  auto const* const p = static_cast<T const*>(t.data());
  return std::vector<T>(p, p + t.elements());
}

int number(dtype type) { return static_cast<int>(type); }

}  // namespace

TEST_CASE("raw data of every numeric type keeps its bits") {
  for (int i = 1; i < dtype_count; ++i) {
    auto const type = static_cast<dtype>(i);
    auto const packed = std::string_view("uint4 int4 float4e2m1 uint2 int2").find(name(type)) != std::string_view::npos;
    if (type == dtype::string || type == dtype::boolean || packed) continue;
    std::string bytes;
    for (std::size_t k = 0; k < 3 * size_of(type); ++k) bytes += static_cast<char>(k * 37 + 5);
    auto const t = import_initializer(raw_tensor("t", i, {3, 1}, bytes));
    INFO(name(type));
    CHECK(t.type() == type);
    CHECK(t.shape() == shape{3, 1});
    CHECK(std::string(static_cast<char const*>(t.data()), t.bytes()) == bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(t.data()) % std::min<std::size_t>(size_of(type), 8) == 0);
  }
}

TEST_CASE("typed data fields fill the types that they stand for") {
  auto t = tensor("t", number(dtype::float32), {2});
  t.add_float_data(1.5f);
  t.add_float_data(-2);
  CHECK(elements<float>(import_initializer(t)) == std::vector<float>{1.5f, -2});

  t = tensor("t", number(dtype::complex64), {1});
  t.add_float_data(1);
  t.add_float_data(2);
  CHECK(static_cast<float const*>(import_initializer(t).data())[1] == 2);

  t = tensor("t", number(dtype::float64), {1});
  t.add_double_data(1e300);
  CHECK(elements<double>(import_initializer(t)) == std::vector<double>{1e300});

  t = tensor("t", number(dtype::int64), {2});
  t.add_int64_data(INT64_MIN);
  t.add_int64_data(7);
  CHECK(elements<std::int64_t>(import_initializer(t)) == std::vector<std::int64_t>{INT64_MIN, 7});

  t = tensor("t", number(dtype::uint64), {1});
  t.add_uint64_data(UINT64_MAX);
  CHECK(elements<std::uint64_t>(import_initializer(t)) == std::vector<std::uint64_t>{UINT64_MAX});

  t = tensor("t", number(dtype::uint32), {1});
  t.add_uint64_data(UINT32_MAX);
  CHECK(elements<std::uint32_t>(import_initializer(t)) == std::vector<std::uint32_t>{UINT32_MAX});

  t = tensor("t", number(dtype::string), {2});
  t.add_string_data("a");
  t.add_string_data(std::string("b\0c", 3));
  CHECK(elements<std::string>(import_initializer(t)) == std::vector<std::string>{"a", std::string("b\0c", 3)});
}

TEST_CASE("int32_data holds all types of 32 bits and less") {
  auto const of = [](dtype type, std::vector<int> const& entries, std::int64_t count) {
    auto t = tensor("t", number(type), {count});
    for (auto const entry : entries) t.add_int32_data(entry);
    return import_initializer(t);
  };
  CHECK(elements<std::int32_t>(of(dtype::int32, {-1, INT32_MAX}, 2)) == std::vector<std::int32_t>{-1, INT32_MAX});
  CHECK(elements<std::int16_t>(of(dtype::int16, {-300}, 1)) == std::vector<std::int16_t>{-300});
  CHECK(elements<std::uint16_t>(of(dtype::uint16, {65535}, 1)) == std::vector<std::uint16_t>{65535});
  CHECK(elements<std::int8_t>(of(dtype::int8, {-128}, 1)) == std::vector<std::int8_t>{-128});
  CHECK(elements<std::uint8_t>(of(dtype::uint8, {255}, 1)) == std::vector<std::uint8_t>{255});
  CHECK(elements<bool>(of(dtype::boolean, {0, 1, 2}, 3)) == std::vector<bool>{false, true, true});
  auto const half = elements<std::uint16_t>(of(dtype::float16, {0x3c00, 0xc000}, 2));
  CHECK((half_to_float(half[0]) == 1 && half_to_float(half[1]) == -2));
  auto const bfloat = elements<std::uint16_t>(of(dtype::bfloat16, {0x3f80}, 1));
  CHECK(bfloat16_to_float(bfloat[0]) == 1);
  for (auto const type :
       {dtype::float8e4m3fn, dtype::float8e4m3fnuz, dtype::float8e5m2, dtype::float8e5m2fnuz, dtype::float8e8m0})
    CHECK(elements<std::uint8_t>(of(type, {0x7f, 0x80}, 2)) == std::vector<std::uint8_t>{0x7f, 0x80});
  CHECK(elements<std::int8_t>(of(dtype::int4, {0x9f, 0x07}, 3)) == std::vector<std::int8_t>{-1, -7, 7});
  CHECK(elements<std::uint8_t>(of(dtype::uint4, {0x9f, 0x07}, 3)) == std::vector<std::uint8_t>{15, 9, 7});
  CHECK(elements<std::uint8_t>(of(dtype::float4e2m1, {0x9f}, 2)) == std::vector<std::uint8_t>{15, 9});
  CHECK(elements<std::int8_t>(of(dtype::int2, {0xe4, 0x03}, 5)) == std::vector<std::int8_t>{0, 1, -2, -1, -1});
}

TEST_CASE("raw data of less than a byte and of booleans is spread") {
  auto const raw = [](dtype type, std::int64_t count, std::string const& bytes) {
    return import_initializer(raw_tensor("t", number(type), {count}, bytes));
  };
  CHECK(elements<std::int8_t>(raw(dtype::int4, 3, "\x9f\x07")) == std::vector<std::int8_t>{-1, -7, 7});
  CHECK(elements<std::uint8_t>(raw(dtype::uint4, 3, "\x9f\x07")) == std::vector<std::uint8_t>{15, 9, 7});
  CHECK(elements<std::uint8_t>(raw(dtype::uint2, 5, "\xe4\x03")) == std::vector<std::uint8_t>{0, 1, 2, 3, 3});
  CHECK(elements<std::int8_t>(raw(dtype::int2, 4, "\xe4")) == std::vector<std::int8_t>{0, 1, -2, -1});
  CHECK(elements<std::uint8_t>(raw(dtype::boolean, 3, std::string("\0\1\7", 3))) == std::vector<std::uint8_t>{0, 1, 1});
}

TEST_CASE("scalars and empty tensors need no dimensions and no data") {
  CHECK(import_initializer(raw_tensor("t", 1, {}, bytes_of<float>({4}))).as<float>()[0] == 4);
  CHECK(import_initializer(tensor("t", 1, {0, 3})).elements() == 0);
  CHECK(import_initializer(raw_tensor("t", 7, {2, 0}, "")).shape() == shape{2, 0});
}

TEST_CASE("data that does not fit its shape is an error that says what was expected") {
  auto const check = [](proto::TensorProto const& t, error_code code, std::string_view part) {
    auto const e = error_of([&] { import_initializer(t); });
    INFO(e.what());
    CHECK(e.code() == code);
    CHECK(says(e, part));
    CHECK(says(e, "tensor 'w'"));
  };
  using enum error_code;
  check(raw_tensor("w", 1, {3}, "12345678"), malformed_model, "8 bytes, expected 12");
  check(raw_tensor("w", 1, {1}, "12345678"), malformed_model, "8 bytes, expected 4");
  check(raw_tensor("w", number(dtype::int4), {3}, "1"), malformed_model, "1 bytes, expected 2");
  check(raw_tensor("w", number(dtype::string), {1}, "a"), malformed_model, "string_data");
  check(tensor("w", 1, {2}), malformed_model, "float_data has 0 entries, expected 2");
  check(tensor("w", 1, {-1}), malformed_model, "negative");
  check(tensor("w", 1, {INT64_MAX, 3}), malformed_model, "overflows");
  check(raw_tensor("w", 1, {INT64_MAX / 2}, ""), malformed_model, "overflows");
  check(tensor("w", 1, std::vector<std::int64_t>(max_rank + 1, 1)), limit_exceeded, "dimensions");
  check(tensor("w", 0, {1}), unsupported_feature, "number 0");
  check(tensor("w", 99, {1}), unsupported_feature, "number 99");
  auto segmented = tensor("w", 1, {1});
  segmented.mutable_segment()->set_begin(0);
  check(segmented, unsupported_feature, "segments");
}

TEST_CASE("sparse initializers become dense") {
  auto m = model();
  auto& sparse = *m.mutable_graph()->add_sparse_initializer();
  for (auto const dim : {2, 3}) sparse.add_dims(dim);
  *sparse.mutable_values() = raw_tensor("s", 1, {2}, bytes_of<float>({5, 7}));
  add_output(*m.mutable_graph(), "s");
  auto const dense = [&](std::vector<std::int64_t> const& dims, std::vector<std::int64_t> const& indices) {
    *sparse.mutable_indices() = raw_tensor("", 7, dims, bytes_of(indices));
    auto const g = import_model(m);
    return elements<float>(g.at(g.outputs[0].value).constant);
  };
  CHECK(dense({2}, {1, 5}) == std::vector<float>{0, 5, 0, 0, 0, 7});
  CHECK(dense({2, 2}, {0, 2, 1, 0}) == std::vector<float>{0, 0, 5, 7, 0, 0});
  CHECK(says(error_of([&] { dense({2}, {1, 6}); }), "index 6"));
  CHECK(says(error_of([&] { dense({2, 2}, {0, 2, -1, 0}); }), "index -1"));
  CHECK(says(error_of([&] { dense({3}, {1, 2, 3}); }), "2 values"));
}

TEST_CASE("copies of tensors are charged to the limits") {
  auto m = model();
  auto& t = *m.mutable_graph()->add_initializer();
  t = tensor("t", 1, {1000});
  for (int i = 0; i < 1000; ++i) t.add_float_data(1);
  CHECK(error_of(m, {.weight_bytes = 3999}).code() == error_code::limit_exceeded);
  CHECK_NOTHROW(import_model(m, {.weight_bytes = 4000}));
}

TEST_CASE("a tensor file holds one tensor") {
  temporary_folder const folder;
  auto const file = folder.write("t.pb", raw_tensor("t", 6, {2}, bytes_of<std::int32_t>({1, 2})).SerializeAsString());
  CHECK(elements<std::int32_t>(sinter::onnx::import_tensor_file(file)) == std::vector<std::int32_t>{1, 2});
  CHECK(error_of([&] { sinter::onnx::import_tensor_file(folder.path() / "none.pb"); }).code() == error_code::io);
}
