#include "sample_files.hpp"

#include <sinter/core/float16.hpp>
#include <sinter/kernels/element.hpp>

#include <fmt/format.h>

#include "tensor_files.hpp"
#include <algorithm>
#include <cstring>
#include <iterator>
#include <random>
#include <utility>

#ifdef SINTER_PICTURES
#include "../examples/classify/preprocess.hpp"
#include "../examples/read_picture.hpp"
#endif

namespace codegen {

using sinter::any_tensor;
using sinter::dtype;
using sinter::error_code;
using sinter::fail;
using sinter::graph;
using sinter::port;
using sinter::shape;
namespace fs = std::filesystem;

namespace {

/// The shape of one sample of an input: as declared, with 1 for an open first dimension; -1 for other open ones.
std::vector<std::int64_t> wanted_extents(port const& p) {
  std::vector<std::int64_t> extents;
  for (auto const& d : *p.declared) extents.push_back(d.known() ? d.extent : extents.empty() ? 1 : -1);
  return extents;
}

any_tensor halved(any_tensor const& t) {
  any_tensor result(dtype::float16, t.shape());
  std::ranges::transform(t.as<float>(), static_cast<std::uint16_t*>(result.data()), sinter::float_to_half);
  return result;
}

/// Part `index` of a tensor along its first axis, `extents` in shape.
any_tensor part(any_tensor const& t, std::size_t index, shape const& extents) {
  any_tensor result(t.type(), extents);
  std::memcpy(result.data(), static_cast<std::byte const*>(t.data()) + index * result.bytes(), result.bytes());
  return result;
}

/// The tensors for one input that a file's tensor holds, one behind the other.
std::vector<any_tensor> split(graph const& g, port const& p, any_tensor t) {
  auto const& v = g.at(p.value);
  if (v.type.element == dtype::float16 && t.type() == dtype::float32) t = halved(t);
  if (t.type() != v.type.element)
    fail(error_code::invalid_argument, "input '{}': expected elements of {}, got {}", v.name, name(v.type.element),
         name(t.type()));
  if (!p.declared || p.declared->empty()) return {t};
  auto const wanted = wanted_extents(p);
  auto extents = t.shape();
  if (extents.rank() + 1 == wanted.size()) {
    shape one{1};
    for (auto const e : extents) one.push_back(e);
    extents = one;
  }
  bool const same_rank = extents.rank() == wanted.size();
  bool fits = same_rank && wanted[0] > 0 && extents[0] > 0 && extents[0] % wanted[0] == 0;
  for (std::size_t i = 1; fits && i < wanted.size(); ++i) fits = wanted[i] < 0 || wanted[i] == extents[i];
  if (!fits)
    fail(error_code::invalid_argument, "input '{}' is {}, a tensor of shape {} does not fit", v.name,
         sinter::to_string(p.declared), t.shape());
  auto const count = static_cast<std::size_t>(extents[0] / wanted[0]);
  extents[0] = wanted[0];
  std::vector<any_tensor> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(part(t, i, extents));
  return all;
}

std::vector<sample> read_tensor_samples(graph const& g, fs::path const& file) {
  auto tensors = read_tensors(file);
  std::vector<std::vector<any_tensor>> parts;
  for (auto const& p : g.inputs) {
    auto const& name = g.at(p.value).name;
    auto at = std::ranges::find(tensors, name, &named_file_tensor::name);
    bool const only = g.inputs.size() == 1 && tensors.size() == 1;
    if (at == tensors.end() && only) at = tensors.begin();
    if (at == tensors.end()) fail(error_code::invalid_argument, "it has no tensor for the input '{}'", name);
    parts.push_back(split(g, p, std::move(at->value)));
    if (parts.back().size() != parts[0].size())
      fail(error_code::invalid_argument, "it has {} samples of input '{}' and {} of '{}'", parts.back().size(), name,
           parts[0].size(), g.at(g.inputs[0].value).name);
  }
  std::vector<sample> all(parts.empty() ? 0 : parts[0].size());
  for (auto& of_input : parts)
    for (std::size_t i = 0; i < all.size(); ++i) all[i].push_back(std::move(of_input[i]));
  return all;
}

bool is_picture(fs::path const& file) {
  auto const ending = file.extension();
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

#ifdef SINTER_PICTURES
/// A picture of `width` x `height`: what has another size is resized and its middle taken, as classifiers expect it.
preprocess::picture fitted(preprocess::picture picture, int width, int height) {
  if (picture.width == width && picture.height == height) return picture;
  if (width != height) return preprocess::resize(picture, width, height);
  return preprocess::center_crop(preprocess::resize_shorter_side(picture, width * 256 / 224), width);
}

sample read_picture_sample(graph const& g, fs::path const& file, picture_options const& how) {
  auto const& p = g.inputs.at(0);
  auto const wanted = p.declared ? wanted_extents(p) : std::vector<std::int64_t>{};
  if (g.inputs.size() != 1 || wanted.size() != 4 || wanted[0] != 1 || (wanted[1] != 1 && wanted[1] != 3))
    fail(error_code::invalid_argument,
         "pictures are for models with one input Nx1xHxW or Nx3xHxW, this one is {}; give .npz files",
         sinter::to_string(p.declared));
  auto const side = [](std::int64_t extent) { return static_cast<int>(extent < 0 ? 224 : extent); };
  auto decoded = read_picture(file.string(), 3);
  auto const picture =
      fitted({decoded.width, decoded.height, std::move(decoded.values)}, side(wanted[3]), side(wanted[2]));
  any_tensor planes(dtype::float32, {1, 3, picture.height, picture.width});
  preprocess::normalize(picture, {.mean = how.mean, .deviation = how.deviation, .blue_first = how.blue_first},
                        planes.mutable_view().as<float>());
  if (wanted[1] == 1) planes = part(planes, 0, {1, 1, picture.height, picture.width});
  return {split(g, p, std::move(planes)).at(0)};
}
#else
sample read_picture_sample(graph const&, fs::path const&, picture_options const&) {
  fail(error_code::unsupported_feature, "this tool was built without stb, which reads pictures; give .npz files");
}
#endif

/// The files of a folder that may hold samples, by name.
std::vector<fs::path> sample_files(fs::path const& folder) {
  std::vector<fs::path> files;
  std::error_code problem;
  for (auto const& entry : fs::directory_iterator(folder, problem)) {
    auto const ending = entry.path().extension();
    if (is_picture(entry.path()) || ending == ".npz" || ending == ".npy" || ending == ".pb")
      files.push_back(entry.path());
  }
  if (problem) fail(error_code::io, "cannot read the folder '{}': {}", folder.string(), problem.message());
  if (files.empty())
    fail(error_code::invalid_argument, "the folder '{}' has no samples; expected files .npz, .npy, .pb, .png or .jpg",
         folder.string());
  std::ranges::sort(files);
  return files;
}

}  // namespace

std::vector<sample> read_samples(graph const& g, fs::path const& folder, std::size_t most, picture_options const& how) {
  std::vector<sample> all;
  for (auto const& file : sample_files(folder)) {
    if (all.size() >= most) break;
    sinter::with_context([&] { return fmt::format("file '{}'", file.string()); },
                         [&] {
                           if (is_picture(file)) return all.push_back(read_picture_sample(g, file, how));
                           std::ranges::move(read_tensor_samples(g, file), std::back_inserter(all));
                         });
  }
  all.resize(std::min(all.size(), most));
  return all;
}

std::vector<sample> random_samples(graph const& g, std::size_t count) {
  std::mt19937 bits(1);
  std::normal_distribution<float> normal;
  std::vector<sample> all(count);
  for (auto& s : all)
    for (auto const& p : g.inputs) {
      auto const& v = g.at(p.value);
      auto& t = s.emplace_back(v.type.element, *v.type.shape);
      if (!sinter::is_floating(t.type()) && !sinter::is_integer(t.type()) && t.type() != dtype::boolean)
        fail(error_code::invalid_argument, "input '{}' is {}, of which there are no random numbers; give --data",
             v.name, name(t.type()));
      for (std::size_t i = 0; i < t.elements(); ++i) {
        auto const number = sinter::is_floating(t.type()) ? double{normal(bits)} : static_cast<double>(bits() & 1);
        sinter::store<double>(t.type(), t.data(), i, number);
      }
    }
  return all;
}

}  // namespace codegen
