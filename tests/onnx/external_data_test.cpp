#include "catch.hpp"
#include "messages.hpp"
#include "temporary_folder.hpp"
#include <sys/stat.h>

using namespace sinter;
using namespace messages;

namespace {

void set_external(proto::TensorProto& t, std::string const& key, std::string const& value) {
  t.set_data_location(proto::TensorProto::EXTERNAL);
  auto& entry = *t.add_external_data();
  entry.set_key(key);
  entry.set_value(value);
}

/// A model whose output is a tensor of four floats in the file `location`.
proto::ModelProto outside(std::string const& location, std::string const& offset = "", std::string const& length = "") {
  auto m = model();
  auto& t = *m.mutable_graph()->add_initializer();
  t = tensor("w", 1, {4});
  set_external(t, "location", location);
  if (!offset.empty()) set_external(t, "offset", offset);
  if (!length.empty()) set_external(t, "length", length);
  add_output(*m.mutable_graph(), "w");
  return m;
}

std::string const four = bytes_of<float>({1, 2, 3, 4});

std::vector<float> load(std::filesystem::path const& file) {
  auto const g = sinter::onnx::import_file(file);
  auto const values = g.at(g.outputs.at(0).value).constant.as<float>();
  return {values.begin(), values.end()};
}

error load_error(temporary_folder const& folder, proto::ModelProto const& m) {
  auto const file = folder.write("m.onnx", m.SerializeAsString());
  return error_of([&] { load(file); });
}

}  // namespace

TEST_CASE("tensors lie in files beside the model and below") {
  temporary_folder const folder;
  folder.write("w.bin", "12345678" + four + "tail");
  std::filesystem::create_directory(folder.path() / "sub");
  folder.write("sub/w.bin", four);
  std::vector<float> const expected{1, 2, 3, 4};
  CHECK(load(folder.write("a.onnx", outside("w.bin", "8", "16").SerializeAsString())) == expected);
  CHECK(load(folder.write("b.onnx", outside("sub/w.bin").SerializeAsString())) == expected);
  CHECK(load(folder.write("c.onnx", outside("./sub/w.bin", "0").SerializeAsString())) == expected);
  CHECK(load(folder.write("d.onnx", outside("sub/w.bin", "", "16").SerializeAsString())) == expected);
}

TEST_CASE("data of another size than the tensor's is an error") {
  temporary_folder const folder;
  folder.write("w.bin", four);
  auto const check = [&](std::string const& offset, std::string const& length, std::string_view part) {
    auto const e = load_error(folder, outside("w.bin", offset, length));
    INFO(e.what());
    CHECK(e.code() == error_code::malformed_model);
    CHECK(says(e, part));
    CHECK(says(e, "tensor 'w'"));
  };
  check("0", "12", "12 bytes, expected 16");
  check("4", "", "12 bytes, expected 16");
  check("4", "16", "has 16 bytes, expected 16 bytes from offset 4");
  check("17", "0", "from offset 17");
  check("18446744073709551615", "16", "from offset 18446744073709551615");
  check("-1", "16", "offset '-1'");
  check("99999999999999999999", "16", "offset '99999999999999999999'");
  check("0", "16 bytes", "length '16 bytes'");
}

TEST_CASE("external data outside of the model's folder is refused") {
  temporary_folder const folder;
  auto const secret = folder.write("secret.bin", four);
  auto const inside = folder.path() / "model";
  std::filesystem::create_directory(inside);
  std::filesystem::create_symlink("../secret.bin", inside / "link.bin");
  std::filesystem::create_symlink(secret, inside / "absolute.bin");
  std::filesystem::create_directory_symlink("..", inside / "up");
  for (auto const& location : {std::string("../secret.bin"), std::string("sub/../../secret.bin"), secret.string(),
                               std::string("link.bin"), std::string("absolute.bin"), std::string("up/secret.bin"),
                               std::string(), std::string("a\0b", 3), std::string("/proc/self/environ")}) {
    auto const file = folder.write("model/m.onnx", outside(location).SerializeAsString());
    auto const error = error_of([&] { load(file); });
    INFO(error.what());
    CHECK(error.code() == error_code::malformed_model);
  }
}

TEST_CASE("links between files of one folder are followed, and those of a content store") {
  temporary_folder const folder;
  std::filesystem::create_directories(folder.path() / "snapshots/1");
  std::filesystem::create_directory(folder.path() / "blobs");
  folder.write("blobs/1111", outside("w.bin").SerializeAsString());
  folder.write("blobs/2222", four);
  auto const snapshot = folder.path() / "snapshots/1";
  std::filesystem::create_symlink("../../blobs/1111", snapshot / "model.onnx");
  std::filesystem::create_symlink("../../blobs/2222", snapshot / "w.bin");
  CHECK(load(snapshot / "model.onnx").size() == 4);
  std::filesystem::remove(snapshot / "w.bin");
  folder.write("elsewhere", four);
  std::filesystem::create_symlink("../../elsewhere", snapshot / "w.bin");
  CHECK(says(error_of([&] { load(snapshot / "model.onnx"); }), "leads out of the model's folder"));
}

TEST_CASE("external data must be a regular file that is there and within the limits") {
  temporary_folder const folder;
  CHECK(load_error(folder, outside("missing.bin")).code() == error_code::io);
  std::filesystem::create_directory(folder.path() / "sub");
  CHECK(says(load_error(folder, outside("sub")), "not a regular file"));
  REQUIRE(::mkfifo((folder.path() / "pipe").c_str(), 0600) == 0);
  CHECK(says(load_error(folder, outside("pipe")), "not a regular file"));
  auto const file = folder.write("m.onnx", outside("w.bin").SerializeAsString());
  folder.write("w.bin", four);
  auto const size = std::filesystem::file_size(file);
  CHECK_NOTHROW(sinter::onnx::import_file(file, {.model_bytes = size + 16}));
  auto const e = error_of([&] { sinter::onnx::import_file(file, {.model_bytes = size + 15}); });
  CHECK(e.code() == error_code::limit_exceeded);
}

TEST_CASE("a model in memory has no external data") {
  CHECK(error_of(outside("w.bin")).code() == error_code::unsupported_feature);
}
