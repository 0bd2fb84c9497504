# cmake -DBINARY=<program> -DREADELF=<tool> -P check_no_cuda.cmake
# A program that sinter is linked to needs no library of CUDA and no symbol of one: the driver and NVRTC are looked for
# when a CUDA device is asked for.
cmake_minimum_required(VERSION 3.22)

execute_process(COMMAND ${READELF} -dW --dyn-syms ${BINARY} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
if(NOT text MATCHES "\\(NEEDED\\)[^\n]*\\[libc\\.so" OR NOT text MATCHES " dlopen")
  message(SEND_ERROR "${READELF} does not show what ${BINARY} needs:\n${text}")
endif()
string(REGEX MATCHALL "\\(NEEDED\\)[^\n]*lib(cu|nv)[^\n]*" libraries "${text}")
string(REGEX MATCHALL " (cu[A-Z]|cuda[A-Z]|nvrtc[A-Z])[^\n]*" symbols "${text}")
if(libraries OR symbols)
  message(SEND_ERROR "${BINARY} needs CUDA:\n${libraries}\n${symbols}")
endif()
