# What the library itself needs, for this project and for those who find the installed package. Every dependency is a
# system package; nothing is downloaded.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(xbyak REQUIRED)
# protobuf 22 and later need their own CMake package, which knows about Abseil; older ones come without one.
find_package(Protobuf CONFIG QUIET)
if(NOT TARGET protobuf::libprotobuf)
  find_package(Protobuf MODULE REQUIRED)
endif()
find_package(ONNX CONFIG REQUIRED)
# Packages differ in the name of the target that holds the message types.
foreach(candidate ONNX::onnx_proto onnx_proto)
  if(TARGET ${candidate})
    set(sinter_onnx_target ${candidate})
    break()
  endif()
endforeach()
if(NOT sinter_onnx_target)
  message(FATAL_ERROR "sinter: the ONNX package has no target onnx_proto; on Debian install libonnx-dev")
endif()
