# cmake -DBINARY=<program> -DWEIGHTS=<bytes> -DFOLDER=<scratch> -DREADELF=<tool> -DSTRIP=<tool> -DCHECKS=<tests/codegen>
#       -P check_cuda_program.cmake
# A program that a model for CUDA devices is compiled into runs, is small, and needs the C and C++ libraries only.
cmake_minimum_required(VERSION 3.22)

execute_process(COMMAND ${BINARY} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
set(MOST_CODE 614400) # cubins are among it
include(${CHECKS}/check_no_cuda.cmake)
include(${CHECKS}/check_binary.cmake)
