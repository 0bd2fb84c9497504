#include "one_node.hpp"
#include <array>
#include <random>

using namespace sinter;

namespace {

/// Nodes that no exporter would write: operands and attributes of the right kinds with random contents.
class random_node {
 public:
  explicit random_node(std::uint32_t seed) : random_(seed) {}

  any_tensor tensor() {
    static constexpr std::array types{dtype::float32, dtype::float32, dtype::int64, dtype::int64,   dtype::int32,
                                      dtype::boolean, dtype::string,  dtype::uint8, dtype::float16, dtype::int4};
    any_tensor t(types[below(types.size())], extents());
    if (t.type() == dtype::string) return t;
    for (std::size_t i = 0; i < t.elements(); ++i)
      if (t.type() == dtype::boolean)
        static_cast<bool*>(t.data())[i] = below(2) == 0;
      else if (t.type() == dtype::int64)
        static_cast<std::int64_t*>(t.data())[i] = integer();
      else if (t.type() == dtype::float32)
        static_cast<float*>(t.data())[i] = real();
      else
        std::memset(static_cast<std::byte*>(t.data()) + i * size_of(t.type()), static_cast<int>(below(4)), 1);
    return t;
  }

  attribute_map attributes() {
    static constexpr std::array integers{"axis",
                                         "keepdims",
                                         "k",
                                         "blocksize",
                                         "to",
                                         "group",
                                         "batch_dims",
                                         "ceil_mode",
                                         "broadcast",
                                         "num_outputs",
                                         "largest",
                                         "upper",
                                         "allowzero",
                                         "dtype",
                                         "start",
                                         "end",
                                         "transA",
                                         "transB",
                                         "exclusive",
                                         "reverse",
                                         "batch_axis",
                                         "time_axis",
                                         "p",
                                         "size",
                                         "hidden_size",
                                         "num_groups",
                                         "count_include_pad",
                                         "stash_type",
                                         "block_size",
                                         "noop_with_empty_axes",
                                         "select_last_index",
                                         "storage_order",
                                         "num_heads"};
    static constexpr std::array lists{"axes",   "perm", "pads",  "kernel_shape", "strides",        "dilations",
                                      "starts", "ends", "split", "shape",        "output_padding", "output_shape"};
    static constexpr std::array texts{"mode", "auto_pad", "reduction", "direction", "equation"};
    static constexpr std::array words{"constant", "reflect", "edge",  "wrap",          "SAME_UPPER", "VALID", "add",
                                      "LEFT",     "linear",  "cubic", "bidirectional", "ij,jk->ik",  "CRD",   "..."};
    attribute_map a;
    for (auto const* name : integers)
      if (below(3) == 0) a[name] = integer();
    for (auto const* name : lists)
      if (below(3) == 0) a[name] = list_of_integers();
    for (auto const* name : texts)
      if (below(3) == 0) a[name] = std::string(words[below(words.size())]);
    if (below(2) == 0) a["alpha"] = real();
    if (below(2) == 0) a["epsilon"] = 1e-5f;
    if (below(2) == 0) a["value"] = tensor();
    return a;
  }

  std::size_t below(std::size_t bound) { return random_() % bound; }

 private:
  shape extents() {
    shape s;
    for (auto rank = below(5); rank > 0; --rank) s.push_back(static_cast<std::int64_t>(below(4)));
    return s;
  }
  std::int64_t integer() {
    static constexpr std::array extremes{INT64_MIN, INT64_MAX, std::int64_t{1} << 40, std::int64_t{-1} << 33};
    return below(20) == 0 ? extremes[below(extremes.size())] : static_cast<std::int64_t>(below(8)) - 3;
  }
  float real() { return below(20) == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(integer()) / 2; }
  list list_of_integers() {
    list values(below(5));
    for (auto& v : values) v = integer();
    return values;
  }

  std::mt19937 random_;
};

/// Without the attributes that the operator does not know: it would refuse all nodes for them.
attribute_map known(operator_entry const& entry, std::int64_t version, std::size_t inputs, std::size_t outputs,
                    attribute_map all) {
  node n{.version = version, .attributes = all};
  n.inputs.resize(inputs);
  n.outputs.resize(outputs);
  attribute_reader const reader(n);
  entry.parse(reader);
  for (auto const name : reader.unread()) all.erase(name);
  return all;
}

}  // namespace

TEST_CASE("values next to the bounds of 64 bits are errors or harmless") {
  auto const huge = std::int64_t{1} << 62;
  any_tensor const no_rows(dtype::float32, {1, 0, huge});
  CHECK(!error_of("LSTM", 14, {floats({0, 0, 1}, {}), floats({1, 0, 1}, {}), no_rows}).empty());
  CHECK(!error_of("GatherND", 13, {floats({2, 2}, {1, 2, 3, 4}), any_tensor(dtype::int64, {2, 0, INT64_MAX})},
                  {{"batch_dims", std::int64_t{1}}})
             .empty());
  CHECK(!error_of("Pad", 18, {floats({2}, {1, 2}), ints({2}, {INT64_MIN, INT64_MAX})}).empty());
  CHECK(!error_of("QuantizeLinear", 21, {floats({2}, {1, 2}), floats({3}, {1, 1, 1})},
                  {{"axis", std::int64_t{0}}, {"block_size", INT64_MAX}})
             .empty());
}

TEST_CASE("a region that is no number is outside of the image") {
  auto const nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (float const begin : {nan, infinity, -infinity}) {
    auto const y = run("Resize", 13, {floats({2}, {1, 2}), floats({2}, {begin, 1}), {}, ints({1}, {3})},
                       {{"coordinate_transformation_mode", std::string("tf_crop_and_resize")},
                        {"mode", std::string("linear")},
                        {"extrapolation_value", 7.0f}});
    CHECK(elements<float>(y)[0] == 7);
  }
}

TEST_CASE("random nodes run or are refused by sinter::error, never anything else") {
  std::size_t accepted = 0, refused = 0;
  for (auto const& entry : operator_table()) {
    if (entry.schema.domain == "sinter") continue;  // made by passes only, from checked parts
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      random_node make(seed);
      std::vector<any_tensor> inputs(
          std::min<std::size_t>(entry.schema.min_inputs + make.below(3), entry.schema.max_inputs));
      for (auto& in : inputs)
        if (make.below(10) > 0) in = make.tensor();
      auto const outputs = std::min<std::size_t>(1 + make.below(3), entry.schema.max_outputs);
      auto const version = make.below(2) == 0 ? std::int64_t{28} : entry.schema.since;
      INFO(entry.schema.name << " since " << entry.schema.since << ", seed " << seed);
      try {
        auto const& chosen = *find_operator(entry.schema.domain, entry.schema.name, version);
        auto attributes = known(chosen, version, inputs.size(), outputs, make.attributes());
        run_all(std::string(entry.schema.name), version, inputs, std::move(attributes), outputs);
        ++accepted;
      } catch (error const&) {
        ++refused;
      } catch (std::exception const& e) {
        FAIL(entry.schema.name << " since " << entry.schema.since << ", seed " << seed << ": " << e.what());
      }
    }
  }
  CHECK(accepted > 1000);
  CHECK(refused > 1000);
}
