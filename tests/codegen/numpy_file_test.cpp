#include "catch.hpp"
#include "temporary_folder.hpp"
#include "tensor_files.hpp"
#include <cstring>
#include <filesystem>
#include <vector>

using namespace sinter;

namespace {

std::span<std::byte const> bytes_of(std::string const& text) { return std::as_bytes(std::span(text)); }

/// A little-endian number.
std::string number(std::size_t value, std::size_t bytes) {
  std::string text(bytes, '\0');
  std::memcpy(text.data(), &value, bytes);
  return text;
}

/// An archive of one entry that is not compressed, or says that it is.
std::string archive(std::string const& name, std::string const& content, std::size_t method = 0) {
  auto const sizes = number(0, 4) + number(content.size(), 4) + number(content.size(), 4) + number(name.size(), 2);
  auto const local = "PK\x03\x04" + number(20, 2) + number(0, 2) + number(method, 2) + number(0, 4) + sizes +
                     number(0, 2) + name + content;
  auto const central = "PK\x01\x02" + number(20, 2) + number(20, 2) + number(0, 2) + number(method, 2) + number(0, 4) +
                       sizes + number(0, 2) + number(0, 2) + number(0, 2) + number(0, 2) + number(0, 4) + number(0, 4) +
                       name;
  return local + central + "PK\x05\x06" + number(0, 4) + number(1, 2) + number(1, 2) + number(central.size(), 4) +
         number(local.size(), 4) + number(0, 2);
}

}  // namespace

TEST_CASE("numpy files round-trip") {
  auto const t = any_tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  auto const text = codegen::npy_bytes(t.view());
  CHECK(text.size() % 64 == 24);
  auto const back = codegen::parse_npy(bytes_of(text));
  CHECK(back.shape() == t.shape());
  CHECK(std::ranges::equal(back.as<float>(), t.as<float>()));
  auto const scalar = codegen::parse_npy(bytes_of(codegen::npy_bytes(any_tensor::scalar<std::int64_t>(7).view())));
  CHECK(scalar.shape() == shape{});
  CHECK(scalar.as<std::int64_t>()[0] == 7);
}

TEST_CASE("Fortran order is reordered") {
  auto text = codegen::npy_bytes(any_tensor::of<std::int32_t>({2, 3}, {1, 4, 2, 5, 3, 6}).view());
  text.replace(text.find("False"), 5, "True ");
  auto const t = codegen::parse_npy(bytes_of(text));
  CHECK(std::ranges::equal(t.as<std::int32_t>(), std::array{1, 2, 3, 4, 5, 6}));
}

TEST_CASE("archives give named tensors") {
  auto const content = codegen::npy_bytes(any_tensor::of<float>({2}, {1, 2}).view());
  auto const text = archive("image.npy", content);
  auto const tensors = codegen::parse_npz(bytes_of(text));
  REQUIRE(tensors.size() == 1);
  CHECK(tensors[0].name == "image");
  CHECK(tensors[0].value.as<float>()[1] == 2);
  CHECK_THROWS_WITH(codegen::parse_npz(bytes_of(archive("x.npy", content, 8))), says("compressed"));
}

TEST_CASE("broken numpy files are errors") {
  auto const content = codegen::npy_bytes(any_tensor::of<float>({2}, {1, 2}).view());
  auto const text = archive("image.npy", content);
  for (std::size_t cut = 0; cut < content.size(); ++cut)
    CHECK_THROWS_AS(codegen::parse_npy(bytes_of(content.substr(0, cut))), error);
  for (std::size_t cut = 0; cut < text.size(); ++cut)
    CHECK_THROWS_AS(codegen::parse_npz(bytes_of(text.substr(0, cut))), error);
}

TEST_CASE("tensors are read back from the files that they were written to") {
  auto const a = any_tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  auto const b = any_tensor::of<std::int64_t>({}, {-7});
  std::vector<named_tensor> const both{{"a", a.view()}, {"b/c", b.view()}};
  temporary_folder const scratch;
  auto const& folder = scratch.path();
  auto const same = [](any_tensor const& x, any_tensor const& y) {
    return x.type() == y.type() && x.shape() == y.shape() && std::memcmp(x.data(), y.data(), x.bytes()) == 0;
  };

  codegen::write_tensors(folder / "both.npz", both);
  auto const archive = codegen::read_tensors(folder / "both.npz");
  REQUIRE(archive.size() == 2);
  CHECK((archive[0].name == "a" && archive[1].name == "b/c"));
  CHECK((same(archive[0].value, a) && same(archive[1].value, b)));
  codegen::write_tensors(folder / "each", both);
  CHECK(same(codegen::read_tensors(folder / "each" / "b_c.npy")[0].value, b));
  for (auto const* file : {"one.pb", "one.npy"}) {
    codegen::write_tensors(folder / file, std::span(both).first(1));
    CHECK(same(codegen::read_tensors(folder / file)[0].value, a));
    CHECK_THROWS_WITH(codegen::write_tensors(folder / file, both), says("the model has 2 outputs"));
  }
  CHECK_THROWS_WITH(codegen::write_tensors(folder / "one.npy" / "x", both), says("cannot make the folder"));
  CHECK_THROWS_WITH(codegen::read_tensors(folder / "nothing.npy"), says("cannot be read"));
  CHECK_THROWS_WITH(codegen::read_tensors(folder / "one.txt"), says("expected .npy, .npz or .pb"));
}

TEST_CASE("archives have the checksums that others look for") {
  auto const t = any_tensor::of<float>({2}, {1, 2});
  auto const text = codegen::npz_bytes(std::vector<named_tensor>{{"x", t.view()}});
  auto const content = codegen::npy_bytes(t.view());
  CHECK(text.find(content) != std::string::npos);
  CHECK(text.substr(14, 4) == number(0x3f45a7c, 4));  // zlib.crc32
}
