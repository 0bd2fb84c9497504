#include "numpy_file.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

namespace codegen {

using sinter::dtype;
using sinter::error_code;
using sinter::fail;

namespace {

struct descriptor_name {
  std::string_view text;
  dtype type;
};
constexpr descriptor_name descriptors[] = {
    {"<f4", dtype::float32},   {"<f8", dtype::float64},    {"<f2", dtype::float16}, {"|b1", dtype::boolean},
    {"|i1", dtype::int8},      {"<i2", dtype::int16},      {"<i4", dtype::int32},   {"<i8", dtype::int64},
    {"|u1", dtype::uint8},     {"<u2", dtype::uint16},     {"<u4", dtype::uint32},  {"<u8", dtype::uint64},
    {"<c8", dtype::complex64}, {"<c16", dtype::complex128}};

[[noreturn]] void malformed(char const* what) { fail(error_code::malformed_model, "this is no numpy file: {}", what); }

/// What follows `key` in the header, a Python dictionary.
std::string_view entry(std::string_view header, std::string_view key) {
  auto const at = header.find(key);
  if (at == std::string_view::npos) malformed("its header lacks an entry");
  auto rest = header.substr(at + key.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(": "), rest.size()));
  return rest;
}

dtype parse_descriptor(std::string_view header) {
  auto text = entry(header, "'descr'");
  auto const end = text.find('\'', 1);
  if (text.empty() || text[0] != '\'' || end == std::string_view::npos) malformed("its type is no simple one");
  text = text.substr(1, end - 1);
  for (auto const& d : descriptors)
    if (d.text == text) return d.type;
  fail(error_code::unsupported_feature, "numpy elements of type '{}' are not read; expected for example '<f4'", text);
}

sinter::shape parse_extents(std::string_view header) {
  auto text = entry(header, "'shape'");
  auto const end = text.find(')');
  if (text.empty() || text[0] != '(' || end == std::string_view::npos) malformed("its shape is no tuple");
  text = text.substr(1, end - 1);
  sinter::shape extents;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(", "), text.size()));
    if (text.empty()) return extents;
    std::int64_t extent = 0;
    auto const [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (problem != std::errc{} || extent < 0) malformed("its shape has an entry that is no size");
    extents.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  }
}

/// Copies elements whose first axis is innermost.
void from_fortran(std::byte const* from, sinter::any_tensor& to) {
  auto const size = size_of(to.type());
  auto const& s = to.shape();
  auto const steps = row_major_strides(s);
  auto* const data = static_cast<std::byte*>(to.data());
  for (std::size_t i = 0; i < to.elements(); ++i) {
    std::size_t rest = i, place = 0;
    for (std::size_t axis = 0; axis < s.rank(); ++axis) {
      auto const extent = static_cast<std::size_t>(s[axis]);
      place += rest % extent * static_cast<std::size_t>(steps[axis]);
      rest /= extent;
    }
    std::memcpy(data + place * size, from + i * size, size);
  }
}

/// Little-endian numbers at checked positions.
class reader {
 public:
  explicit reader(std::span<std::byte const> bytes) : bytes_(bytes) {}
  std::span<std::byte const> part(std::size_t at, std::size_t count) const {
    if (at > bytes_.size() || count > bytes_.size() - at) malformed("it ends too early");
    return bytes_.subspan(at, count);
  }
  std::size_t number(std::size_t at, std::size_t count) const {
    std::size_t value = 0;
    std::memcpy(&value, part(at, count).data(), count);
    return value;
  }
  std::string_view text(std::size_t at, std::size_t count) const {
    auto const p = part(at, count);
    return {reinterpret_cast<char const*>(p.data()), p.size()};
  }

 private:
  std::span<std::byte const> bytes_;
};

}  // namespace

sinter::any_tensor parse_npy(std::span<std::byte const> bytes) {
  reader const file(bytes);
  if (file.text(0, 6) != "\x93NUMPY") malformed("it does not begin as one");
  std::size_t const width = file.number(6, 1) == 1 ? 2 : 4;
  auto const length = file.number(8, width);
  auto const header = file.text(8 + width, length);
  sinter::any_tensor t(parse_descriptor(header), parse_extents(header));
  auto const data = file.part(8 + width + length, t.bytes());
  if (entry(header, "'fortran_order'").starts_with("True"))
    from_fortran(data.data(), t);
  else if (!data.empty())
    std::memcpy(t.data(), data.data(), data.size());
  return t;
}

std::string npy_bytes(sinter::tensor_view t) {
  if (t.type == dtype::string) fail(error_code::unsupported_feature, "strings are not written as .npy");
  std::string_view text = size_of(t.type) == 2 ? "<u2" : "|u1";
  for (auto const& d : descriptors)
    if (d.type == t.type) text = d.text;
  auto header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': (", text);
  for (auto const extent : t.shape) header += fmt::format("{}, ", extent);
  header += "), }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string result("\x93NUMPY\x01\x00", 8);
  result += static_cast<char>(header.size() & 255);
  result += static_cast<char>(header.size() >> 8);
  result += header;
  if (t.bytes()) result.append(static_cast<char const*>(t.data), t.bytes());
  return result;
}

std::vector<named_file_tensor> parse_npz(std::span<std::byte const> bytes) {
  reader const file(bytes);
  constexpr std::size_t end_bytes = 22, entry_bytes = 46, local_bytes = 30;
  if (bytes.size() < end_bytes) malformed("it is too short for an archive");
  auto const all = file.text(0, bytes.size());
  auto const end = all.rfind("PK\x05\x06");
  if (end == std::string_view::npos) malformed("it has no table of contents");
  file.part(end, end_bytes);
  std::vector<named_file_tensor> result;
  auto at = file.number(end + 16, 4);
  for (auto left = file.number(end + 10, 2); left > 0; --left) {
    if (file.text(at, 4) != "PK\x01\x02") malformed("its table of contents is broken");
    auto name = std::string(file.text(at + entry_bytes, file.number(at + 28, 2)));
    if (file.number(at + 10, 2) != 0)
      fail(error_code::unsupported_feature, "'{}' is compressed; write the archive with numpy.savez", name);
    auto const local = file.number(at + 42, 4);
    auto const data = local + local_bytes + file.number(local + 26, 2) + file.number(local + 28, 2);
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    result.push_back({name, parse_npy(file.part(data, file.number(at + 24, 4)))});
    at += entry_bytes + file.number(at + 28, 2) + file.number(at + 30, 2) + file.number(at + 32, 2);
  }
  return result;
}

namespace {

/// The checksum of archives: CRC-32 with the polynomial 0xEDB88320.
std::uint32_t checksum(std::string_view bytes) {
  static auto const table = [] {
    std::array<std::uint32_t, 256> result{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      result[i] = i;
      for (int bit = 0; bit < 8; ++bit) result[i] = (result[i] >> 1) ^ (result[i] & 1 ? 0xedb88320U : 0);
    }
    return result;
  }();
  std::uint32_t state = ~0U;
  for (auto const c : bytes) state = table[(state ^ static_cast<unsigned char>(c)) & 255] ^ (state >> 8);
  return ~state;
}

/// `value` in `count` bytes, the lowest first.
std::string little_endian(std::size_t value, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i, value >>= 8) text += static_cast<char>(value);
  return text;
}

}  // namespace

std::string npz_bytes(std::span<sinter::named_tensor const> tensors) {
  std::string result, contents;
  for (auto const& t : tensors) {
    auto const name = std::string(t.name) + ".npy", data = npy_bytes(t.value);
    if (result.size() + data.size() > UINT32_MAX)
      fail(error_code::unsupported_feature, "an archive of 4 GiB or more is not written; write .npy files");
    // What both headers of an entry say: version 2.0, no flags, stored, no time, checksum, sizes, lengths.
    auto const common = little_endian(20, 2) + little_endian(0, 4) + little_endian(0, 4) +
                        little_endian(checksum(data), 4) + little_endian(data.size(), 4) +
                        little_endian(data.size(), 4) + little_endian(name.size(), 2) + little_endian(0, 2);
    contents +=
        "PK\x01\x02" + little_endian(20, 2) + common + little_endian(0, 10) + little_endian(result.size(), 4) + name;
    result += "PK\x03\x04" + common + name + data;
  }
  auto const count = little_endian(tensors.size(), 2);
  auto const end = "PK\x05\x06" + little_endian(0, 4) + count + count + little_endian(contents.size(), 4) +
                   little_endian(result.size(), 4) + little_endian(0, 2);
  return result + contents + end;
}

}  // namespace codegen
