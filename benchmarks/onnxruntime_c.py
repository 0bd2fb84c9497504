"""onnxruntime through its C interface, from the library in the package from PyPI: what a run costs a program in C or C++.

The functions are members of the struct OrtApi in onnxruntime_c_api.h, whose order every release keeps; version 1 holds those
that are named here.
"""
import ctypes
import pathlib
import time

import numpy
import onnxruntime

ELEMENT_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
                 "float16": 10, "float64": 11, "uint32": 12, "uint64": 13}
MEMBERS = {"GetErrorMessage": 2, "CreateEnv": 3, "CreateSession": 7, "Run": 9, "CreateSessionOptions": 10,
           "SetIntraOpNumThreads": 24, "CreateTensorWithDataAsOrtValue": 49, "CreateCpuMemoryInfo": 69}
WARNINGS_OFF, ARENA_ALLOCATOR, DEFAULT_MEMORY = 3, 1, 0

Pointer, Size, Int, Text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_char_p


def load_library():
    folder = pathlib.Path(onnxruntime.__file__).parent / "capi"
    found = sorted(folder.glob("libonnxruntime.so*"))
    if not found:
        raise RuntimeError(f"no libonnxruntime.so in {folder}: the package from PyPI has it for Linux")
    library = ctypes.CDLL(str(found[0]))
    library.OrtGetApiBase.restype = Pointer
    return library


class Api:
    def __init__(self):
        self.library = load_library()
        get_api = ctypes.cast(self.library.OrtGetApiBase(), ctypes.POINTER(Pointer))[0]
        api = ctypes.CFUNCTYPE(Pointer, ctypes.c_uint32)(get_api)(1)
        self.members = ctypes.cast(api, ctypes.POINTER(Pointer))

    def function(self, name, *types):
        return ctypes.CFUNCTYPE(Pointer, *types)(self.members[MEMBERS[name]])

    def check(self, status):
        if status:
            message = ctypes.CFUNCTYPE(Text, Pointer)(self.members[MEMBERS["GetErrorMessage"]])
            raise RuntimeError(message(status).decode())

    def create(self, name, *arguments):
        """Calls a function whose last argument is where it puts what it made; (type, value) for each of the others."""
        made = Pointer()
        types, values = zip(*arguments) if arguments else ((), ())
        self.check(self.function(name, *types, Pointer)(*values, ctypes.addressof(made)))
        return made


def bind(api, memory, array):
    """A tensor whose elements are those of the array."""
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    return api.create("CreateTensorWithDataAsOrtValue", (Pointer, memory), (Pointer, array.ctypes.data), (Size, array.nbytes),
                      (Pointer, ctypes.addressof(shape)), (Size, array.ndim), (Int, ELEMENT_TYPES[array.dtype.name]))


def texts(named):
    return (Text * len(named))(*(name.encode() for name in named))


def handles(values):
    return (Pointer * len(values))(*(v.value for v in values))


class Session:
    """A session whose inputs and outputs are in arrays, both named. `empty_call` is of the type of `call` and does nothing."""

    def __init__(self, model, threads, inputs, outputs):
        api = Api()
        self.arrays = [numpy.ascontiguousarray(a) for a in (*inputs.values(), *outputs.values())]
        env = api.create("CreateEnv", (Int, WARNINGS_OFF), (Text, b"benchmark"))
        options = api.create("CreateSessionOptions")
        api.check(api.function("SetIntraOpNumThreads", Pointer, Int)(options, threads))
        session = api.create("CreateSession", (Pointer, env), (Text, str(model).encode()), (Pointer, options))
        memory = api.create("CreateCpuMemoryInfo", (Int, ARENA_ALLOCATOR), (Int, DEFAULT_MEMORY))
        values = [bind(api, memory, array) for array in self.arrays]
        of_inputs, of_outputs = values[:len(inputs)], values[len(inputs):]
        self.arguments = (session, None, texts(inputs), handles(of_inputs), len(of_inputs), texts(outputs), len(of_outputs),
                          handles(of_outputs))
        types = (Pointer, Pointer, Pointer, Pointer, Size, Pointer, Size, Pointer)
        self.call = api.function("Run", *types)
        self.empty_call = ctypes.CFUNCTYPE(Pointer, *types)(ctypes.cast(api.library.OrtGetApiBase, Pointer).value)
        api.check(self.call(*self.arguments))

    def time(self, function, count):
        arguments = self.arguments
        before = time.perf_counter_ns()
        for _ in range(count):
            function(*arguments)
        return (time.perf_counter_ns() - before) / count

    def run(self, count):
        """Nanoseconds of one run, the mean of `count`, without what Python takes to call a C function of this type."""
        return self.time(self.call, count) - self.time(self.empty_call, count)
