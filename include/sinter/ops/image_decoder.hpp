#pragma once

#include <sinter/ops/entry.hpp>

#ifdef SINTER_IMAGES
#include <leptonica/allheaders.h>
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sinter {

/// How ImageDecoder lays out pixels.
enum class pixel_format : std::uint8_t { rgb, bgr, grayscale };

#ifdef SINTER_IMAGES

/// Decodes pictures by leptonica: BMP, JPEG, JPEG 2000, PNG, PNM, TIFF, WebP and GIF, of 8 bits a channel; others are
/// converted, transparency is dropped. The result is [height,width,channels]; [0,0,channels] where `encoded` is no
/// picture.
class picture_decoder {
 public:
  static any_tensor decode(std::span<std::byte const> encoded, pixel_format format) {
    static bool const is_silent = setMsgSeverity(L_SEVERITY_NONE) >= 0;  // what is wrong is said by the result
    static_cast<void>(is_silent);
    picture const read(pixReadMem(reinterpret_cast<l_uint8 const*>(encoded.data()), encoded.size()));
    picture const pixels(read ? pixConvertTo32(read.get()) : nullptr);
    std::int64_t const channels = format == pixel_format::grayscale ? 1 : 3;
    if (!pixels) return any_tensor(dtype::uint8, {0, 0, channels});
    auto const height = pixGetHeight(pixels.get()), width = pixGetWidth(pixels.get());
    any_tensor image(dtype::uint8, {height, width, channels});
    auto* to = static_cast<std::uint8_t*>(image.data());
    for (int y = 0; y < height; ++y) {
      auto const* const row = pixGetData(pixels.get()) + static_cast<std::ptrdiff_t>(y) * pixGetWpl(pixels.get());
      for (int x = 0; x < width; ++x) to = store_pixel(row[x], format, to);
    }
    return image;
  }

 private:
  struct destroy {
    void operator()(PIX* p) const { pixDestroy(&p); }
  };
  using picture = std::unique_ptr<PIX, destroy>;

  static std::uint8_t* store_pixel(std::uint32_t pixel, pixel_format format, std::uint8_t* to) {
    auto const red = pixel >> L_RED_SHIFT & 255, green = pixel >> L_GREEN_SHIFT & 255,
               blue = pixel >> L_BLUE_SHIFT & 255;
    auto const put = [&](std::uint32_t value) { *to++ = static_cast<std::uint8_t>(value); };
    if (format == pixel_format::grayscale) {
      put((red * 19595 + green * 38470 + blue * 7471 + (1u << 15)) >> 16);  // ITU-R BT.601, as Pillow rounds it
    } else {
      put(format == pixel_format::rgb ? red : blue);
      put(green);
      put(format == pixel_format::rgb ? blue : red);
    }
    return to;
  }
};

#endif

/// ImageDecoder: a picture from the bytes of its file.   https://onnx.ai/onnx/operators/onnx__ImageDecoder.html
/// Only where the library is built with SINTER_IMAGES.
struct image_decoder {
  static constexpr op_schema schema{.name = "ImageDecoder", .since = 20, .max_inputs = 1};
  struct attributes {
    pixel_format format = pixel_format::rgb;
  };

  static attributes parse(attribute_reader const& r) {
    constexpr std::array<std::string_view, 3> names{"RGB", "BGR", "Grayscale"};
    attributes const a{static_cast<pixel_format>(r.choice("pixel_format", "RGB", names))};
#ifndef SINTER_IMAGES
    fail(error_code::unsupported_operator,
         "sinter is built without decoders of pictures; configure it with -DSINTER_IMAGES=ON, which needs leptonica "
         "(libleptonica-dev)");
#endif
    return a;
  }

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    expect_file(in[0]);
    return {unknown_shape(dtype::uint8)};
  }

  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    expect_file({in[0].type(), in[0].shape()});
#ifdef SINTER_IMAGES
    auto const view = in[0].view();
    return {picture_decoder::decode({static_cast<std::byte const*>(view.data), view.elements()}, a.format)};
#else
    static_cast<void>(a);
    return {};  // `parse` refuses the node
#endif
  }

 private:
  static void expect_file(tensor_type const& type) {
    if (type.element != dtype::uint8 || (type.shape && type.shape->rank() != 1))
      fail(error_code::malformed_model, "the encoded picture is {}, expected uint8 of rank 1", name(type.element));
  }
};

}  // namespace sinter
